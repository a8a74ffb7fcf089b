"""What the cells of somebody's table say: classes, or values of the bases of a sequence."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.metrics.problems import Problem, two_classes

_UNKNOWN = (None, "", "nan", "NaN", "NA", "null", "None")
"""Stands for what is not known of a base."""


def _words(value: Any) -> list[Any]:
    """Return the values of a cell: those of a list, or the words of a text."""
    if isinstance(value, list | tuple):
        return list(value)
    return re.split(r"[\s,;]+", str(value).strip("[] "))


def classes_of_cell(value: Any, where: str) -> list[str | None]:
    """Return the classes of a cell: its words, or the letters of its one word; None for unknown."""
    words = _words(value)
    if len(words) == 1:
        words = list(str(words[0]))
    return [None if word in _UNKNOWN else str(word) for word in words]


def numbers_of_cell(value: Any, where: str) -> list[float | None]:
    """Return the numbers of a cell, None where one is unknown.

    Raises:
        DataError: naming `where`, if there is anything else, or one is infinite.
    """
    try:
        found = [None if word in _UNKNOWN else float(word) for word in _words(value)]
    except (TypeError, ValueError) as error:
        raise DataError(
            f"not a list of numbers: {error}", where=where, remedy="write them between blanks"
        ) from error
    if any(number is not None and math.isinf(number) for number in found):
        raise DataError("a number is infinite", where=where, remedy="write NA where it is unknown")
    return found


def lists_of(
    rows: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    roles: Mapping[str, str | None],
    *,
    classes: bool,
    table: Path,
) -> Iterator[dict[str, Any]]:
    """Yield rows with what they say of bases as lists.

    Args:
        rows: of a table, perhaps with the sequences of FASTA records.
        columns: those of the values of bases.
        roles: the columns of `id`, which may be missing, `sequence` and `group`.
        classes: whether values are classes, not numbers.
        table: where they stand, for messages.

    Raises:
        DataError: naming table, row and column of what is no list, or one that is longer than the
            sequence; or the row of which nothing is known.
    """
    identity, sequence, group = (roles[key] for key in ("id", "sequence", "group"))
    assert identity is not None and sequence is not None
    read = classes_of_cell if classes else numbers_of_cell
    for number, row in enumerate(rows, start=1):
        where = f"{table}, row {number}"
        lists: dict[str, list[Any]] = {}
        bases = len(str(row[sequence] or "").strip())
        for column in columns:
            lists[column] = read(row[column], f"{where}, column '{column}'")
            if len(lists[column]) > bases:
                raise DataError(
                    f"there are {len(lists[column])} values for {bases} bases",
                    where=f"{where}, column '{column}'",
                    remedy="give one a base; those at the end may be missing",
                )
        if all(value is None for values in lists.values() for value in values):
            raise DataError("no label is known", where=where, remedy="remove the row")
        kept = {identity: str(row.get(identity) or number), sequence: row[sequence]}
        yield {**kept, **({group: row[group]} if group else {}), **lists}


def write_lists(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows with lists as Parquet, and return how many there are; none leave no file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = list(rows)
    if found:
        pq.write_table(pa.Table.from_pylist(found), path)
    return len(found)


def check_classes(found: Sequence[str], problem: Problem, column: str, table: Path) -> None:
    """Refuse the classes that stand in train, if the problem asks for another number of them.

    Raises:
        DataError: naming table, column and classes.
    """
    if len(found) == 2 or (len(found) > 2 and not two_classes(problem)):
        return
    shown = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
    needed = "two labels are needed" + ("" if two_classes(problem) else ", or more")
    raise DataError(
        f"the column '{column}' has {len(found)} ({shown or 'none'}), {needed}",
        where=table,
        remedy="state another problem, or name the classes by --classes",
    )
