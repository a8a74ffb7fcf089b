"""Edit distances of one sequence to many at once, as far as they are small; compiled.

The bit-parallel recurrence of Myers (1999), in the banded form of Hyyro (2003): a word holds the
vertical differences of 64 rows of the table of a pair, and bits move with the diagonal. With at
most d edits, two sequences whose lengths differ by x are aligned within (d - x) / 2 diagonals
beside the first and the last, so that nothing outside that band is computed and no pair within d
is missed. The distance on the last diagonal never falls: once it is above d for all of `LANES`
sequences, which are computed together, they are given up.

All of it stands in one file because Numba's cache of a compiled function does not notice a change
of a function that it calls in another file.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

LANES = 64
"""Sequences that are compared with another at once: processors add several words in one step."""

_SLACK = 1e-6  # a pair exactly at the threshold counts, despite rounding

Encoded = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Letters of sequences one after the other as numbers from 0; where each begins, and the end."""


def encoded(*groups: Sequence[str]) -> tuple[list[Encoded], int]:
    """Return sequences as numbers, equal letters of all groups alike; and how many letters."""
    texts = [np.frombuffer("".join(group).encode("ascii"), dtype=np.uint8) for group in groups]
    table = np.zeros(256, dtype=np.uint8)
    letters = np.unique(np.concatenate(texts))
    table[letters] = np.arange(len(letters), dtype=np.uint8)
    return [
        (table[text], np.cumsum([0, *map(len, group)], dtype=np.int64))
        for text, group in zip(texts, groups, strict=True)
    ], len(letters)


@njit(nogil=True, cache=True)
def linked(codes, bounds, letters, threshold):  # type: ignore[no-untyped-def]
    """Return the cluster of each sequence: single linkage of all pairs at the threshold.

    Pairs that are linked already are not compared.

    Args:
        codes: of sequences in ascending order of their lengths, as `encoded` returns them.
        bounds: of the same.
        letters: how many there are.
        threshold: the least identity.

    Returns:
        int64 of shape (sequences,): the index of a member of the cluster, the same for all members.
    """
    count = len(bounds) - 1
    lengths = bounds[1:] - bounds[:-1]
    longest = lengths[count - 1]
    _, pad, planes, state, goal, limit, hits = _room(longest, longest, letters, threshold)
    parent, roots = np.arange(count), np.empty(LANES, np.int64)
    wanted, start = np.full(LANES, threshold), 0
    for first in range(0, count, LANES):
        last = min(first + LANES, count)
        _spread(codes, bounds, first, last, pad, planes)
        for lane in range(last - first):
            roots[lane] = _root(parent, first + lane)
        while lengths[start] < threshold * lengths[first] - 1:
            start += 1
        for query in range(start, last):
            own = _root(parent, query)
            for lane in range(LANES):
                here = lane < last - first and first + lane > query and roots[lane] != own
                wanted[lane] = threshold if here else 2.0
            n = lengths[query]
            above, used = _aim(n, lengths[first:last], wanted, goal, limit)
            text = codes[bounds[query] : bounds[query + 1]]
            if not used or not _columns(text, planes, pad, used, above, goal, limit, state, hits):
                continue
            for lane in range(last - first):
                if n - hits[lane] <= limit[lane]:
                    own, other = _root(parent, query), _root(parent, first + lane)
                    parent[max(own, other)] = min(own, other)
                    for k in range(last - first):
                        roots[k] = _root(parent, first + k)
    for place in range(count):
        parent[place] = _root(parent, place)
    return parent


@njit(nogil=True, cache=True)
def nearest(codes, bounds, references, places, order, letters, threshold):  # type: ignore[no-untyped-def]
    """Return the identity of each sequence to its nearest reference, and which that is.

    Args:
        codes: of queries in ascending order of their lengths, as `encoded` returns them.
        bounds: of the same.
        references: codes of references in ascending order of their lengths.
        places: the bounds of references.
        order: what references are called: of equally near ones, the lowest is returned.
        letters: how many there are.
        threshold: the least identity that is looked for.

    Returns:
        float64 and int64 of shape (queries,): 0 and -1 where there is none.
    """
    count, known = len(bounds) - 1, len(places) - 1
    lengths, others = bounds[1:] - bounds[:-1], places[1:] - places[:-1]
    best, index = np.zeros(count), np.full(count, -1)
    _, pad, planes, state, goal, limit, hits = _room(
        lengths[count - 1], others[known - 1], letters, threshold
    )
    wanted, start = np.empty(LANES), 0
    for first in range(0, known, LANES):
        last = min(first + LANES, known)
        _spread(references, places, first, last, pad, planes)
        while start < count and lengths[start] < threshold * others[first] - 1:
            start += 1
        for query in range(start, count):
            n = lengths[query]
            if threshold * n > others[last - 1] + 1:
                break
            wanted[:] = max(threshold, best[query])
            above, used = _aim(n, others[first:last], wanted, goal, limit)
            text = codes[bounds[query] : bounds[query + 1]]
            if not used or not _columns(text, planes, pad, used, above, goal, limit, state, hits):
                continue
            for lane in range(last - first):
                if n - hits[lane] <= limit[lane]:
                    m = others[first + lane]
                    identity = 1 - (max(m - n, 0) + n - hits[lane]) / max(m, n)
                    name = order[first + lane]
                    if identity > best[query] or (identity == best[query] and name < index[query]):
                        best[query], index[query] = identity, name
    return best, index


