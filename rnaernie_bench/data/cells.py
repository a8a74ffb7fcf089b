"""What the cells of tables say, at every level: texts, numbers, values of the units of a sequence.

One list of words stands for what is missing, and several values stand in a cell in one of three
forms: between commas, between blanks, or as letters. The first row that tells them apart says which
form its column has, and every other row must follow it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import DataError

MISSING = frozenset(
    (
        *("", "NA", "na", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "-nan", "NaT"),
        *("null", "NULL", "Null", "None"),
    )
)
"""The texts that stand for what is missing; `none`, which can be a class, is none of them."""

_PLAIN = 1e-30
"""What is above and below its inverse needs no test of whether 32 bits hold it."""
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_UNCLOSED = re.compile(r"""^[\["']|[\]"]$""")
_INFINITE = re.compile(r"[-+]?inf(?:inity)?", re.IGNORECASE)


def missing(value: Any) -> bool:
    """Return whether a cell, or one of its values, stands for what is missing."""
    if isinstance(value, str):
        return value.strip() in MISSING
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def spelt(value: Any) -> str:
    """Return a value as text, without outer blanks; a whole number without a fraction."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))  # of whole numbers, pandas makes floats where one is missing
    return "" if value is None else str(value).strip()


def text_of(row: Mapping[str, Any], column: str, where: str) -> str:
    """Return the text of a cell.

    Raises:
        DataError: naming `where` and the column of a cell that is empty or says that it is missing.
    """
    text = spelt(row[column])
    if missing(text):
        said = f" ('{text}')" if text else ""
        raise DataError(
            f"the column '{column}' is empty{said}",
            where=where,
            remedy="complete or remove the row",
        )
    return text


def number(value: Any, where: str) -> float:
    """Return a finite number; nan for what is missing.

    Raises:
        DataError: naming `where`, if it is something else, or one that float32 cannot hold.
    """
    if type(value) is float and _PLAIN < abs(value) < 1 / _PLAIN:  # most of all, so spared the rest
        return value
    if missing(value):
        return math.nan
    text = value.strip() if isinstance(value, str) else value
    try:
        known = not isinstance(text, str) or _NUMBER.fullmatch(text) or _INFINITE.fullmatch(text)
        found = float(text) if known else None
    except (TypeError, ValueError, OverflowError):
        found = None
    remedy = "correct it, or leave it empty where it is unknown"
    if found is None or (math.isinf(found) and not _is_finite_text(text)):
        raise DataError(f"'{value}' is no finite number", where=where, remedy=remedy)
    with np.errstate(over="ignore", under="ignore"):
        held = float(np.float32(found))
    if math.isinf(held) or (held == 0) != (found == 0):
        raise DataError(
            f"{value} does not fit 32 bits, which hold 1e-45 to 3.4e38",
            where=where,
            remedy="give it in another unit",
        )
    return found


def _is_finite_text(text: Any) -> bool:
    """Return whether a text spells a number, though one that is too large."""
    return isinstance(text, str) and not _INFINITE.fullmatch(text)


@dataclass(frozen=True)
class Form:
    """How a column has several values in a cell, and which row says so."""

    name: str
    where: str


@dataclass
class Forms:
    """The forms of the columns of one table, as its rows tell them."""

    known: dict[str, Form] = field(default_factory=dict)

    def values(
        self, value: Any, column: str, units: int, where: str, *, classes: bool, unit: str = "base"
    ) -> tuple[list[Any], bool]:
        """Return the values of a cell, and whether it was a list, which may end early.

        Args:
            value: a list, or a text that holds one: between commas or blanks, in brackets or not,
                or of classes as letters.
            column: its column.
            units: how many values there should be.
            where: the place of the cell, for messages.
            classes: whether values are classes; else they are numbers.
            unit: what has a value each, for messages.

        Raises:
            DataError: if the text is in another form than those before, or has another number of
                values.
        """
        if missing(value):
            return [None] * units, False
        if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes):
            return list(value), True
        text = spelt(value)
        if (inner := _inside(text, units, classes=classes)) is not None:
            return [_unquoted(word.strip()) for word in inner], True
        form = self._form(text, column, units, where, classes)
        if form.name == "letters":
            if stray := next((mark for mark in text if mark == "," or mark.isspace()), None):
                raise DataError(
                    f"a {'comma' if stray == ',' else 'blank'} stands among letters, one a {unit}",
                    where=where,
                    remedy=f"write all rows alike: {form.where} has letters",
                )
            found = list(text)
        else:
            words = text.split(",") if form.name == "commas" else text.split()
            found = [_unquoted(word.strip()) for word in words]
            if stray := next((w for w in found if len(w) > 1 and _UNCLOSED.search(w)), None):
                raise DataError(
                    f"{stray} is no value: a bracket or quote does not close",
                    where=where,
                    remedy="write values alone, or a whole list in brackets",
                )
        if len(found) != units:
            raise self._miscounted(found, form, units, where, unit)
        return found, False

    def _form(self, text: str, column: str, units: int, where: str, classes: bool) -> Form:
        """Return the form of a column, which this cell decides if none before has."""
        if column in self.known:
            return self.known[column]
        blank = any(mark.isspace() for mark in text)
        name = "commas" if "," in text else "blanks" if blank or not classes else "letters"
        form = Form(name, where.rpartition(", column")[0].rpartition(", ")[2])
        if units > 1:  # one value alone looks alike in all forms
            self.known[column] = form
        return form

    def _miscounted(
        self, found: list[Any], form: Form, units: int, where: str, unit: str
    ) -> DataError:
        between = {
            "commas": " between commas",
            "blanks": " between blanks",
            "letters": " (letters)",
        }
        return DataError(
            f"there {'is' if len(found) == 1 else 'are'} {len(found)} "
            f"value{'' if len(found) == 1 else 's'}{between[form.name]} for {units} {unit}s",
            where=where,
            remedy=f"give one a {unit}, NA where it is unknown, in the form of {form.where}"
            if form.name != "letters"
            else f"give one letter a {unit}, as {form.where} does",
        )


def _inside(text: str, units: int, *, classes: bool) -> list[str] | None:
    """Return the words of a list in brackets, as Python, JSON or NumPy writes it; else None.

    Brackets can be classes themselves: of classes, ``[ . ]`` and ``[A.a]`` are no lists, ``[a, b]``
    and ``['.']`` are.
    """
    if len(text) < 2 or (text[0], text[-1]) not in (("[", "]"), ("(", ")")):
        return None
    inner = text[1:-1].strip()
    if not inner:
        return None if classes and units else []
    words = inner.split(",") if "," in inner else inner.split()
    quoted = text[1] in "'\""
    plain = text[0] == "[" and text[1].isalnum() and (len(words) > 1 or units == 1)
    return words if quoted or plain or not classes else None


def _unquoted(word: str) -> str:
    quoted = len(word) > 1 and word[0] == word[-1] and word[0] in "'\""
    return word[1:-1] if quoted else word


def list_of(value: Any, where: str) -> list[Any]:
    """Return the elements of a cell that holds a list; in a text table, a list is JSON.

    Raises:
        DataError: naming `where`, if it is none.
    """
    if isinstance(value, str):
        import json

        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if isinstance(value, str) or not isinstance(value, Sequence | np.ndarray):
        raise DataError("a list is needed", where=where, remedy="write [] where there is none")
    return list(value)
