"""Own data spec: level and problem of somebody's files are stated, never inferred."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import Problem, categorical
from rnaernie_bench.task.single_table import PairColumns


@dataclass(frozen=True)
class OwnData:
    """Files, and the task that they are data of."""

    train: tuple[Path, ...]
    """A table (CSV, TSV, Parquet or Arrow), or a FASTA file and a table of its labels; of pairs, a
    CSV or TSV table; of base pairs, files of structures, or folders of them."""
    test: tuple[Path, ...]
    level: str
    problem: Problem
    label: tuple[str, ...]
    """The column of classes; of several numbers, their columns. Of bases, a cell holds a value a
    base between blanks or commas, or, of classes, a letter a base; those at the end may be
    missing. Base pairs stand in no column: leave it empty."""
    sequence: str = "sequence"
    """The column of sequences."""
    validation: tuple[Path, ...] = ()
    """Chooses everything; cut from train if there is none, in whole groups."""
    group: str | None = None
    """The column that tells relatives; of pairs, the name of the first partner."""
    id: str = "id"
    """The column of ids, by which FASTA records and rows are joined; rows are numbered without, and
    always of pairs."""
    classes: tuple[str, ...] = ()
    """In their order, the negative one first; those of train in alphabetical order if empty."""
    metric: str | None = None
    """What chooses, and what is shown first; the usual one of the problem if None."""
    first: str = "first"
    """For pairs: the column of the first partner's sequence, 5' to 3'."""
    second: str = "second"
    """The same of the second partner."""

    @property
    def parts(self) -> dict[str, tuple[Path, ...]]:
        """The files of each part that has any."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {part: files for part, files in named.items() if files}

    @property
    def pairs(self) -> PairColumns:
        """What the columns of a table of pairs mean."""
        classes = self.classifies
        return PairColumns(
            self.first,
            self.second,
            label=self.label[0] if classes else "",
            first_group=self.group or "",
            labels={} if classes else {column: column for column in self.label},
        )

    @property
    def name(self) -> str:
        """What the task is called: after the file that trains."""
        stem = self.train[0].name.partition(".")[0].lower()
        return "own_" + (re.sub("[^a-z0-9]+", "_", stem).strip("_") or "data")

    @property
    def classifies(self) -> bool:
        """Whether classes are in one column."""
        return self.labelled and categorical(self.problem)

    @property
    def labelled(self) -> bool:
        """Whether labels stand in columns, and not in files of structures."""
        return not LEVELS.get(self.level).decodes(self.problem)
