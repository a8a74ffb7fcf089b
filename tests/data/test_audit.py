from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.audit import (
    BEGIN,
    END,
    Audit,
    Overlap,
    PartAudit,
    audit,
    to_markdown,
    write_card,
)
from rnaernie_bench.data.items import Dataset, PairItem, SequenceItem, Split
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.task.task import Task, load_task

BASE = "ACGUACGUAC"


def item(name: str, sequence: str, label: int) -> SequenceItem:
    return SequenceItem(name, sequence, label)


@pytest.fixture
def figures(task: Task) -> Audit:
    """Return the audit of a data set small enough to count by eye."""
    parts = {
        "train": (item("a", BASE, 0), item("b", BASE, 0), item("c", "N" * 509, 1)),
        "validation": (item("d", "ACGUACGUAA", 0), item("e", "GGGGGGGGGG", 1)),
        "test": (
            item("f", BASE, 1),
            item("g", "ACGUACGUCC", 0),
            item("h", "GGGGGGGGAA", 1),
            item("i", "CCCCCCCCCCCC", 1),
        ),
    }
    small = replace(task, labels=("tRNA", "miRNA"))
    dataset = Dataset("tiny", parts)
    return audit(small, dataset, make_split(small, dataset, "published"))


def test_parts_are_counted(figures: Audit) -> None:
    assert [part.name for part in figures.parts] == ["train", "validation", "full", "deduplicated"]
    assert figures.parts[0] == PartAudit(
        name="train",
        rows=3,
        lengths=(10, 10, 509),
        over_limit=1,
        other_letters=1,
        repeated=1,
        per_class=(2, 1),
    )
    assert figures.parts[2].lengths == (10, 10, 12)
    assert figures.parts[3].rows == 3
    assert figures.contradictory == 1


def test_duplicates_are_counted_by_identity_and_class(figures: Audit) -> None:
    found = {(overlap.part, overlap.against): overlap for overlap in figures.overlaps}
    assert found["full", ("train",)] == Overlap(
        "full", ("train",), (1, 3), {1.0: (0, 1), 0.9: (1, 1), 0.8: (1, 1)}, 0
    )
    assert found["full", ("validation",)].duplicates == {1.0: (0, 0), 0.9: (0, 1), 0.8: (1, 2)}
    both = found["full", ("train", "validation")]
    assert both.duplicates == {1.0: (0, 1), 0.9: (1, 1), 0.8: (1, 2)}
    assert found["deduplicated", ("train", "validation")].duplicates[1.0] == (0, 0)
    assert found["validation", ("train",)].duplicates == {1.0: (0, 0), 0.9: (1, 0), 0.8: (1, 0)}
    assert found["validation", ("full",)].duplicates == {1.0: (0, 0), 0.9: (1, 0), 0.8: (1, 1)}
    assert len(found) == len(figures.overlaps) == 9
    assert [o.part for o in figures.overlaps[:3]] == ["validation", "full", "deduplicated"]


def test_tables_show_the_counts(figures: Audit) -> None:
    text = to_markdown(figures)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert ["train", "3", "10", "10", "509", "1", "1", "1"] in rows
    assert ["full", "train", "4", "1", "2", "2", "0", "25.0", "50.0", "50.0", "0.0"] in rows
    assert ["miRNA", "1", "1", "3", "2"] in rows
    assert "1 sequences occur in the data set under more than one label" in text
    assert "simulated" not in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)


def test_simulated_figures_are_marked(task: Task) -> None:
    dataset = load_dataset(task, simulated=True)
    small = Dataset(
        "s", {part: items[:13] for part, items in dataset.parts.items()}, simulated=True
    )
    text = to_markdown(audit(task, small, make_split(task, small, "published")))
    assert "The data are simulated" in text
    assert "Duplicates by class" not in text


@pytest.fixture
def carded(task: Task, tmp_path: Path) -> Task:
    return replace(task, folder=tmp_path)


