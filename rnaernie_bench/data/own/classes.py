"""The classes of somebody's column: which there are, and which of two is positive."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.metrics.problems import Problem, two_classes

_KNOWN = (
    ("0", "1"), ("0.0", "1.0"), ("-1", "1"), ("-1", "+1"), ("-", "+"), ("no", "yes"), ("n", "y"),
    ("false", "true"), ("f", "t"), ("negative", "positive"), ("neg", "pos"), ("control", "case"),
    ("absent", "present"), ("unbound", "bound"), ("inactive", "active"),
)  # fmt: skip
"""Negative and positive, in either case; beside them, whatever is X after non-X or not X."""


def classes_of(
    found: set[str], problem: Problem, column: str, table: Path, *, letters: bool
) -> list[str]:
    """Return the classes that stand in train, in their order: of two, the negative one first.

    Args:
        found: the classes.
        problem: binary or multiclass.
        column: where they stand.
        table: where that stands.
        letters: whether classes may differ in their case alone, as those of bases do.

    Raises:
        DataError: if the problem asks for another number of them, or two are spelt almost alike.
        ConfigError: if nothing says which of two is positive.
    """
    named = sorted(found)
    if len(named) < 2 or (len(named) > 2 and two_classes(problem)):
        shown = ", ".join(named[:5]) + (", ..." if len(named) > 5 else "")
        needed = "two labels are needed" + ("" if two_classes(problem) else ", or more")
        raise DataError(
            f"the column '{column}' has {len(named)} ({shown or 'none'}), {needed}",
            where=table,
            remedy="state another problem, or name the classes by --classes",
        )
    if odd := next((name for name in named if not name.isprintable()), None):
        raise DataError(
            f"the column '{column}' has the class {odd!r}, which cannot be shown",
            where=table,
            remedy="spell it in one line of letters that can be seen",
        )
    spelt: dict[object, str] = {}
    for name in named:
        if (other := spelt.setdefault(_alike(name, letters), name)) != name:
            raise DataError(
                f"the column '{column}' has '{other}' and '{name}', which are spelt almost alike",
                where=table,
                remedy="spell them alike, or name all classes by --classes",
            )
    return _negative_first(named, column) if two_classes(problem) else named


def _alike(name: str, letters: bool) -> object:
    """Return what two spellings of one class share: a number, or the text in lower case."""
    try:
        return float(name)
    except ValueError:
        return name if letters else " ".join(name.casefold().split())


def _negative_first(named: Sequence[str], column: str) -> list[str]:
    for negative, positive in (named, named[::-1]):
        low, high = negative.casefold(), positive.casefold()
        if (low, high) in _KNOWN or re.fullmatch(f"(?:non|not)[-_ ]?{re.escape(high)}", low):
            return [negative, positive]
    first, second = named
    raise ConfigError(
        f"the column '{column}' does not say whether '{first}' or '{second}' is positive",
        where="--classes",
        remedy=f"name the positive one last: --classes={first},{second} or "
        f"--classes={second},{first}",
    )
