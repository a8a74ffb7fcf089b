"""What a task declares: its question, its data, its splits, its metrics, its simulated stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.names import Name
from rnaernie_bench.levels import LEVELS, Level
from rnaernie_bench.metrics.problems import Problem, categorical
from rnaernie_bench.metrics.registry import METRICS, metrics_of
from rnaernie_bench.task.files import DataFile as DataFile
from rnaernie_bench.task.files import Families
from rnaernie_bench.task.files import Table as Table
from rnaernie_bench.task.motifs import Motif
from rnaernie_bench.task.single_table import Cut, Linkage, Negatives, PairColumns, Partner

if TYPE_CHECKING:
    from rnaernie_bench.metrics.answers.base import Answer
    from rnaernie_bench.metrics.measuring import Measures

ResamplingUnit = Literal["item", "group", "group_in_class"]

SHORTEST_SIMULATED = 40
"""Bases of the shortest member of a simulated family."""


@dataclass(frozen=True)
class Metric:
    """A metric and the direction in which it improves."""

    name: str
    """One of `metrics.registry.METRICS`."""
    higher_is_better: bool = None  # type: ignore[assignment]  # until the registry has been asked
    """May be left out: the registry knows it."""

    def __post_init__(self) -> None:
        if self.name not in METRICS:  # what a level allows is checked where the level is known
            return
        known = METRICS.get(self.name).higher_is_better
        if self.higher_is_better not in (None, known):
            better = "higher" if known else "lower"
            raise ConfigError(
                f"of '{self.name}', {better} is better",
                where="main_metric.higher_is_better",
                remedy="correct it, or leave it out",
            )
        object.__setattr__(self, "higher_is_better", known)


@dataclass(frozen=True)
class DatasetDeclaration:
    """Where a task's parts come from, under which licence, and whom to cite."""

    name: str
    licence: str
    citation: str
    header: str = r"(?P<id>\S+)\s+(?P<label>\S+)"
    """Regular expression for FASTA headers; its named groups are id, label (unless the files have
    one) and, if any, group."""
    files: Mapping[str, DataFile] = field(default_factory=dict)
    """FASTA files by name: a part each, or the part that they say."""
    tables: Mapping[str, Table] = field(default_factory=dict)
    """Tabular parts by name."""
    pools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further parts, made of the named ones: their items together, of equal inputs the first."""
    own: bool = False
    """Whether the files were named on a command line (`data.own`): nobody else can look at them, so
    that results stay among the runs."""
    reference: str = ""
    """For variants of one sequence: that sequence. Variants of its length know where they differ
    from it, and belong to the group of the first such position unless a column tells theirs."""
    pairs: PairColumns | None = None
    """For pairs: what the columns of the files mean, which are CSV or TSV then."""
    negatives: Negatives | None = None
    """For pairs without a column of labels: how negatives are made of them."""
    families: Families | None = None
    """For Stockholm files: what is read of them."""
    row_ids: Literal["row", "file"] = "row"
    """What a row without a column of ids is called: its number, or the name of its file and its
    number, where rows of several files stand in the test parts of a split."""

    @property
    def file_parts(self) -> dict[str, dict[str, DataFile]]:
        """The files of each part by name, in their order."""
        parts: dict[str, dict[str, DataFile]] = {}
        for name, file in self.files.items():
            parts.setdefault(file.part or name, {})[name] = file
        return parts

    @property
    def left_out(self) -> int:
        """How many records and rows cannot be read, and are not."""
        every: list[DataFile | Table] = [*self.files.values(), *self.tables.values()]
        return sum(len(each.left_out) for each in every)

    @property
    def added_parts(self) -> frozenset[str]:
        """The parts that fingerprints leave out."""
        return frozenset(file.part or name for name, file in self.files.items() if file.added)

    def members(self, part: str) -> tuple[str, ...]:
        """Return the parts that `part` is made of: itself, unless it is a pool."""
        return self.pools.get(part, (part,))


@dataclass(frozen=True)
class Similar:
    """Parts whose near relatives are taken out of a test part."""

    parts: tuple[str, ...]
    identity: float
    """From which identity on (`data.leakage.nearest_identity`) a sequence is a relative."""


@dataclass(frozen=True)
class TestPart:
    """A named test part: a part of the data set, perhaps without what train and validation hold."""

    __test__ = False  # the name makes pytest look for tests in here

    part: str
    without_identical_to: tuple[str, ...] = ()
    """Parts whose sequences are taken out of this one."""
    without_groups_of: tuple[str, ...] = ()
    """Parts whose groups, such as genes, are taken out of this one."""
    without_similar_to: Similar | None = None
    """Parts whose near relatives, by identity, are taken out of this one."""
    length: int | None = None
    """Keeps sequences of this many bases alone, where lengths tell populations apart. Simulated
    ones, of all lengths, stay."""
    fraction: float = 1.0
    """The share that is kept of what then remains: stratified, the same in every run."""


@dataclass(frozen=True)
class HeldOut(Linkage):
    """A validation part that is cut from train: whole families, the same share of each label."""

    key = "held_out"
    fraction: float
    """The share of train."""
    seed: int = 0
    """Which families are drawn."""
    by: Literal["group", "overlap", "similarity", "first", "second", "seed"] | None = None
    """What makes a family beside identical sequences, as of a cut. None: the group; but for base
    pairs, whose groups are databases or families that all parts hold some of, nothing more."""
    apart: tuple[Partner, ...] = ()
    """Of pairs, partners: train loses those that share a stretch of `overlap` bases with one of
    validation."""


@dataclass(frozen=True)
class Unrelated(Linkage):
    """What train loses: items that are linked with any of some parts, which stay whole."""

    key = "train_without"
    parts: tuple[str, ...]
    by: Literal["group", "overlap", "similarity", "first", "second", "seed"]
    """What links two items beside identical sequences, as of a cut."""


FOLD = "{fold}"
"""Stands for the name of a fold in names of parts."""


@dataclass(frozen=True)
class Folds(Linkage):
    """Which items of its parts a split trains and is tested on, fold by fold."""

    key = "folds"
    names: tuple[str, ...] = ()
    """Those of the file, or what stands for `{fold}` in the names of the split's parts, so that
    each fold has parts of its own; generated ones are numbered from 1."""
    file: DataFile | None = None
    """A CSV file with the columns fold, partition (train or test) and id. On simulated data, a fold
    leaves the group of its name out."""
    generate: int = 0
    """How many folds are made instead: each family of items is tested on in one of them, and is in
    no other part of it."""
    by: Literal["group", "overlap", "similarity"] = "group"
    """What makes a family of generated folds, beside identical sequences."""
    seed: int = 0
    """Which of equally large families is dealt first."""
    alone: Literal["train", "leave_out"] = "train"
    """Where a class has one family only, which cannot be tested on: its items train in every fold,
    or are left out of all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.names) == bool(self.generate) or (self.file and self.generate):
            raise ConfigError("either `names`, perhaps with a `file`, or `generate`", where="folds")
        if self.generate:
            if self.generate < 2:
                raise ConfigError("the value must be 2 or more", where="folds.generate")
            numbers = tuple(str(number + 1) for number in range(self.generate))
            object.__setattr__(self, "names", numbers)


