"""Tables of pairs, checked row by row."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.alphabet import normalise, refuse_foreign
from rnaernie_bench.data.cells import missing, spelt, text_of
from rnaernie_bench.data.tables import Refused, open_file
from rnaernie_bench.task.single_table import PairColumns


@dataclass(frozen=True, slots=True)
class NamedPair:
    """Two named sequences, for prediction."""

    first_id: str
    first: str
    second_id: str
    second: str


def read_named_pairs(source: Path | str, columns: PairColumns) -> Iterator[NamedPair]:
    """Yield the pairs of a table without labels, for prediction; a partner's name is its id.

    Args:
        source: a path, or `-` for standard input.
        columns: what they mean; a partner without a column of names is called by its row.

    Raises:
        DataError: as `pair_rows` does, and for an id that stands for two sequences.
    """
    known: dict[tuple[str, str], tuple[str, str]] = {}
    for number, where, row in pair_rows(source, columns, labelled=False):
        named = []
        for partner, column in (("first", columns.first_group), ("second", columns.second_group)):
            sequence = strand_of(row, columns, partner, where)
            name = text_of(row, column, where) if column else str(number)
            before, place = known.setdefault((partner, name), (sequence, where))
            if before != sequence:
                raise DataError(
                    f"the id '{name}' names another sequence at {place.rpartition(', ')[2]}",
                    where=where,
                    remedy="give each sequence an id of its own",
                )
            named += [name, sequence]
        yield NamedPair(*named)


def pair_rows(
    source: Path | str,
    columns: PairColumns,
    *,
    labelled: bool = True,
    left_out: Collection[int] = (),
    refused: Refused | None = None,
) -> Iterator[tuple[int, str, Mapping[str, Any]]]:
    """Yield number, place and cells by column of each row of a table (`tables.open_file`).

    Args:
        source: a path, or `-` for standard input.
        columns: those that are needed.
        labelled: whether those of labels are among them.
        left_out: the numbers of rows that are passed over.
        refused: receives what is wrong with rows, in place of an error.

    Raises:
        DataError: for a missing column, and as tables do.
    """
    opened = open_file(source)
    needed = {"the first sequence": columns.first, "the second sequence": columns.second}
    needed |= {"the first name": columns.first_group, "the second name": columns.second_group}
    if labelled:
        needed["the label"] = columns.label
        needed |= {f"the label '{label}'": column for label, column in columns.labels.items()}
    opened.require({role: column or None for role, column in needed.items()})
    yield from opened.numbered(left_out, refused)


def renamed(columns: PairColumns, called: Mapping[str, str]) -> PairColumns:
    """Return what columns mean in a file that calls some of them otherwise."""

    def new(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: new(column) for key, column in value.items()}
        return called.get(value, value) if isinstance(value, str) else value

    named = ("first", "second", "label", "first_group", "second_group", "labels")
    return replace(columns, **{name: new(getattr(columns, name)) for name in named})


def name_of(row: Mapping[str, Any], column: str) -> str:
    """Return the name of a partner; empty where it has none."""
    return "" if not column or missing(row[column]) else spelt(row[column])


def strand_of(row: Mapping[str, Any], columns: PairColumns, partner: str, where: str) -> str:
    """Return a normalised sequence, 5' to 3'."""
    column = getattr(columns, partner)
    sequence = normalise(text_of(row, column, where))
    refuse_foreign(sequence, f"{where}, column '{column}'")
    return sequence[::-1] if partner in columns.reversed else sequence
