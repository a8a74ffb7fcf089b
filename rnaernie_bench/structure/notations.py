"""Base pairs and dot-bracket strings, each made from the other and checked.

Pairs are int32 of shape (pairs, 2), 0-based, i < j, sorted, each base at most once. MultiMolecule's
conversions are right, but importing them takes seconds, which a reader of files must not cost; a
test holds ours to them.
"""

from __future__ import annotations

from string import ascii_uppercase

import numpy as np

from rnaernie_bench.core.errors import DataError

OPENING = "([{<" + ascii_uppercase
CLOSING = ")]}>" + ascii_uppercase.lower()
"""The brackets of the pages of a structure: the first page is nested, each further one crosses."""
UNPAIRED = ".,_-:~"
"""The dot, and the marks that Rfam's notation (WUSS) has for unpaired bases."""

NO_PAIRS = np.empty((0, 2), dtype=np.int32)
NO_PAIRS.flags.writeable = False

_CLOSED_BY = dict(zip(CLOSING, OPENING, strict=True))


def pairs_of_sequence(structure: str, bases: int, *, where: object = None) -> np.ndarray:
    """Return the pairs of a sequence's dot-bracket string, int32 of shape (pairs, 2).

    Args:
        structure: brackets and unpaired marks, one a base.
        bases: the letters of the sequence.
        where: what messages call its place.

    Raises:
        DataError: of another length, or see `dot_bracket_to_pairs`.
    """
    if len(structure) != bases:
        raise DataError(
            f"the structure has {len(structure)} symbols, the sequence {bases} letters",
            where=where,
            remedy="write one mark a base",
        )
    return dot_bracket_to_pairs(structure, where=where)


def dot_bracket_to_pairs(structure: str, *, where: object = None) -> np.ndarray:
    """Return the pairs of a dot-bracket string, int32 of shape (pairs, 2).

    Each kind of bracket is matched by itself: ``()``, ``[]``, ``{}``, ``<>``, ``Aa`` to ``Zz``.

    Args:
        structure: brackets and unpaired marks, one a base.
        where: what messages call its place.

    Raises:
        DataError: naming the position, from 1, of a bracket without partner or an unknown symbol.
    """
    waiting: dict[str, list[int]] = {bracket: [] for bracket in OPENING}
    pairs = []
    for position, mark in enumerate(structure):
        if mark in UNPAIRED:
            continue
        if mark in waiting:
            waiting[mark].append(position)
        elif mark not in _CLOSED_BY:
            raise DataError(
                f"unknown symbol {mark!r} at position {position + 1} of the structure",
                where=where,
                remedy="structures are written in . ( ) [ ] { } < > and letters, A paired with a",
            )
        elif waiting[_CLOSED_BY[mark]]:
            pairs.append((waiting[_CLOSED_BY[mark]].pop(), position))
        else:
            raise _unbalanced(mark, position, where)
    for mark, positions in waiting.items():
        if positions:
            raise _unbalanced(mark, positions[-1], where)
    return np.array(sorted(pairs), dtype=np.int32) if pairs else NO_PAIRS


def _unbalanced(mark: str, position: int, where: object) -> DataError:
    return DataError(
        f"the bracket {mark!r} at position {position + 1} of the structure has no partner",
        where=where,
        remedy="write as many closing brackets as opening ones",
    )


def pairs_to_dot_bracket(pairs: np.ndarray, length: int, *, where: object = None) -> str:
    """Return the dot-bracket string of `length` bases.

    The parentheses get the largest nested part (`nested_part`), the square brackets the largest
    nested part of what is left, and so on.

    Args:
        pairs: integers of shape (pairs, 2).
        length: the number of bases.
        where: what messages call the place of the structure.

    Raises:
        DataError: if the pairs are no structure (`checked_pairs`), or need more than 30 pages.
    """
    rest = checked_pairs(pairs, length, where=where)
    marks = ["."] * length
    for opening, closing in zip(OPENING, CLOSING, strict=True):
        if not len(rest):
            break
        nested = nested_part(rest)
        for i, j in rest[nested].tolist():
            marks[i], marks[j] = opening, closing
        rest = rest[~nested]
    if len(rest):
        raise DataError(
            f"the pairs cross so often that {len(OPENING)} kinds of brackets do not do",
            where=where,
            remedy="write the structure as BPSEQ or CT",
        )
    return "".join(marks)


def checked_pairs(pairs: np.ndarray, length: int, *, where: object = None) -> np.ndarray:
    """Return `pairs` sorted, i before j, as int32 of shape (pairs, 2).

    Args:
        pairs: integers of shape (pairs, 2), 0-based, in any order.
        length: the number of bases.
        where: what messages call the place of the structure.

    Raises:
        DataError: naming, from 1, a base out of range, paired with itself, or paired twice.
    """
    ordered = np.sort(np.asarray(pairs, dtype=np.int64).reshape(-1, 2), axis=1)
    ordered = ordered[np.argsort(ordered[:, 0], kind="stable")]
    outside = ordered[(ordered < 0) | (ordered >= length)]
    if outside.size:
        raise DataError(
            f"a pair names base {outside[0] + 1} of {length}",
            where=where,
            remedy="count bases from 1 to the length of the sequence",
        )
    alone = ordered[ordered[:, 0] == ordered[:, 1]]
    if alone.size:
        raise DataError(
            f"base {alone[0, 0] + 1} is paired with itself",
            where=where,
            remedy="write unpaired bases as such",
        )
    bases, times = np.unique(ordered, return_counts=True)
    if (times > 1).any():
        raise DataError(
            f"base {bases[times > 1][0] + 1} is paired more than once",
            where=where,
            remedy="a base has one partner at most",
        )
    return ordered.astype(np.int32)


def partners(pairs: np.ndarray, length: int) -> np.ndarray:
    """Return the partner of each base, -1 for none, as int32 of shape (length,)."""
    table = np.full(length, -1, dtype=np.int32)
    table[pairs[:, 0]] = pairs[:, 1]
    table[pairs[:, 1]] = pairs[:, 0]
    return table


def nested_part(pairs: np.ndarray) -> np.ndarray:
    """Say which pairs belong to the largest part without crossings; the others make pseudoknots.

    Of equally large parts it is the one with the pair that opens first
    (`kernels.largest_nested`). What a file's brackets say about pages does not matter.

    Args:
        pairs: checked pairs of shape (pairs, 2).

    Returns:
        bool of shape (pairs,).
    """
    i, j = pairs[:, 0], pairs[:, 1]
    if len(pairs) < 2 or not _any_crossing(i, j):
        return np.ones(len(pairs), dtype=bool)
    from rnaernie_bench.structure.kernels import largest_nested

    return largest_nested(np.ascontiguousarray(pairs))


def _any_crossing(i: np.ndarray, j: np.ndarray) -> bool:
    """Say whether any two pairs cross: whether brackets of one kind would pair otherwise.

    Spares most structures, which are nested, the seconds that loading Numba takes.
    """
    waiting: list[int] = []
    closing = set(j.tolist())
    partner = dict(zip(i.tolist(), j.tolist(), strict=True))
    for base in sorted(closing | partner.keys()):
        if base in partner:
            waiting.append(partner[base])
        elif waiting.pop() != base:
            return True
    return False
