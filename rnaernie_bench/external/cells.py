"""One value a unit of an item, as cells of others' tables hold them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from rnaernie_bench.core.errors import DataError


def numbers_of(cell: Any, units: int, where: str) -> list[float]:
    """Return the numbers of a cell: one, or a list, in brackets or not, between commas or blanks.

    Raises:
        DataError: naming `where` of what is no finite number, or of another number of them.
    """
    try:
        found = [float(word) for word in _words(cell, units, where)]
    except (TypeError, ValueError) as error:
        raise DataError(f"no number: {error}", where=where, remedy="correct it") from error
    if not all(map(math.isfinite, found)):
        raise DataError("a number is not finite", where=where, remedy="correct it")
    return found


def classes_of(cell: Any, units: int, where: str) -> list[str]:
    """Return the classes of a cell: of several units, a list or a letter each.

    Raises:
        DataError: naming `where` of another number of them.
    """
    if units > 1 and isinstance(cell, str) and len(cell.strip()) == units:
        return list(cell.strip())
    return [str(word) for word in _words(cell, units, where)]


def _words(cell: Any, units: int, where: str) -> Sequence[Any]:
    if isinstance(cell, list | tuple):
        found: Sequence[Any] = cell
    elif units == 1:
        found = [cell if cell is None or not isinstance(cell, str) else cell.strip()]
    else:
        found = re.split(r"\s*,\s*|\s+", re.sub(r"[\[\]\"']", "", str(cell)).strip())
    if any(value in (None, "") for value in found):
        raise DataError("a value is missing", where=where, remedy="give one each, or drop the row")
    if len(found) != units:
        raise DataError(
            f"there are {len(found)} values for {units}", where=where, remedy="give one each"
        )
    return found
