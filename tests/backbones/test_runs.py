"""Whole runs of other backbones, and what their saved models predict afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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
