"""What a task declares of the files and tables that its items are read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rnaernie_bench.core.errors import ConfigError


@dataclass(frozen=True)
class DataFile:
    """One file of a data set: where it is looked for and how it is recognised."""

    path: str
    """Where it lies below a folder of `$RNAERNIE_BENCH_DATA`, and below the cache."""
    sha256: str
    """Hexadecimal digest of its bytes."""
    records: int
    """How many records it holds."""
    url: str = ""
    """The public address it is downloaded from; empty where none is known."""
    part: str = ""
    """The part it belongs to, with other files perhaps; empty if the part has the file's name."""
    label: str = ""
    """The label of all its records; empty where their headers tell."""
    added: bool = False
    """Whether its part came after the first results of this version of the task. The fingerprint of
    the data set leaves the part out, so that those results stay comparable; `sha256` pins it."""
    named: Literal["records", "file"] = "records"
    """What structures are called after: their records; or the file, where records of several files
    share a name: a file of several counts them, `rna0:2`."""
    left_out: tuple[int, ...] = ()
    """The records of a file of structures, or rows of a table, from 1, that cannot be read, and are
    not; `records` counts the others."""
    format: Literal["fasta", "lines", "structures", "stockholm"] = "fasta"
    """`lines`: a sequence a line, its id made of the file's name and the line's number.
    `structures`: dot-bracket, BPSEQ, CT or st, by the ending; contacts are always read so, and
    bases are labelled by whether they pair. `stockholm`: alignments of families, of which
    `dataset.families` says what is read."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Of a table of pairs: what columns are called here that other files call otherwise."""


@dataclass(frozen=True)
class Table:
    """A tabular part: a local CSV, TSV, Parquet or Arrow file, or a hub set."""

    source: str
    """A hub id, or a path below a folder of `$RNAERNIE_BENCH_DATA`."""
    sha256: str = ""
    """Hexadecimal digest of a local file; empty where it is not pinned."""
    records: int = 0
    """How many rows it holds; 0 where that is not declared."""
    url: str = ""
    """The public address it is downloaded from; empty where none is known."""
    header: tuple[str, ...] = ()
    """The columns of a CSV or TSV file without a line of names."""
    separator: str = ""
    """The letter between the cells of a text file; empty: a comma or a tab."""
    comment: str = ""
    """How lines of a text file begin that are passed over; empty: none are."""
    repeats: Literal["", "mean"] = ""
    """For quantities of sequences: rows of one sequence are one item, with the mean of each."""
    split: str = "train"
    """The split of a hub set."""
    revision: str | None = None
    """The commit of a hub set; required for one, so that its content is pinned."""
    id: str = "id"
    """The column of unique ids; row numbers are used where the table has no such column."""
    sequence: str = "sequence"
    """The column of sequences."""
    label: str = "label"
    """The column of labels, as the task spells them; for bases, lists of them, and for pairs of
    bases, lists parallel to `places`."""
    places: str = "places"
    """For pairs of bases: the column that lists those with labels, `[[i, j], ...]`, counted from
    0. Others are of the first class, have none of several labels, or no known quantity."""
    first_base: Literal[0, 1] | None = None
    """For pairs of bases: what the first base is called in lists. Of base pairs, `label` is the
    column of structures, in dot-bracket or as such lists, which must state it; else None is 0."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """For multilabel and regression: the column of each label; of bases, its values are lists, and
    those that are missing at the end are unknown."""
    whole: bool = False
    """For bases: whether lists must have a value a base, and say which are unknown."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """For bases: the column of each label's standard errors."""
    zeros_unknown: bool = False
    """For bases: whether a list of zeros alone stands for what was not measured. A row without any
    other list is then left out."""
    group: str | None = None
    """The column of groups."""
    left_out: tuple[int, ...] = ()
    """The rows, from 1, that cannot be read, and are not; `records` counts the others."""


@dataclass(frozen=True)
class Families:
    """What is read of Stockholm alignments of families, as Rfam has them."""

    types: Mapping[str, str]
    """Type of a family (`#=GF TP`, without its last semicolon) -> label; others are left out. The
    group of an item is the clan of its family (`#=GF CL`), or the family where it has none."""
    shortest: int = 1
    """Bases of the shortest sequence that is read."""
    longest: int | None = None
    """Bases of the longest; None: any."""
    at_most: int | None = None
    """Sequences of a family that are read: those whose ids have the smallest SHA-256; None: all."""

    def __post_init__(self) -> None:
        for name in ("shortest", "longest", "at_most"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                where = f"dataset.families.{name}"
                raise ConfigError("the value must be 1 or more", where=where)
