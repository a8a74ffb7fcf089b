from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.cuts import hold_out
from rnaernie_bench.data.items import Clusters, Dataset, SequenceItem
from rnaernie_bench.data.loading import load_dataset, make_split, subset, used_by
from rnaernie_bench.task.declaration import (
    DataFile,
    HeldOut,
    Similar,
    SplitDeclaration,
    TestPart,
)
from rnaernie_bench.task.task import Task, load_task

PARTS = {
    "train": ">RF1_a tRNA\nACGT\n>RF2_b miRNA\nGGGG\n",
    "validation": ">RF1_c tRNA\nCCCC\n",
    "test": ">RF1_a tRNA\nacgu\n>RF2_d miRNA\nCCCC\n>RF2_e miRNA\nUUUU\n",
}

Make = Callable[..., Task]


def failure(task: Task) -> str:
    with pytest.raises(DataError) as caught:
        load_dataset(task, simulated=False)
    return str(caught.value)


def test_headers_give_ids_labels_and_groups(small_task: Make) -> None:
    dataset = load_dataset(small_task(**PARTS), simulated=False)
    assert dataset.name == "small"
    assert not dataset.simulated
    assert dataset.parts["train"] == (
        SequenceItem("RF1_a", "ACGU", 0, "RF1"),
        SequenceItem("RF2_b", "GGGG", 1, "RF2"),
    )
    assert {name: len(items) for name, items in dataset.parts.items()} == {
        "train": 2,
        "validation": 1,
        "test": 3,
    }


def test_a_header_without_a_group_gives_none(small_task: Make) -> None:
    task = small_task(**PARTS)
    task = replace(task, dataset=replace(task.dataset, header=r"(?P<id>\S+) (?P<label>\S+)"))
    groups = {item.group for item in load_dataset(task, simulated=False).parts["train"]}
    assert groups == {""}


@pytest.mark.parametrize(
    ("train", "words"),
    [
        (">RF1_a tRNA\nA\n>RF1_b mRNA\nA\n", "record 2 (RF1_b mRNA), line 3: unknown label 'mRNA'"),
        (">RF1_a tRNA\nA\n>RF1_b mRNA\nA\n", "did you mean miRNA or tRNA?"),
        (">RF1_a tRNA\nA\n>RF1_a miRNA\nC\n", "the id 'RF1_a' stands in record 1 already"),
        (">RF1_a tRNA\nA\n>X1 tRNA\nC\n", "record 2 (X1 tRNA), line 3: the header does not match"),
        (">RF1_a tRNA more\nA\n", "the header does not match"),
    ],
)
def test_a_wrong_record_is_named(small_task: Make, tmp_path: Path, train: str, words: str) -> None:
    message = failure(small_task(**{**PARTS, "train": train}))
    assert message.startswith(str(tmp_path / "data" / "small" / "train.fasta"))
    assert words in message


def test_another_number_of_records_is_refused(small_task: Make) -> None:
    task = small_task(**PARTS)
    train = task.dataset.files["train"]
    files = {**task.dataset.files, "train": DataFile(train.path, train.sha256, records=3)}
    message = failure(replace(task, dataset=replace(task.dataset, files=files)))
    assert "has 2 records, the task declares 3" in message


def test_missing_data_name_the_command(task: Task) -> None:
    assert "rnaernie-bench data fetch ncrna_cls" in failure(task)


def test_a_test_part_can_leave_out_what_others_hold(small_task: Make) -> None:
    task = small_task(**PARTS)
    split = make_split(task, load_dataset(task, simulated=False), "published")
    assert [item.id for item in split.train] == ["RF1_a", "RF2_b"]
    assert [item.id for item in split.validation] == ["RF1_c"]
    assert [item.id for item in split.tests["full"]] == ["RF1_a", "RF2_d", "RF2_e"]
    assert [item.id for item in split.tests["deduplicated"]] == ["RF2_e"]


def test_a_smaller_train_part_does_not_change_the_tests(small_task: Make) -> None:
    task = small_task(**PARTS)
    dataset = load_dataset(task, simulated=False)
    whole = make_split(task, dataset, "published")
    assert make_split(task, dataset, "published", train_fraction=0.01).tests == whole.tests


def test_an_unknown_split_is_refused(small_task: Make) -> None:
    task = small_task(**PARTS)
    with pytest.raises(ConfigError, match="did you mean published"):
        make_split(task, load_dataset(task, simulated=False), "publshed")


def test_a_missing_part_and_an_empty_test_part_are_refused(small_task: Make) -> None:
    task = small_task(**PARTS)
    parts = load_dataset(task, simulated=False).parts
    with pytest.raises(DataError, match="part 'validation'"):
        make_split(task, Dataset("x", {**parts, "validation": ()}), "published")
    with pytest.raises(DataError, match="or a relative, also occurs in train, validation"):
        make_split(task, Dataset("x", {**parts, "test": parts["train"]}), "published")


