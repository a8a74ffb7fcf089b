"""Whole runs of other backbones, and what their saved models predict afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from rnaernie_bench.testing import check_saved
from tests.kit import TINY_NET, make_task

TINY = TINY_NET[1:]
BRIEF = ("trainer.max_epochs=1", "trainer.token_budget=300")
RUNS = {
    "rnabert": (*TINY, "strategy=frozen"),
    "rnamsm": (*TINY, "strategy=full", "task.head=pooled"),
    "utrbert-3mer": (*TINY, "strategy=lora"),
    "kmer-states": ("strategy=frozen",),
    "onehot-states": ("strategy=full",),
}


@pytest.mark.parametrize(
    ("name", "level"),
    [*((name, "sequence") for name in RUNS), ("rnabert", "contact"), ("kmer-states", "contact")],
)
def test_a_saved_model_is_what_was_trained(name: str, level: str, tmp_path: Path) -> None:
    made = make_task(tmp_path, level, "multiclass" if level == "sequence" else "binary")
    assert made.run(f"backbone={name}", *RUNS[name], *BRIEF) == 0
    [run] = made.run_folders()
    record = json.loads((run / "record.json").read_text())
    assert record["backbone"]["init"] == ("fixed" if "states" in name else "random")
    check_saved(run, [made.folder / "tasks"])


@pytest.mark.parametrize("head", ["pooled", "mean"])  # saved whole, and as backbone and head
def test_a_run_starts_from_the_backbone_of_another(head: str, tmp_path: Path) -> None:
    made = make_task(tmp_path, "sequence", "multiclass")
    assert (
        made.run(
            *TINY_NET, "strategy=full", f"task.head={head}", *BRIEF, "trainer.learning_rates=[]"
        )
        == 0
    )
    [first] = made.run_folders()
    further = ("backbone=rnaernie-tiny", f"backbone.source={first.name}", "strategy=frozen")
    assert made.run(*further, "task.head=mean", *BRIEF) == 0
    [second] = [run for run in made.run_folders() if run != first]
    # A frozen backbone is what the earlier run trained it to.
    before, after = (_backbone(run / "model") for run in (first, second))
    names = [name for name in before if "pooler" not in name]
    assert len(names) > 10
    for name in names:
        assert np.array_equal(before[name], after[name])
    record = json.loads((second / "record.json").read_text())
    assert record["backbone"]["init"] == "pretrained"


def _backbone(model: Path) -> dict[str, np.ndarray]:
    """Return the weights of a saved backbone, with a head or without."""
    alone = model / "backbone"
    weights = load_file((alone if alone.is_dir() else model) / "model.safetensors")
    if alone.is_dir():
        return weights
    return {key[6:]: array for key, array in weights.items() if key.startswith("model.")}


def test_a_run_without_a_network_is_no_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = make_task(tmp_path, "sequence", "multiclass")
    assert made.run("backbone=kmer", "backbone.max_k=2") == 0
    [run] = made.run_folders()
    for source, said in ((run.name, "has no network to start from"), ("abc123", "no run 'abc123'")):
        assert made.run("backbone=rnaernie-tiny", f"backbone.source={source}") == 2
        assert said in capsys.readouterr().err