def test_the_card_s_block_is_replaced_and_nothing_else(carded: Task) -> None:
    carded.card.write_text(f"# Card\n\n{BEGIN}\nold\nfigures\n{END}\n\nMore.\n")
    carded.card.chmod(0o640)
    for _ in range(2):
        write_card(carded, "new figures\n")
        assert carded.card.read_text() == f"# Card\n\n{BEGIN}\nnew figures\n{END}\n\nMore.\n"
    assert [path.name for path in carded.folder.iterdir()] == ["README.md"]
    assert carded.card.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("text", ["no marks", BEGIN, f"{END} {BEGIN}"])
def test_a_card_without_marks_is_left_alone(carded: Task, text: str) -> None:
    carded.card.write_text(text)
    with pytest.raises(DataError, match="no place for the audit"):
        write_card(carded, "new")
    assert carded.card.read_text() == text


def test_a_missing_card_is_an_error(carded: Task) -> None:
    with pytest.raises(DataError, match="cannot be written: No such file"):
        write_card(carded, "new")


@pytest.mark.realdata
def test_the_card_holds_the_figures_of_the_real_data(data_folder: Path, tmp_path: Path) -> None:
    task = load_task("ncrna_cls")
    dataset = load_dataset(task, simulated=False)
    figures = audit(task, dataset, make_split(task, dataset, "published"))
    totals = {
        (overlap.part, overlap.against): [sum(counts) for counts in overlap.duplicates.values()]
        for overlap in figures.overlaps
    }
    assert totals["full", ("train", "validation")] == [347, 360, 732]
    assert totals["deduplicated", ("train", "validation")] == [0, 13, 385]
    assert totals["validation", ("full",)][0] == 38
    assert totals["validation", ("train",)] == [0, 0, 4]
    by_name = {part.name: part for part in figures.parts}
    assert by_name["full"].lengths == (39, 121, 1182)
    assert by_name["train"].other_letters + by_name["validation"].other_letters == 159
    copy = replace(task, folder=tmp_path)
    copy.card.write_text(task.card.read_text())
    write_card(copy, to_markdown(figures))
    assert copy.card.read_text() == task.card.read_text()


def test_parts_of_any_task_can_be_audited(small_task: Callable[..., Task]) -> None:
    task = small_task(
        train=">RF1_a tRNA\nACGT\n>RF1_d miRNA\nAC\n",
        validation=">RF1_b miRNA\nGG\n",
        test=">RF1_c tRNA\nU\n",
    )
    dataset = load_dataset(task, simulated=False)
    figures = audit(task, dataset, make_split(task, dataset, "published"))
    assert figures.labels == ("tRNA", "miRNA")
    assert figures.parts[0].per_class == (1, 1)


def test_partners_of_pairs_are_compared_with_their_like(task: Task) -> None:
    def pair(name: str, first: str, second: str) -> PairItem:
        return PairItem(name, first, second, 0)

    parts = {
        "train": (pair("a", BASE, "G" * 12), pair("b", "ACGUACGUAA", "G" * 12)),
        "validation": (pair("c", "C" * 10, BASE),),
        "test": (pair("d", BASE, "C" * 12), pair("e", "U" * 10, "G" * 11 + "A")),
    }
    small = replace(task, level="pair", problem="binary", labels=("no", "yes"))
    split = Split("only", parts["train"], parts["validation"], {"all": parts["test"]})
    found = audit(small, Dataset("pairs", parts), split)
    assert [(part.name, part.repeated) for part in found.parts] == [
        ("train, first", 0), ("validation, first", 0), ("all, first", 0),
        ("train, second", 1), ("validation, second", 0), ("all, second", 0),
    ]  # fmt: skip
    counts = {(o.part, o.against): o.duplicates for o in found.overlaps}
    assert counts["all, first", ("train",)] == {1.0: (1,), 0.9: (1,), 0.8: (1,)}
    assert counts["all, first", ("validation",)] == {1.0: (0,), 0.9: (0,), 0.8: (0,)}
    assert counts["all, second", ("train",)] == {1.0: (0,), 0.9: (1,), 0.8: (1,)}
    # what stands as a first partner is no duplicate of a second one
    assert counts["validation, second", ("train",)] == {1.0: (0,), 0.9: (0,), 0.8: (0,)}