@dataclass(frozen=True)
class SplitDeclaration:
    """Which parts train, validate and test."""

    train: str = ""
    """Empty, as validation, where there are tests alone: nothing trains."""
    validation: str = ""
    """Where `held_out` says how to cut it from train, the part that trains."""
    tests: Mapping[Name, TestPart] = field(default_factory=dict)
    held_out: HeldOut | None = None
    folds: Folds | None = None
    cut: Cut | None = None
    """How all three are cut from the one part that they name."""
    train_without: Unrelated | None = None
    """What train loses, before validation is cut from it."""

    @property
    def by_parts(self) -> bool:
        """Whether each fold has parts of its own."""
        return bool(
            self.folds and self.folds.names and not (self.folds.file or self.folds.generate)
        )


def of_fold(split: SplitDeclaration, fold: str | None) -> SplitDeclaration:
    """Return a split with the parts of a fold, where each has parts of its own."""
    if not split.by_parts or fold is None:
        return split

    def named(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(FOLD, fold)
        if isinstance(value, tuple):
            return tuple(map(named, value))
        if isinstance(value, Similar | Unrelated):
            return replace(value, parts=named(value.parts))
        return value

    tests = {
        key: replace(test, **{f.name: named(getattr(test, f.name)) for f in fields(test)})
        for key, test in split.tests.items()
    }
    others = {key: named(getattr(split, key)) for key in ("train", "validation", "train_without")}
    return replace(split, **others, tests=tests)


def parts_of(split: SplitDeclaration) -> set[str]:
    """Return the parts of the data set that a split names, in all its folds."""
    if split.by_parts:
        assert split.folds is not None
        folds = [replace(of_fold(split, fold), folds=None) for fold in split.folds.names]
        return set[str]().union(*map(parts_of, folds))
    named = {split.train, split.validation} - {""}
    for test in split.tests.values():
        named |= {test.part, *test.without_identical_to, *test.without_groups_of}
        named |= set(test.without_similar_to.parts if test.without_similar_to else ())
    named |= set(split.train_without.parts if split.train_without else ())
    return named - {""}


@dataclass(frozen=True)
class Simulation:
    """A stand-in data set, generated in code: one structured family a label."""

    families: Mapping[str, str]
    """Label -> family of `rnaernie_bench.data.simulated`; where labels are no classes of sequences,
    group -> family."""
    sizes: Mapping[str, int]
    """Part -> number of items."""
    group_size: int | None = None
    """Items of a family and part that make a group, like transcripts of a gene; None: all of a
    family, regardless of its part."""
    length: int | None = None
    """Bases that every sequence has, those in the middle of a member, where a task of whole
    sequences asks about sequences of one length; None: as families have it."""


@dataclass(frozen=True)
class Task:
    """A benchmark task, as its `task.yaml` declares it."""

    name: Name
    version: int
    """A fix that changes numbers is a new version."""
    title: str
    level: str
    """A name in `levels.LEVELS`."""
    problem: Problem
    labels: tuple[str, ...]
    """In their frozen order: a label's index is its class, or its column where there are several
    numbers. Binary contacts have none."""
    main_metric: Metric
    metrics: tuple[str, ...]
    """Further metrics to show."""
    head: str
    """The default head."""
    length: str
    """What happens to a sequence over the limit (`task.lengths.POLICIES`), unless the run says
    otherwise."""
    dataset: DatasetDeclaration
    splits: Mapping[Name, SplitDeclaration]
    default_split: str
    default_test_part: str
    """The test part a leaderboard shows first."""
    simulation: Simulation
    resampling: ResamplingUnit = "item"
    """What intervals and tests draw: items, groups of relatives as a whole, or such groups within
    each class, so that every resample has as many groups of a class as there are."""
    scored: tuple[str, ...] = ()
    """The labels that metrics are averaged over, where not all are: the others are learned, and
    stand in the table by label."""
    types: Mapping[str, str] = field(default_factory=dict)
    """The RNA type (`backbones.vocabulary.RNA_TYPES`) of each label, where labels tell it."""
    caveats: tuple[str, ...] = ()
    """What the figures do not show, printed under every table of this task."""
    shortcuts: tuple[str, ...] = ()
    """Baselines that a model must beat: what it gains over the best stands under every table."""
    motifs: Mapping[str, Motif] = field(default_factory=dict)
    """By name, known motifs that the baseline `motif` looks for."""
    folder: Path = Path()
    """Where the task was found."""

    @property
    def key(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    @property
    def data_files(self) -> dict[str, DataFile]:
        """All files that the task reads, by name: those of its parts and of folds."""
        folds = {
            f"{name}_folds": split.folds.file
            for name, split in self.splits.items()
            if split.folds and split.folds.file
        }
        tables = {
            name: DataFile(table.source, table.sha256, table.records, table.url)
            for name, table in self.dataset.tables.items()
            if table.sha256
        }
        return {**self.dataset.files, **tables, **folds}

    @property
    def level_entry(self) -> Level:
        """How items of its level are read, learned and written."""
        return LEVELS.get(self.level)

    @property
    def answer(self) -> Answer:
        """What is predicted: how it is learned, tuned, scored, stored and shown."""
        from rnaernie_bench.metrics.answers import ANSWERS  # NumPy, which a list of tasks needs not

        return ANSWERS[self.level_entry.answers[self.problem]]

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics of its records: all built-in ones of its answer, and those it declares."""
        declared = (self.main_metric.name, *self.metrics)
        return metrics_of(self.level_entry.answers[self.problem], declared)

    @property
    def measures(self) -> Measures:
        """How predictions are measured: by which metrics, over which columns, drawing what."""
        from rnaernie_bench.metrics.measuring import Measures

        columns = tuple(self.labels.index(label) for label in self.scored) or None
        return Measures(self.answer, self.measured, columns, self.resampling)

    @property
    def classifies(self) -> bool:
        """Whether each label is a class of whole sequences."""
        return self.level_entry.labelled and categorical(self.problem)

    @property
    def decodes(self) -> bool:
        """Whether the answer is the base pairs of a sequence, decoded into a structure."""
        return self.level_entry.decodes(self.problem)

    @property
    def card(self) -> Path:
        """The task card."""
        return self.folder / "README.md"