def test_one_id_cannot_stand_for_two_test_items(small_task: Make) -> None:
    task = small_task(**PARTS)
    one, two = SequenceItem("x", "ACGU", 0), SequenceItem("x", "GGGG", 1)
    tests = {"a": TestPart("a"), "b": TestPart("b")}
    split = SplitDeclaration("train", "validation", tests)
    declared = replace(task, splits={"s": split})
    train = SequenceItem("t", "AAAA", 0), SequenceItem("s", "AAAC", 1)
    rest = {"train": train, "validation": (SequenceItem("v", "CCCC", 0),)}
    with pytest.raises(DataError, match="the id 'x' of test part 'b' is the id of another item"):
        make_split(declared, Dataset("d", {**rest, "a": (one,), "b": (two,)}), "s")
    kept = make_split(declared, Dataset("d", {**rest, "a": (one,), "b": (one,)}), "s")
    assert kept.tests["b"] == (one,)


def in_two_files(small_task: Make, **contents: str) -> Task:
    """Return a task whose train part is two files, each of one label, with headers of ids only."""
    task = small_task(**PARTS, **contents)
    files = dict(task.dataset.files)
    del files["train"]
    files["one"] = replace(files["one"], part="train", label="tRNA")
    files["two"] = replace(files["two"], part="train", label="miRNA")
    header = r"(?P<id>[^| ]+)(\|.*| (?P<label>\S+))"
    return replace(task, dataset=replace(task.dataset, files=files, header=header))


def test_the_label_of_a_file_is_that_of_its_records(small_task: Make) -> None:
    task = in_two_files(small_task, one=">a|miRNA\nACGU\n", two=">b|tRNA\nGG\n>c|\nCC\n")
    dataset = load_dataset(task, simulated=False)
    assert dataset.parts["train"] == (
        SequenceItem("a", "ACGU", 0),
        SequenceItem("b", "GG", 1),
        SequenceItem("c", "CC", 1),
    )
    assert set(dataset.parts) == {"train", "validation", "test"}
    assert make_split(task, dataset, "published").train == dataset.parts["train"]


def test_an_id_stands_in_one_file_of_a_part(small_task: Make) -> None:
    task = in_two_files(small_task, one=">a|\nACGU\n", two=">a|\nGG\n")
    message = failure(task)
    assert "two.fasta: the id 'a' stands in small/one.fasta already" in message


def test_a_test_part_can_leave_out_groups_and_be_a_share(small_task: Make) -> None:
    task = small_task(**{**PARTS, "test": PARTS["test"].replace("UUUU", "UUUUU")})
    tests = {
        "all": TestPart("test"),
        "other": TestPart("test", without_groups_of=("validation",)),
        "half": TestPart("test", fraction=0.5),
        "long": TestPart("test", length=5),
    }
    task = replace(task, splits={"s": SplitDeclaration("train", "validation", tests)})
    dataset = load_dataset(task, simulated=False)
    split = make_split(task, dataset, "s")
    assert [item.id for item in split.tests["other"]] == ["RF2_d", "RF2_e"]  # RF1 validates
    assert [item.id for item in split.tests["long"]] == ["RF2_e"]
    assert split.tests["half"] == subset(split.tests["all"], 0.5)
    assert Counter(item.label for item in split.tests["half"]) == {0: 1, 1: 1}
    assert used_by(split, dataset).fingerprint == dataset.fingerprint


def test_a_test_part_can_leave_out_relatives(small_task: Make) -> None:
    train = ">RF1_a tRNA\nACGUACGUAC\n>RF2_b miRNA\nGGGGGGGGGG\n"
    near, far = "ACGUACCCCC", "ACGUCCCCCC"  # three and four edits from the first of train
    test = f">RF1_n tRNA\n{near}\n>RF1_f tRNA\n{far}\n>RF2_g miRNA\nGGGGGGGGGG\n"
    task = small_task(**{**PARTS, "train": train, "test": test})
    parts = ("train", "validation")
    tests = {
        bound: TestPart("test", without_similar_to=Similar(parts, float(bound)))
        for bound in ("0.7", "0.75", "1")
    }
    task = replace(task, splits={"s": SplitDeclaration("train", "validation", tests)})
    found = make_split(task, load_dataset(task, simulated=False), "s").tests
    assert [item.id for item in found["0.7"]] == ["RF1_f"]
    assert [item.id for item in found["0.75"]] == [i.id for i in found["1"]] == ["RF1_n", "RF1_f"]


