"""Splits of structure records: by family, and from bpRNA to ArchiveII without what both hold."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.text import read_lines
from rnaernie_bench.structure.records import StructureRecord

Records = tuple[StructureRecord, ...]


class HasSequence(Protocol):
    """A record, or an item of a task."""

    @property
    def sequence(self) -> str:
        """The bases, normalised."""


S = TypeVar("S", bound=HasSequence)


@dataclass(frozen=True)
class Fold:
    """The ids of one fold of a published file."""

    train: frozenset[str]
    test: frozenset[str]


@dataclass(frozen=True)
class StructureSplit:
    """Train, validation and test of one fold."""

    train: Records
    validation: Records
    test: Records


def family(record: StructureRecord) -> str:
    """Return the family of an ArchiveII record: its id up to the first underscore."""
    return record.id.partition("_")[0]


def read_folds(path: Path) -> dict[str, Fold]:
    """Read folds from a CSV file with the columns fold, partition (train or test) and id.

    Raises:
        DataError: naming the line, if it is anything else, or names an id twice in a fold.
    """
    parts: dict[str, dict[str, set[str]]] = {}
    lines = read_lines(path)
    header = next(lines, (1, ""))[1]
    if header != "fold,partition,id":
        raise DataError(
            f"the first line is {header[:60]!r}",
            where=f"{path}, line 1",
            remedy="give a CSV file with the columns fold,partition,id",
        )
    for number, line in lines:
        fold, part, name = (*next(csv.reader([line])), "", "", "")[:3]
        chosen = parts.setdefault(fold, {"train": set(), "test": set()})
        if part not in chosen or not name or line.count(",") != 2:
            raise DataError(
                f"the line {line[:60]!r} is not fold, train or test, and an id",
                where=f"{path}, line {number}",
                remedy="mend it",
            )
        if any(name in ids for ids in chosen.values()):
            raise DataError(
                f"the id '{name}' stands in the fold already",
                where=f"{path}, line {number}",
                remedy="name it once",
            )
        chosen[part].add(name)
    return {
        fold: Fold(frozenset(ids["train"]), frozenset(ids["test"])) for fold, ids in parts.items()
    }


def uncovered(records: Iterable[StructureRecord], folds: Mapping[str, Fold]) -> Records:
    """Return the records that no fold names."""
    named = frozenset().union(*(ids for fold in folds.values() for ids in (fold.train, fold.test)))
    return tuple(record for record in records if record.id not in named)


def leave_family_out(
    records: Sequence[StructureRecord],
    folds: Mapping[str, Fold],
    fold: str,
    *,
    fraction: float = 0.1,
    seed: int = 0,
) -> StructureSplit:
    """Return one fold, with a validation part cut from its train part (`cut_validation`).

    Args:
        records: all of them, in order; those that the fold does not name are left out.
        folds: what `read_folds` returned.
        fold: the family that is tested on.
        fraction: of train, for validation.
        seed: of the cut.

    Raises:
        ConfigError: if there is no such fold.
        DataError: if the fold names an id that no record has.
    """
    if fold not in folds:
        raise ConfigError(
            f"unknown fold '{fold}'", where="fold", remedy=did_you_mean(fold, list(folds))
        )
    ids = folds[fold]
    missing = sorted((ids.train | ids.test) - {record.id for record in records})
    if missing:
        raise DataError(
            f"{len(missing)} ids of the fold have no record, the first is '{missing[0]}'",
            where=f"fold {fold}",
            remedy="give the records and the folds of one release",
        )
    train, validation = cut_validation(
        [record for record in records if record.id in ids.train], fraction=fraction, seed=seed
    )
    return StructureSplit(
        train, validation, tuple(record for record in records if record.id in ids.test)
    )


def cut_validation(
    records: Sequence[S], *, fraction: float = 0.1, seed: int = 0
) -> tuple[tuple[S, ...], tuple[S, ...]]:
    """Cut a part off for validation; identical sequences stay together.

    Groups of identical sequences are drawn at random until the part holds `fraction` of the
    records. The draw depends on the sequences and the seed, not on the order of the records.

    Args:
        records: what to cut.
        fraction: between 0 and 1.
        seed: of the draw.

    Returns:
        What is left and what was cut off, each in the order of `records`.
    """
    groups: dict[str, int] = {}
    for record in records:
        groups[record.sequence] = groups.get(record.sequence, 0) + 1
    sequences = sorted(groups)
    wanted = round(fraction * len(records))
    drawn: set[str] = set()
    taken = 0
    for place in np.random.default_rng(seed).permutation(len(sequences)):
        if taken >= wanted:
            break
        drawn.add(sequences[place])
        taken += groups[sequences[place]]
    rest = tuple(record for record in records if record.sequence not in drawn)
    return rest, tuple(record for record in records if record.sequence in drawn)


def without_identical(
    records: Iterable[StructureRecord], *others: Iterable[StructureRecord]
) -> Records:
    """Return the records whose sequence stands in none of `others`.

    From bpRNA to ArchiveII it removes 812 records that stand in TR0, and those of VL0 and TS0.
    """
    seen = {record.sequence for other in others for record in other}
    return tuple(record for record in records if record.sequence not in seen)
