from __future__ import annotations

from dataclasses import replace
from typing import Any

from rnaernie_bench.runs.card import run_card
from rnaernie_bench.task.task import load_task

NCRNA = load_task("ncrna_cls")
TASK = replace(
    NCRNA,
    labels=("tRNA", "IRES"),
    title="ncRNA classes",
    dataset=replace(NCRNA.dataset, licence="CC0", citation="Fiannaca 2017"),
    caveats=("Families recur.",),
)


def _test(f1: float) -> dict[str, Any]:
    return {
        "n": 4,
        "n_truncated": 1,
        "metrics": {"macro_f1": {"value": f1, "low": 0.25, "high": 0.75}},
        "per_class": {
            "tRNA": {"precision": 1.0, "recall": 2 / 3, "f1": 0.8, "support": 3},
            "IRES": {"precision": 0.0, "recall": 0.0, "f1": f1, "support": 1},
        },
    }


RECORD = {
    "run_id": "abc123",
    "seed": 0,
    "protocol": "clean",
    "backbone": {"name": "kmer", "kind": "baseline", "init": None, "parameters": 1234},
    "head": None,
    "strategy": {"name": "fit"},
    "dataset": {"name": "nrc", "simulated": False},
    "split": {"name": "published", "n_train": 10, "n_validation": 5},
    "selection": {"metric": "macro_f1", "stopped_by": "max_epochs"},
    "cost": {"train_s": 1.0},
    "tests": {"deduplicated": _test(0.5), "full": _test(0.125)},
}


def test_the_first_part_is_shown_by_class() -> None:
    card = run_card(TASK, RECORD, whole=False)
    assert "| deduplicated | 4 | 1 | 0.500 [0.250, 0.750] |" in card
    table = card.partition("## Classes, test part deduplicated\n\n")[2].partition("\n\n")[0]
    assert table.splitlines() == [
        "| class | precision | recall | F1 | support |",
        "|---|---|---|---|---|",
        "| tRNA | 1.000 | 0.667 | 0.800 | 3 |",
        "| IRES | 0.000 | 0.000 | 0.500 | 1 |",
    ]
    assert card.count("## Classes") == 1


def test_the_command_holds_wherever_the_folder_lies() -> None:
    card = run_card(TASK, RECORD, whole=False)
    assert "```bash\nrnaernie-bench predict abc123 in.fa -o out.tsv\n```" in card
    assert "`--runs-dir` names another folder" in card
    assert 'predict("abc123", ["GGGCUUCGGCCC"])' in card


def test_what_was_trained_and_under_which_licence() -> None:
    card = run_card(TASK, RECORD, whole=False)
    assert "- Task: ncRNA classes; level sequence, problem multiclass, classes tRNA, IRES." in card
    assert "- Model: the baseline `kmer`." in card
    assert "AGPL-3.0-or-later" in card and "checkpoints" not in card
    assert "MultiMolecule" not in card
    weights = {"init": "pretrained", "kind": "encoder", "weights_sha256": "0123456789abcdef"}
    backbone = {**RECORD["backbone"], **weights, "name": "rnaernie"}
    card = run_card(TASK, {**RECORD, "backbone": backbone, "head": "pooled"}, whole=True)
    assert "backbone `rnaernie` (pre-trained weights 0123456789ab), head `pooled`" in card
    assert "fine-tuned from checkpoints that MultiMolecule hosts" in card
    assert 'AutoModelForSequencePrediction.from_pretrained("model")' in card
