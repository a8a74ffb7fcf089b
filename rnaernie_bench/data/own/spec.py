"""Own data spec: level and problem of somebody's files are stated, never inferred."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import Problem, categorical
from rnaernie_bench.task.single_table import PairColumns


@dataclass(frozen=True)
class OwnData:
    """Files, and the task that they are data of."""

    train: tuple[Path, ...]
    """A table (CSV, TSV, Parquet or Arrow), or a FASTA file and a table of its labels; of pairs, a
    CSV or TSV table; of base pairs, files of structures, or folders of them. Empty where models are
    evaluated on `test` alone."""
    test: tuple[Path, ...]
    """Scored once; empty if `split_by` cuts it from train."""
    level: str
    problem: Problem
    label: tuple[str, ...]
    """The column of classes; of several numbers, their columns. Of bases, a cell holds a value a
    base (`data.cells.Forms`). Of base pairs, the column of structures of a table; files of
    structures have none."""
    sequence: str = "sequence"
    """The column of sequences."""
    validation: tuple[Path, ...] = ()
    """Chooses everything; cut from train if there is none."""
    split_by: str = ""
    """What no cut parts beside groups: `group`, `similarity`, `similarity=0.8`, `overlap=20` bases;
    or `item`, which draws at random, where test is cut. Empty: groups."""
    group: str | None = None
    """The column that tells relatives; of pairs, the name of the first partner."""
    id: str = "id"
    """The column of ids, by which FASTA records and rows are joined; rows are numbered without, and
    always of pairs."""
    classes: tuple[str, ...] = ()
    """In their order, the negative one first. If empty, those of train in alphabetical order; of
    two, in the order of a known convention such as no and yes, else they must be named. Of several
    numbers, what their columns stand for, if not for labels of their names."""
    metric: str | None = None
    """What chooses, and what is shown first; the usual one of the problem if None."""
    first_base: Literal[0, 1] | None = None
    """Of base pairs that stand in lists: what the first base is called; never guessed."""
    skip_invalid: bool = False
    """Whether rows of tables, and records of files of structures, that cannot be read are left out,
    instead of refused."""
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
    def splitting(self) -> dict[str, Any]:
        """The keys of a `held_out` or `cut` that `split_by` stands for.

        Raises:
            ConfigError: if it stands for none that the level has, or nothing is cut.
        """
        by, given, number = self.split_by.partition("=")
        if by and self.validation:
            raise ConfigError(
                "validation is a file, and a test part cannot be cut beside it"
                if self.cuts_test
                else "validation and test are files, and nothing is cut",
                where="--split-by",
                remedy="leave out --validation" if self.cuts_test else "leave it out",
            )
        ways = LEVELS.get(self.level).cuts
        if not self.cuts_test:
            ways = tuple(way for way in ways if way in ("group", "overlap", "similarity"))
        key = {"similarity": "identity", "overlap": "overlap"}.get(by)
        if by and (by not in ways or (given and key is None)):
            kind = "" if self.cuts_test else "validation of "
            raise ConfigError(
                f"'{self.split_by}' cuts no {kind}{self.level} data",
                where="--split-by",
                remedy=f"choose one of {', '.join(ways)}" if ways else "leave it out",
            )
        if not given:
            return {"by": by} if by else {}
        try:
            value = (int if key == "overlap" else float)(number)
        except ValueError as error:
            raise ConfigError(
                f"'{number}' is no number", where="--split-by", remedy=f"write {by}=NUMBER"
            ) from error
        return {"by": by, str(key): value}

    @property
    def cuts_test(self) -> bool:
        """Whether the test part is cut from train."""
        return not self.test

    @property
    def pairs(self) -> PairColumns:
        """What the columns of a table of pairs mean."""
        classes = self.classifies
        return PairColumns(
            self.first,
            self.second,
            label=self.label[0] if classes else "",
            first_group=self.group or "",
            labels={} if classes else self.columns,
        )

    @property
    def columns(self) -> dict[str, str]:
        """The column of each label, where labels are numbers in columns of their own."""
        return dict(zip(self.classes or self.label, self.label, strict=True))

    @property
    def stem(self) -> str:
        """What the task's name begins with: the name of the file that trains, or else tests."""
        stem = (self.train or self.test)[0].name.partition(".")[0].lower()
        return "own_" + (re.sub("[^a-z0-9]+", "_", stem).strip("_")[:24] or "data")

    @property
    def classifies(self) -> bool:
        """Whether classes are in one column."""
        return self.labelled and categorical(self.problem)

    @property
    def labelled(self) -> bool:
        """Whether labels stand in columns, and not in files of structures."""
        return not LEVELS.get(self.level).decodes(self.problem)
