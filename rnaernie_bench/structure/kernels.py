"""The compiled side of structures: dynamic programmes over pairs, none of which holds the GIL.

All of it stands in one file because Numba's cache of a compiled function does not notice a change
of a function that it calls in another file.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def keep_candidates(probabilities, codes, allowed, threshold, nearest, kept):  # type: ignore[no-untyped-def]
    """Copy the pairs that may form, in one pass: what is not touched costs no memory.

    Args:
        probabilities: float32 of shape (bases, bases), read above the diagonal.
        codes: uint8 of shape (bases,), indices into `allowed`.
        allowed: bool of shape (256, 256), which letters may pair.
        threshold: float32, the least probability.
        nearest: the least distance of two bases that pair, 1 or more.
        kept: float32 of shape (bases, bases), zeros, which is filled.

    Returns:
        Whether all probabilities read were numbers; if not, `kept` is of no use.
    """
    n = probabilities.shape[0]
    for i in range(n):
        for j in range(i + nearest, n):
            p = probabilities[i, j]
            if p >= threshold:
                if p > 0 and allowed[codes[i], codes[j]]:
                    kept[i, j] = p
            elif p != p:
                return False
    return True


@njit(nogil=True, cache=True)
def expected_accuracy(kept, gamma):  # type: ignore[no-untyped-def]
    """Turn the probabilities of candidates into what pairing gains over staying unpaired, in place.

    Args:
        kept: float32 of shape (bases, bases): probabilities above the diagonal, 0 for pairs that
            are none; becomes ``2 gamma p_ij - q_i - q_j`` where it was not 0.
        gamma: the weight of paired bases; ``q_i`` is 1 minus the probabilities of base i, or 0.
    """
    n = kept.shape[0]
    unpaired = np.ones(n, dtype=np.float64)
    for i in range(n):
        for j in range(i + 1, n):
            if kept[i, j] > 0:
                unpaired[i] -= kept[i, j]
                unpaired[j] -= kept[i, j]
    unpaired = np.maximum(unpaired, 0.0)
    for i in range(n):
        for j in range(i + 1, n):
            if kept[i, j] > 0:
                kept[i, j] = 2 * gamma * kept[i, j] - unpaired[i] - unpaired[j]


@njit(nogil=True, cache=True)
def nested_maximum(gains):  # type: ignore[no-untyped-def]
    """Find the nested structure of the largest total gain.

    The dynamic programme of Nussinov & Jacobson (1980, doi 10.1073/pnas.77.11.6309): ``best[i, e]``
    is the largest gain of a nested structure on the bases i to e - 1. A row is filled for all `e`
    at once, one partner of `i` after the other, so that the inner loop runs over contiguous memory.
    A partner is passed over where closing the pair brings no more than what the row has already:
    no interval could then need it (the candidate lists of Wexler et al. 2007,
    doi 10.1089/cmb.2007.R020). Cubic time at worst, quadratic memory.

    Args:
        gains: float32 of shape (bases, bases); the part above the diagonal is read, and pairs
            without a positive gain are never formed.

    Returns:
        The pairs as int64 of shape (pairs, 2), i < j, in no order.
    """
    n = gains.shape[0]
    best = np.zeros((n + 1, n + 1), dtype=np.float32)
    for i in range(n - 1, -1, -1):
        row = best[i]
        below = best[i + 1]
        row[i + 1 :] = below[i + 1 :]
        for j in range(i + 1, n):
            gain = gains[i, j]
            if gain > 0:
                closed = gain + below[j]
                if closed > row[j + 1]:
                    filled = row[j + 1 :]
                    right = best[j + 1, j + 1 :]
                    for e in range(filled.size):
                        value = closed + right[e]
                        filled[e] = value if value > filled[e] else filled[e]
    return _trace(gains, best)


@njit(nogil=True, cache=True)
def _trace(gains, best):  # type: ignore[no-untyped-def]
    """Return the pairs that gave ``best[0, n]``, by repeating its sums bit by bit."""
    n = gains.shape[0]
    pairs = np.empty((n // 2, 2), dtype=np.int64)
    stack = np.empty((n + 1, 2), dtype=np.int64)
    stack[0] = 0, n
    found, open_ = 0, 1
    while open_:
        open_ -= 1
        i, e = stack[open_, 0], stack[open_, 1]
        while i < e and best[i, e] == best[i + 1, e]:
            i += 1
        for j in range(i + 1, e):
            if gains[i, j] > 0:
                closed = gains[i, j] + best[i + 1, j]
                if closed + best[j + 1, e] == best[i, e]:
                    pairs[found] = i, j
                    found += 1
                    stack[open_] = j + 1, e
                    stack[open_ + 1] = i + 1, j
                    open_ += 2
                    break
    return pairs[:found]


@njit(nogil=True, cache=True)
def greedy_matching(candidates, n):  # type: ignore[no-untyped-def]
    """Accept pairs in their order wherever both bases are still free.

    Args:
        candidates: integers of shape (pairs, 2), the best pair first.
        n: the number of bases.

    Returns:
        Which candidates were accepted, bool of shape (pairs,).
    """
    taken = np.zeros(n, dtype=np.bool_)
    accepted = np.zeros(len(candidates), dtype=np.bool_)
    for number in range(len(candidates)):
        i, j = candidates[number, 0], candidates[number, 1]
        if not (taken[i] or taken[j]):
            taken[i] = taken[j] = accepted[number] = True
    return accepted


@njit(nogil=True, cache=True)
def crossing(pairs):  # type: ignore[no-untyped-def]
    """Say which pairs cross another one: i < k < j < l.

    Args:
        pairs: integers of shape (pairs, 2), i < j, sorted by i.

    Returns:
        bool of shape (pairs,).
    """
    crossed = np.zeros(len(pairs), dtype=np.bool_)
    for a in range(len(pairs)):
        for b in range(a + 1, len(pairs)):
            if pairs[b, 0] >= pairs[a, 1]:
                break
            if pairs[b, 1] > pairs[a, 1]:
                crossed[a] = crossed[b] = True
    return crossed


@njit(nogil=True, cache=True)
def largest_nested(pairs):  # type: ignore[no-untyped-def]
    """Choose as many pairs as can stand together without crossing.

    Pairs that cross none always belong; among the others a dynamic programme over their bases
    chooses (Smit et al. 2008, doi 10.1261/rna.881308), in time quadratic in their number. Of two
    equally good choices it takes the one with the pair that opens first.

    Args:
        pairs: integers of shape (pairs, 2), i < j, sorted by i, each base at most once; not empty.

    Returns:
        bool of shape (pairs,), True for the chosen ones.
    """
    crossed = crossing(pairs)
    kept = ~crossed
    # The bases of crossing pairs, numbered from 5' to 3' without the others.
    pair_at = np.full(pairs.max() + 1, -1, dtype=np.int64)
    for number in range(len(pairs)):
        if crossed[number]:
            pair_at[pairs[number, 0]] = pair_at[pairs[number, 1]] = number
    m = 2 * crossed.sum()
    partner = np.empty(m, dtype=np.int64)
    pair_of = np.empty(m, dtype=np.int64)
    opened = np.empty(len(pairs), dtype=np.int64)
    rank = 0
    for base in range(pair_at.size):
        number = pair_at[base]
        if number >= 0:
            pair_of[rank] = number
            if base == pairs[number, 0]:
                opened[number] = rank
            else:
                partner[rank] = opened[number]
                partner[opened[number]] = rank
            rank += 1
    best = np.zeros((m + 1, m + 1), dtype=np.int32)
    for i in range(m - 1, -1, -1):
        j = partner[i]
        for e in range(i + 1, m + 1):
            best[i, e] = best[i + 1, e]
            if i < j < e:
                best[i, e] = max(best[i, e], 1 + best[i + 1, j] + best[j + 1, e])
    stack = np.empty((m + 1, 2), dtype=np.int64)
    stack[0] = 0, m
    open_ = 1
    while open_:
        open_ -= 1
        i, e = stack[open_, 0], stack[open_, 1]
        while i < e:
            j = partner[i]
            if i < j < e and best[i, e] == 1 + best[i + 1, j] + best[j + 1, e]:
                kept[pair_of[i]] = True
                stack[open_] = j + 1, e
                open_ += 1
                i, e = i + 1, j
            else:
                i += 1
    return kept
