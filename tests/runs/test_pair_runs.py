"""Runs of a pair-level task on simulated pairs, from the command line to predictions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.config.compose import compose
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.task.task import load_task
from tests.training_kit import TINY_NET

QUICK = ("task=rri", "tracking=none", "trainer.max_epochs=1", "trainer.progress=false")


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    import torch

    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path / "runs"
    torch.set_num_threads(threads)


def run(runs: Path, *settings: str) -> dict:  # type: ignore[type-arg]
    assert main(["run", *QUICK, f"runs_dir={runs}", *settings]) == 0
    (record,) = [json.loads(path.read_text()) for path in runs.glob("rri/*/record.json")]
    return dict(record)


@pytest.mark.parametrize(
    "settings",
    [
        (
            "strategy=full",
            "split=random",
            "task.head=conv_lstm",
            "protocol=as_published",
            "task.train_fraction=0.1",
            "trainer.learning_rates=[]",
            *TINY_NET,
        ),
        ("backbone=mirna_majority", "split=random"),
        ("backbone=seed_only",),
        ("backbone=pair_kmer", "backbone.max_k=2"),
    ],
)
def test_a_run_ends_in_a_record(runs: Path, settings: tuple[str, ...]) -> None:
    record = run(runs, *settings)
    test = record["tests"]["test"]
    assert 0 <= test["metrics"]["auroc"]["value"] <= 1
    assert set(test["metrics"]) >= {"auprc", "mcc", "f1", "brier", "ece"}
    assert record["selection"].get("threshold") is not None
    assert record["recipe"]["encoding"] == "towers"


def test_encodings_are_of_pairs() -> None:
    assert compose(["task=rri"]).task.encoding == "towers"
    assert compose(["task=ncrna_cls"]).task.encoding is None
    with pytest.raises(ConfigError, match=r"task\.encoding"):
        compose(["task=ncrna_cls", "task.encoding=joint"])


def test_the_splits_of_simulated_pairs_keep_partners_apart() -> None:
    task = load_task("rri")
    dataset = load_dataset(task, simulated=True)
    for name, sides in (("mirna_disjoint", ["first"]), ("both_disjoint", ["first", "second"])):
        split = make_split(task, dataset, name)
        for side in sides:
            for key in (side, f"{side}_group"):
                learned = {getattr(item, key) for item in (*split.train, *split.validation)}
                assert not learned & {getattr(item, key) for item in split.tests["test"]}
    split = make_split(task, dataset, "random")
    assert len(split.tests["full"]) == 180
    assert {item.id for item in split.tests["test"]} <= {item.id for item in split.tests["full"]}


@pytest.mark.realdata
@pytest.mark.usefixtures("data_folder")
def test_the_real_splits_are_those_of_the_card() -> None:
    task = load_task("rri")
    dataset = load_dataset(task, simulated=False)
    sizes = {}
    for name in task.splits:
        split = make_split(task, dataset, name)
        sizes[name] = [len(split.train), len(split.validation), len(split.tests["test"])]
    assert sizes == {
        "random": [19957, 2218, 5417],
        "mirna_disjoint": [20368, 1906, 5445],
        "target_disjoint": [19957, 2218, 5544],
        "seed_disjoint": [19957, 2218, 5544],
        "both_disjoint": [12119, 595, 1173],
    }