def test_a_pool_takes_parts_together_and_equal_sequences_once(small_task: Make) -> None:
    task = small_task(**PARTS)
    parts = {"all": ("validation", "train", "test")}
    alone = {"full": TestPart("all", without_identical_to=("train",))}
    task = replace(
        task,
        dataset=replace(task.dataset, pools=parts),
        splits={"s": SplitDeclaration("train", "all", alone)},
    )
    dataset = load_dataset(task, simulated=False)
    split = make_split(task, dataset, "s")
    assert [item.id for item in split.validation] == ["RF1_c", "RF1_a", "RF2_b", "RF2_e"]
    assert [item.id for item in split.tests["full"]] == ["RF1_c", "RF2_e"]
    lacking = Dataset("small", {**dataset.parts, "test": ()})
    with pytest.raises(DataError, match="the part 'test' that the split 's' needs"):
        make_split(task, lacking, "s")


def test_the_fingerprint_leaves_out_a_part_that_came_later(small_task: Make) -> None:
    task = small_task(**PARTS)
    before = load_dataset(task, simulated=False).fingerprint
    task = small_task(**PARTS, more=">RF1_m tRNA\nAAAAA\n")
    assert load_dataset(task, simulated=False).fingerprint != before
    files = {**task.dataset.files, "more": replace(task.dataset.files["more"], added=True)}
    dataset = load_dataset(
        replace(task, dataset=replace(task.dataset, files=files)), simulated=False
    )
    assert dataset.fingerprint == before
    assert [item.id for item in dataset.parts["more"]] == ["RF1_m"]
    tests = {"more": TestPart("more")}
    task = replace(task, splits={"s": SplitDeclaration("train", "validation", tests)})
    split = make_split(task, dataset, "s")
    without = replace(split, tests={})
    assert used_by(split, dataset).fingerprint != used_by(without, dataset).fingerprint


def test_what_a_split_does_not_use_is_left_out(small_task: Make) -> None:
    task = small_task(**PARTS)
    tests = {"one": TestPart("test", without_identical_to=("train", "validation"))}
    task = replace(task, splits={"s": SplitDeclaration("train", "validation", tests)})
    dataset = load_dataset(task, simulated=False)
    used = used_by(make_split(task, dataset, "s"), dataset)
    # The first stands in train as well.
    assert [item.id for item in used.parts["test"]] == ["RF1_a", "RF2_e"]
    assert used.parts["train"] == dataset.parts["train"]
    assert used.fingerprint != dataset.fingerprint


def test_validation_is_cut_from_train(small_task: Make) -> None:
    train = "".join(f">RF{n // 2}_{n} {'tRNA' if n < 20 else 'miRNA'}\nACGU{'A' * n}\n"
                    for n in range(40))  # fmt: skip
    task = small_task(**{**PARTS, "train": train})
    declared = SplitDeclaration("train", "train", {"all": TestPart("test")}, HeldOut(0.2))
    task = replace(task, splits={"s": declared})
    dataset = load_dataset(task, simulated=False)
    split = make_split(task, dataset, "s")
    assert Counter(item.label for item in split.validation) == {0: 4, 1: 4}
    assert not {i.group for i in split.train} & {i.group for i in split.validation}
    assert {*split.train, *split.validation} == set(dataset.parts["train"])
    assert make_split(task, dataset, "s", train_fraction=0.5).validation == split.validation


def test_a_part_knows_something_of_each_label(small_task: Make) -> None:
    task = replace(small_task(**PARTS), problem="regression", labels=("one", "two"))
    values = {"A": (1.0, 2.0), "C": (2.0, 3.0), "G": (3.0, math.nan), "U": (4.0, math.nan)}
    *known, first, second = (SequenceItem(n, n, values[n]) for n in "ACGU")
    parts = {"train": (*known, first), "validation": (known[0],), "test": (second,)}
    with pytest.raises(DataError, match=r"nothing is known of 'two' in test part 'full'"):
        make_split(task, Dataset("small", parts), "published")
    only = replace(task, scored=("one",))
    assert make_split(only, Dataset("small", parts), "published").tests["full"] == (second,)
    with pytest.raises(DataError, match=r"nothing is known of 'two' in train"):
        one = {**parts, "train": (first, replace(second, id="V", sequence="AU"))}
        make_split(only, Dataset("small", one), "published")


def test_train_has_two_classes(small_task: Make) -> None:
    task = small_task(**PARTS)
    parts = load_dataset(task, simulated=False).parts
    one = tuple(item for item in parts["train"] if item.label == 0)
    with pytest.raises(DataError, match="the train part has one class, two are needed"):
        make_split(task, Dataset("small", {**parts, "train": one}), "published")


