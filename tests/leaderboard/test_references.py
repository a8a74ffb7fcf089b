"""Published figures: copied, mapped, cited."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from rnaernie_bench.leaderboard import references
from rnaernie_bench.leaderboard.references import references_for

FOLDER = Path(references.__file__).parent


def one(task: str, source: str, model: str, split: str) -> references.Reference:
    [found] = [
        r for r in references_for(task) if (r.source, r.model, r.split) == (source, model, split)
    ]
    return found


@pytest.mark.parametrize(
    ("task", "source", "model", "split", "metric", "value"),
    [
        ("ncrna_cls", "BEACON", "RNA-FM", "NcRNA", "accuracy", 0.9681),
        ("ss_contacts", "BEACON", "Literature SOTA", "SSP", "f1", 0.654),
        ("degradation", "BEACON", "CNN", "VDP", "mcrmse", 0.361),  # an error, no percentage
        ("ss_contacts", "sinc-lab", "RNAErnie", "ArchiveII k-fold", "f1", 0.706),
        ("ss_contacts", "sinc-lab", "RNAErnie", "ArchiveII leave-family-out macro", "f1", 0.290),
        ("ss_contacts", "sinc-lab", "ERNIE-RNA", "bpRNA TS0", "f1", 0.628),
    ],
)
def test_figures_are_those_published(
    task: str, source: str, model: str, split: str, metric: str, value: float
) -> None:
    reference = one(task, source, model, split)
    assert (reference.metric, reference.value) == (metric, value)


def test_every_figure_belongs_to_a_task() -> None:
    with (FOLDER / "references.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    every = references._references()
    assert len(rows) == len(every) == 353
    # ss_contacts: 18 of BEACON, and all of sinc-lab.
    assert Counter(r.task for r in every)["ss_contacts"] == 18 + 119
    assert len({(r.source, r.model, r.split, r.metric) for r in every}) == len(every)
    for reference in every:
        assert reference.citation and reference.url.startswith("https://")


def test_the_note_says_that_the_split_of_nrc_is_not_ours() -> None:
    notes = {reference.note for reference in references_for("ncrna_cls")}
    [note] = notes
    assert "split of nRC is not ours" in note
    assert "macro F1" in note


def test_a_task_without_figures_has_none() -> None:
    assert references_for("nosuchtask") == ()
