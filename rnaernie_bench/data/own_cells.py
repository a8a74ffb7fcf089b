"""What cells of somebody's table say of the bases of a sequence."""

from __future__ import annotations

import re
from typing import Any

from rnaernie_bench.errors import DataError

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
        DataError: naming `where`, if there is anything else.
    """
    try:
        return [None if word in _UNKNOWN else float(word) for word in _words(value)]
    except (TypeError, ValueError) as error:
        raise DataError(
            f"not a list of numbers: {error}", where=where, remedy="write them between blanks"
        ) from error