@njit(nogil=True, cache=True)
def _root(parent, place):  # type: ignore[no-untyped-def]
    """Return the first member of a cluster, and shorten the way to it."""
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = parent[place]
    return place


@njit(nogil=True, cache=True)
def _room(longest_text, longest, letters, threshold):  # type: ignore[no-untyped-def]
    """Return words of a band at most, words before a sequence, and arrays to work in."""
    edits = int((1 - threshold) * max(longest, longest_text) + _SLACK)
    words = (2 * edits + 1) // 64 + 1
    pad = words + 1
    last = max(longest, longest_text) // 64 + words + pad + 3
    planes = np.zeros((letters, last, LANES), np.uint64)
    state = np.zeros((4, words + 1, LANES), np.uint64)
    goal, hits = np.zeros((words, LANES), np.uint64), np.zeros(LANES, np.int64)
    return words, pad, planes, state, goal, np.empty(LANES, np.int64), hits


@njit(nogil=True, cache=True)
def _spread(codes, bounds, first, last, pad, planes):  # type: ignore[no-untyped-def]
    """Set the bits of the places that each letter has in sequences, one a lane."""
    planes[:] = 0
    for lane in range(last - first):
        start = bounds[first + lane]
        for place in range(bounds[first + lane + 1] - start):
            bit = place + 64 * pad
            planes[codes[start + place], bit >> 6, lane] |= np.uint64(1) << np.uint64(bit & 63)


@njit(nogil=True, cache=True)
def _aim(n, lengths, wanted, goal, limit):  # type: ignore[no-untyped-def]
    """Set where the last diagonal of each lane is, and how many of its steps may be edits.

    Args:
        n: the length of the text.
        lengths: of the sequences in the lanes.
        wanted: the least identity in each lane; above 1 where it is not asked for.
        goal: uint64 (words, lanes), in which the bit of the last diagonal is set.
        limit: int64 (lanes,); -1 where no distance can be small enough.

    Returns:
        How many diagonals the band has above the first, and its width in words; 0 of no use.
    """
    above, below = 0, -1
    for lane in range(LANES):
        limit[lane] = -1
        if lane < len(lengths) and wanted[lane] <= 1:
            change = lengths[lane] - n
            edits = int((1 - wanted[lane]) * max(n, lengths[lane]) + _SLACK)
            if edits >= abs(change):
                limit[lane] = edits - max(change, 0)
                beside = (edits - abs(change)) // 2
                above = max(above, beside + max(-change, 0))
                below = max(below, beside + max(change, 0))
    if below < 0:
        return 0, 0
    goal[:] = 0
    for lane in range(len(lengths)):
        if limit[lane] >= 0:
            bit = above + lengths[lane] - n
            goal[bit >> 6, lane] = np.uint64(1) << np.uint64(bit & 63)
    return above, (above + below) // 64 + 1


@njit(nogil=True, cache=True)
def _columns(text, planes, pad, words, above, goal, limit, state, hits):  # type: ignore[no-untyped-def]
    """Compute the table of a text and all lanes column by column, until none is within its limit.

    Args:
        text: uint8 (n,).
        planes: uint64 (letters, words, lanes), as `_spread` sets them.
        pad: the words before a sequence.
        words: of the band.
        above: its diagonals above the first.
        goal: as `_aim` sets it.
        limit: the same.
        state: uint64 (4, words + 1, lanes), to work in.
        hits: int64 (lanes,), filled: steps of the last diagonal that are no edits.

    Returns:
        Whether any lane may be within its limit.
    """
    one, top, full = np.uint64(1), np.uint64(63), ~np.uint64(0)
    rising, falling, level, carry = state[0], state[1], state[2], state[3, 0]
    for word in range(words):
        low = above - 64 * word
        bits = full if low <= 0 else (np.uint64(0) if low >= 64 else full << np.uint64(low))
        for lane in range(LANES):
            rising[word, lane], falling[word, lane] = bits, 0
    for lane in range(LANES):
        hits[lane], level[words, lane] = 0, 0
    for column in range(len(text)):
        letter = planes[text[column]]
        for lane in range(LANES):
            carry[lane] = 0
        for word in range(words):
            bit = column - above + 64 * (word + pad)
            place, right = bit >> 6, np.uint64(bit & 63)
            left = top - right
            for lane in range(LANES):
                match = (letter[place, lane] >> right) | ((letter[place + 1, lane] << one) << left)
                up = rising[word, lane]
                part = match & up
                total = part + up
                whole = total + carry[lane]
                carry[lane] = np.uint64(total < part) | np.uint64(whole < total)
                same = (whole ^ up) | match | falling[word, lane]
                level[word, lane] = same
                hits[lane] += (same & goal[word, lane]) != 0
        for word in range(words):
            for lane in range(LANES):
                same, up = level[word, lane], rising[word, lane]
                grows = falling[word, lane] | ~(same | up)
                ahead = (same >> one) | (level[word + 1, lane] << top)
                rising[word, lane] = (same & up) | ~(ahead | grows)
                falling[word, lane] = ahead & grows
        if column & 7 == 7:
            near = False
            for lane in range(LANES):
                near |= column + 1 - hits[lane] <= limit[lane]
            if not near:
                return False
    return True
