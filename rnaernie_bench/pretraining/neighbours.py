"""A fast search for similar sequences: shared k-mers propose, alignments decide.

`rnaernie_bench.data.leakage` finds every pair, but at 80 % identity its bounds rule out next to
nothing, and a corpus has billions of pairs. Here only references that share enough k-mers with a
query are aligned, so that a similar pair can be missed, never a dissimilar one be found. Of 600
records that it left of Rfam's seeds, a comparison with all 68,333 evaluation items found none to
be 80 % identical to any.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

WORDS = ((160, 8), (48, 6), (0, 5))
"""Length of a query from which on k-mers are so long: the longer it is, the more of the short
k-mers any two sequences share by chance."""

SHARE = 0.25
"""A reference is aligned if it shares so much of what is shared on average at the threshold.

Substitutions at random leave the fraction t^k of the k-mers of a sequence as they are at identity
t. Insertions and deletions, and changes that come in clusters, leave more of them.
"""

_BASES = b"ACGU"
_SLACK = 1e-6  # a pair exactly at the threshold counts, despite rounding


def near(
    queries: Sequence[str],
    references: Sequence[str],
    threshold: float,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.int64]:
    """Return for each query a reference that is nearly identical to it.

    Identity is 1 - edits / length of the longer sequence, as in `nearest_identity`.

    Args:
        queries: normalised sequences.
        references: normalised sequences.
        threshold: the lowest identity to look for, in (0, 1].
        progress: called after each query with the numbers done and in total.

    Returns:
        Indices into `references`: of the ones found at or above the threshold the most identical,
        then the one with more shared k-mers; -1 where none was found.
    """
    from rapidfuzz import process
    from rapidfuzz.distance import Levenshtein

    found = np.full(len(queries), -1, dtype=np.int64)
    by_length = np.argsort([len(text) for text in references], kind="stable")
    ordered = [references[i] for i in by_length.tolist()]
    lengths = np.array([len(text) for text in ordered])
    shared = np.zeros(len(ordered), dtype=np.uint16)
    done, longer = 0, np.inf
    for fewest, k in WORDS:
        rows = [i for i, text in enumerate(queries) if fewest <= len(text) < longer]
        longer = fewest
        starts, postings = _index(*_codes(ordered), k) if rows else (shared, shared)
        seen = np.full(4**k, -1, dtype=np.int64)
        for row in rows:
            query = queries[row]
            low = int(np.searchsorted(lengths, threshold * len(query) - 1))
            high = int(np.searchsorted(lengths, len(query) / threshold + 1, side="right"))
            own = _count(*_codes([query]), k, row, seen, starts, postings, low, high, shared)
            fewest_shared = max(1, int(SHARE * threshold**k * own))
            places = np.flatnonzero(shared[low:high] >= fewest_shared) + low
            places = places[np.argsort(-shared[places].astype(np.int64), kind="stable")]
            best = process.extractOne(
                query,
                [ordered[i] for i in places.tolist()],
                scorer=Levenshtein.normalized_similarity,
                score_cutoff=threshold - _SLACK,
            )
            if best is not None:
                found[row] = by_length[places[best[2]]]
            done += 1
            progress(done, len(queries))
    return found


def _codes(texts: Sequence[str]) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Return the letters of all texts as 0..3, others as -1, and where each text begins."""
    table = np.full(256, -1, dtype=np.int8)
    table[np.frombuffer(_BASES, dtype=np.uint8)] = np.arange(4)
    codes = table[np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8)]
    return codes, np.cumsum([0, *map(len, texts)])


@njit(cache=True)
def _word(codes, end, k):  # type: ignore[no-untyped-def]
    """Return the number of the k-mer that ends before `end`, or -1 for other letters."""
    word = 0
    for code in codes[end - k : end]:
        if code < 0:
            return -1
        word = word * 4 + code
    return word


@njit(cache=True)
def _index(codes, bounds, k):  # type: ignore[no-untyped-def]
    """Return, by k-mer, the ascending numbers of the texts that hold it, and where they begin."""
    last = np.full(4**k, -1, dtype=np.int64)
    starts = np.zeros(4**k + 1, dtype=np.int64)
    for text in range(len(bounds) - 1):
        for end in range(bounds[text] + k, bounds[text + 1] + 1):
            word = _word(codes, end, k)
            if word >= 0 and last[word] != text:
                last[word] = text
                starts[word + 1] += 1
    starts = np.cumsum(starts)
    postings = np.empty(starts[-1], dtype=np.int32)
    free = starts.copy()
    last[:] = -1
    for text in range(len(bounds) - 1):
        for end in range(bounds[text] + k, bounds[text + 1] + 1):
            word = _word(codes, end, k)
            if word >= 0 and last[word] != text:
                last[word] = text
                postings[free[word]] = text
                free[word] += 1
    return starts, postings


@njit(cache=True)
def _count(codes, bounds, k, mark, seen, starts, postings, low, high, shared):  # type: ignore[no-untyped-def]
    """Count into `shared[low:high]` how many k-mers of one text each reference holds.

    Returns:
        How many different k-mers the text has; `seen` is marked with `mark` for them.
    """
    shared[low:high] = 0
    own = 0
    for end in range(k, bounds[1] + 1):
        word = _word(codes, end, k)
        if word < 0 or seen[word] == mark:
            continue
        seen[word] = mark
        own += 1
        held = postings[starts[word] : starts[word + 1]]
        for text in held[np.searchsorted(held, low) :]:
            if text >= high:
                break
            shared[text] += 1
    return own
