from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.contacts import read_contacts
from rnaernie_bench.data.items import ContactItem, Dataset
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.task.declaration import DatasetDeclaration
from rnaernie_bench.task.task import load_task
from tests.contact_kit import TASK, ContactTask

DECLARATION = DatasetDeclaration("tiny", "none", "nobody", r"(?P<id>(?P<group>[^_]+)_.*)")


def written(folder: Path, text: str) -> Path:
    path = folder / "in.dbn"
    path.write_text(text)
    return path


def test_ids_tell_groups(tmp_path: Path) -> None:
    path = written(tmp_path, ">srp_1\nGGAAACC\n((...))\n>5s_a_b\nacgu\n....\n")
    first, second = read_contacts(path, DECLARATION)
    assert (first.id, first.sequence, first.group) == ("srp_1", "GGAAACC", "srp")
    assert first.pairs.tolist() == [[0, 6], [1, 5]]
    assert (second.sequence, second.group, len(second.pairs)) == ("ACGU", "5s", 0)


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
        read_contacts(written(tmp_path, text), DECLARATION)
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