def test_relatives_stay_together_through_groups_and_sequences() -> None:
    # b shares a group with a and a sequence with c, whose group d has: one family of four.
    rows = [("a", "AA", "1"), ("b", "CC", "1"), ("c", "CC", "2"), ("d", "GG", "2"), ("e", "UU", "")]
    items = tuple(SequenceItem(name, sequence, 0, group) for name, sequence, group in rows)
    for seed in range(8):
        train, validation, clusters = hold_out(items, HeldOut(0.2, seed))
        assert [item.id for item in validation] == ["e"]  # one of five is to be taken
        assert {*train, *validation} == set(items)
        assert clusters == Clusters("sequence", None, 2, 4)


@settings(deadline=None)  # the first call imports scipy
@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=60),
    fraction=st.floats(0.01, 0.6),
)
def test_a_cut_takes_a_share_of_each_label(rows: list[tuple[int, int]], fraction: float) -> None:
    items = tuple(
        SequenceItem(f"i{n}", "A" * n, label, f"{label}/{group}")
        for n, (label, group) in enumerate(rows)
    )
    train, validation, _ = hold_out(items, HeldOut(fraction))
    assert tuple(sorted({*train, *validation}, key=items.index)) == items
    assert not {item.group for item in train} & {item.group for item in validation}
    for label, count in Counter(item.label for item in items).items():
        share = max(1, round(fraction * count))
        groups = Counter(item.group for item in items if item.label == label)
        taken = Counter(item.group for item in validation if item.label == label)
        assert len(taken) < len(groups)
        if len(groups) > 1 and min(groups.values()) <= share:
            assert 0 < sum(taken.values()) <= share
        elif len(groups) > 1:  # none fits: the smallest
            assert list(taken.values()) == [min(groups.values())]


def test_one_group_cannot_be_cut(small_task: Make) -> None:
    task = small_task(**{**PARTS, "train": ">RF1_a tRNA\nAC\n>RF1_b miRNA\nGG\n"})
    declared = SplitDeclaration("train", "train", {"all": TestPart("test")}, HeldOut(0.2))
    task = replace(task, splits={"s": declared})
    with pytest.raises(DataError, match="each label is of one cluster"):
        make_split(task, load_dataset(task, simulated=False), "s")


@pytest.mark.realdata
def test_the_published_split_has_the_published_sizes(data_folder: Path, task: Task) -> None:
    dataset = load_dataset(task, simulated=False)
    split = make_split(task, dataset, "published")
    assert (len(split.train), len(split.validation)) == (5670, 650)
    assert {part: len(items) for part, items in split.tests.items()} == {
        "full": 2600,
        "deduplicated": 2253,
    }
    removed = set(split.tests["full"]) - set(split.tests["deduplicated"])
    classes = Counter(task.labels[item.label] for item in removed)
    assert classes.most_common(7) == [
        ("scaRNA", 97),
        ("IRES", 76),
        ("leader", 55),
        ("Intron_gpII", 40),
        ("Intron_gpI", 26),
        ("5_8S_rRNA", 16),
        ("ribozyme", 12),
    ]
    tested = {item.sequence for item in split.tests["full"]}
    assert sum(item.sequence in tested for item in split.validation) == 38
    tenth = make_split(task, dataset, "published", train_fraction=0.1).train
    assert Counter(item.label for item in tenth) == {
        label: 27 if name == "IRES" else 45 for label, name in enumerate(task.labels)
    }


@pytest.mark.realdata
def test_transcripts_share_no_gene_with_train(data_folder: Path) -> None:
    task = load_task("lncrna")
    dataset = load_dataset(task, simulated=False)
    split = make_split(task, dataset, "genes")
    assert (len(split.train), len(split.validation)) == (4374, 486)
    assert Counter(item.label for item in split.validation) == {0: 243, 1: 243}
    sizes = {part: len(items) for part, items in split.tests.items()}
    assert sizes == {"gene_disjoint": 3849, "full": 4860, "human": 1000}
    learned = (split.train, split.validation)
    for part, others in ((split.train, [split.validation]), (split.tests["gene_disjoint"], learned),
                         (split.tests["human"], learned)):  # fmt: skip
        for other in others:
            assert not {item.group for item in part} & {item.group for item in other}
            assert not {item.sequence for item in part} & {item.sequence for item in other}
    assert {item.group[:7] for item in split.train} == {"ENSMUSG"}
    sample = make_split(task, dataset, "sample", train_fraction=0.2)
    assert set(sample.tests["gene_disjoint"]) < set(split.tests["gene_disjoint"])
    assert (len(sample.train), len(sample.tests["gene_disjoint"])) == (874, 769)
    assert sample.validation == split.validation
