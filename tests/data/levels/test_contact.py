from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.cuts import hold_out
from rnaernie_bench.data.items import ContactItem, Dataset, TokenItem
from rnaernie_bench.data.levels import contact, token
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.structure.notations import NO_PAIRS
from rnaernie_bench.task.declaration import DataFile, HeldOut
from rnaernie_bench.task.task import Task, load_task
from tests.contact_kit import TASK, ContactTask

FILE = DataFile("in.dbn", "", 0)


def tiny() -> Task:
    task = load_task("ss_contacts")
    dataset = replace(task.dataset, header=r"(?P<id>(?P<group>[^_]+)_.*)")
    return replace(task, dataset=dataset)


def written(folder: Path, text: str) -> Path:
    path = folder / "in.dbn"
    path.write_text(text)
    return path


def test_ids_tell_groups(tmp_path: Path) -> None:
    path = written(tmp_path, ">srp_1\nGGAAACC\n((...))\n>5s_a_b\nacgu\n....\n")
    first, second = contact.read_file(path, FILE, tiny())
    assert (first.id, first.sequence, first.group) == ("srp_1", "GGAAACC", "srp")
    assert first.pairs.tolist() == [[0, 6], [1, 5]]
    assert (second.sequence, second.group, len(second.pairs)) == ("ACGU", "5s", 0)
    paired, _ = token.read_file(path, FILE, tiny())
    assert paired == TokenItem("srp_1", "GGAAACC", np.array([[1, 1, 0, 0, 0, 1, 1]]).T, "srp")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">one\nAC\n..\n", "the id does not match"),
        (">a_1\nAC\n..\n>a_1\nAG\n..\n", "the id 'a_1' stands in"),
        (">a_1\nAC\n.(\n", "has no partner"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        contact.read_file(written(tmp_path, text), FILE, tiny())
    assert "in.dbn, record" in str(caught.value)


def test_pairs_are_in_the_fingerprint() -> None:
    def fingerprint(*pairs: tuple[int, int]) -> str:
        item = ContactItem("a", "GAAAAAC", np.array(pairs, np.int32).reshape(-1, 2))
        return Dataset("tiny", {"train": (item,)}).fingerprint

    assert fingerprint((0, 6)) == fingerprint((0, 6))
    assert len({fingerprint(), fingerprint((0, 6)), fingerprint((0, 5))}) == 3


def test_folds_leave_a_family_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ContactTask(tmp_path)
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(made.data))
    task = load_task(TASK, [made.tasks])
    for simulated in (False, True):
        dataset = load_dataset(task, simulated=simulated)
        split = make_split(task, dataset, "family", fold="right")
        assert split.fold == "right"
        assert {item.group for item in split.tests["test"]} == {"right"}
        assert {item.group for item in (*split.train, *split.validation)} == {"left"}
        kept = {item.sequence for item in split.train}
        assert kept.isdisjoint(item.sequence for item in split.validation)


def test_simulated_pairs_are_canonical() -> None:
    dataset = load_dataset(load_task("ss_contacts"), simulated=True)
    items = [item for part in dataset.parts.values() for item in part]
    assert all(len(item.pairs) for item in items)
    pairs = {item.sequence[i] + item.sequence[j] for item in items for i, j in item.pairs.tolist()}
    assert pairs <= {"GC", "CG", "AU", "UA", "GU", "UG"}


def made(count: int, letters: str = "ACGU", lengths: int = 12) -> tuple[ContactItem, ...]:
    """Return items of which many have one sequence."""
    return tuple(
        ContactItem(str(k), letters[k % len(letters)] * (1 + k % lengths), NO_PAIRS)
        for k in range(count)
    )


def test_identical_sequences_stay_together() -> None:
    items = made(120)
    rest, cut, _ = hold_out(items, HeldOut(0.1))
    assert {item.sequence for item in rest}.isdisjoint(item.sequence for item in cut)
    assert (len(rest), len(cut)) == (110, 10)  # ten of each sequence: one fits into twelve
    assert hold_out(items, HeldOut(0.1))[1] == cut
    assert hold_out(items, HeldOut(0.1, seed=1))[1] != cut


def test_the_cut_does_not_depend_on_the_order() -> None:
    items = made(40, "A", 40)
    _, cut, _ = hold_out(items, HeldOut(0.1))
    _, again, _ = hold_out(items[::-1], HeldOut(0.1))
    assert {item.id for item in cut} == {item.id for item in again}
    assert len(cut) == 4


@pytest.mark.realdata
@pytest.mark.usefixtures("data_folder")
def test_the_real_splits_are_those_of_the_card() -> None:
    task = load_task("ss_contacts")
    dataset = load_dataset(task, simulated=False)
    sizes = {}
    for name, fold in (("bprna", None), ("bprna_to_archiveii", None), ("archiveii_family", "srp")):
        split = make_split(task, dataset, name, fold=fold)
        long = sum(len(item.sequence) > 508 for item in split.tests["test"])
        sizes[name] = (len(split.train), len(split.validation), len(split.tests["test"]), long)
    assert sizes == {
        "bprna": (10814, 1300, 1305, 0),
        "bprna_to_archiveii": (10814, 1300, 2974, 105),
        "archiveii_family": (2651, 295, 918, 1),
    }
