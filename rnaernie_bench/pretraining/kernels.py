"""The compiled side of masking: the motif automaton, random numbers, and a batch at once.

All of it stands in one file because Numba's cache of a compiled function does not notice a change
of a function that it calls in another file.

Inside a sequence, positions count its bases only: letters other than A, C, G and U, and special
tokens, are left out first, so that nothing below can touch them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

IGNORED = -100
"""The label of a position that is no target."""
BASE, SUBSEQUENCE, MOTIF = range(3)
"""The strategies, as numbers."""

# Columns of an automaton's table after the states that follow on A, C, G and U.
_MOTIF, _NEXT, _COLUMNS = 4, 5, 6
# A motif is its length and, above these bits, its group; an occurrence adds where it ends.
_LENGTH_BITS, _MOTIF_BITS = 16, 32
_BASES = 4

_u64 = np.uint64
_GOLDEN = _u64(0x9E3779B97F4A7C15)


class Automaton(NamedTuple):
    """An Aho-Corasick automaton (Aho & Corasick 1975) with all failure links followed ahead."""

    table: np.ndarray
    """uint32 of shape (states, 6): four successors, the longest motif that ends here (0 for none),
    and the state whose row has the next one. Unsigned, so that an index needs no test of its sign.
    """
    most: int
    """The most motifs that end at one position."""
    shortest: np.ndarray
    """int64 of shape (groups,): length of the shortest motif of each, the most important first."""


class Rules(NamedTuple):
    """What is masked, and by what."""

    rate: float
    mask: float
    random: float
    min_span: int
    max_span: int
    type_rate: float
    untyped_rate: float
    codes: np.ndarray
    """int8 of shape (tokens of the vocabulary,): 0..3 for A, C, G and U, -1 for all others."""
    bases: np.ndarray
    """int64 of shape (4,): the token ids of A, C, G and U."""
    pad_id: int
    mask_id: int
    indicator_id: int
    """The token before a type, or -1 if the vocabulary has none."""


@njit(nogil=True, cache=True)
def build_table(codes, stops, groups):  # type: ignore[no-untyped-def]
    """Build an automaton's table.

    Args:
        codes: the letters of all motifs in a row, 0..3, int8.
        stops: where each motif ends in `codes`, int64 of shape (motifs,).
        groups: the group of each motif, int32; a motif given twice keeps its first.

    Returns:
        The table, and the most motifs that end at one position.
    """
    table = np.zeros((codes.size + 1, _COLUMNS), np.uint32)
    states, start = 1, 0
    for motif in range(stops.size):
        state = 0
        for code in codes[start : stops[motif]]:
            if table[state, code] == 0:
                table[state, code] = states
                states += 1
            state = table[state, code]
        if table[state, _MOTIF] == 0:
            table[state, _MOTIF] = stops[motif] - start + (groups[motif] << _LENGTH_BITS)
        start = stops[motif]
    # Breadth first: the row of a state's longest proper suffix is complete before its own.
    queue = np.zeros(states, np.int32)
    suffixes = np.zeros(states, np.int32)
    ends = np.zeros(states, np.int32)
    tail = 1
    for head in range(states):
        state = queue[head]
        for code in range(_BASES):
            child = table[state, code]
            suffix = table[suffixes[state], code] if state else np.uint32(0)
            if child == 0:
                table[state, code] = suffix
                continue
            is_motif = table[child, _MOTIF] > 0
            suffixes[child] = suffix
            ends[child] = ends[suffix] + is_motif
            if not is_motif:
                table[child, _MOTIF:] = table[suffix, _MOTIF:]
            elif table[suffix, _MOTIF] > 0:  # otherwise the root ends the list
                table[child, _NEXT] = suffix
            queue[tail] = child
            tail += 1
    # In that order the states near the root, where a search spends its time, share few cache lines.
    rank = np.empty(states, np.uint32)
    rank[queue] = np.arange(states)
    table = table[queue]
    for column in (0, 1, 2, 3, _NEXT):
        table[:, column] = rank[table[:, column]]
    return table, ends.max()


@njit(nogil=True, cache=True)
def find_motifs(table, codes, positions, n, found):  # type: ignore[no-untyped-def]
    """Write every occurrence of a motif to `found`, by end, the longest first.

    Args:
        table: of an automaton.
        codes: the bases, 0..3, uint8; the first `n` count.
        positions: where they stand in the sequence; no motif runs over a gap.
        n: number of bases.
        found: int64 of shape (n times the automaton's `most` or more, plus one,); see `unpack`.

    Returns:
        How many there are.
    """
    count = 0
    state = np.uint32(0)
    for i in range(n):
        if i > 0 and positions[i] != positions[i - 1] + 1:
            state = np.uint32(0)
        state = table[state, codes[i]]
        # Most states have one motif or none: written in any case, counted where there is one.
        found[count] = (i + 1 << _MOTIF_BITS) + np.int64(table[state, _MOTIF])
        count += table[state, _MOTIF] > 0
        row = table[state, _NEXT]
        while row:
            found[count] = (i + 1 << _MOTIF_BITS) + np.int64(table[row, _MOTIF])
            count += 1
            row = table[row, _NEXT]
    return count


@njit(inline="always")
def unpack(found):  # type: ignore[no-untyped-def]
    """Return start, length and group of an occurrence; works on arrays too."""
    length = found & ((1 << _LENGTH_BITS) - 1)
    group = (found >> _LENGTH_BITS) & ((1 << _MOTIF_BITS - _LENGTH_BITS) - 1)
    return (found >> _MOTIF_BITS) - length, length, group


@njit(inline="always")
def _mix(z):  # type: ignore[no-untyped-def]
    """Return the output of splitmix64 (Steele, Lea & Flood 2014) in the state `z`."""
    z = (z ^ (z >> _u64(30))) * _u64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> _u64(27))) * _u64(0x94D049BB133111EB)
    return z ^ (z >> _u64(31))


@njit(inline="always")
def _draw(rng):  # type: ignore[no-untyped-def]
    """Return 64 random bits; `rng` is a uint64 of shape (1,), advanced by one."""
    rng[0] += _GOLDEN
    return _mix(rng[0])


@njit(inline="always")
def _below(rng, n):  # type: ignore[no-untyped-def]
    """Return a whole number from 0 to n - 1, uniform to 2^-32."""
    return np.int64(((_draw(rng) >> _u64(32)) * _u64(n)) >> _u64(32))


@njit(inline="always")
def _uniform(rng):  # type: ignore[no-untyped-def]
    """Return a number in [0, 1)."""
    return np.float64(_draw(rng) >> _u64(11)) * 2.0**-53


@njit(nogil=True, cache=True)
def hash_each(key, values):  # type: ignore[no-untyped-def]
    """Return a hash of `key` (uint64) and of each of `values` (int64): uint64 of their shape."""
    out = np.empty(values.size, np.uint64)
    for i in range(values.size):
        out[i] = _mix(key + (_u64(values[i]) + _u64(1)) * _GOLDEN)
    return out


@njit(nogil=True, cache=True)
def choose_each(seeds, n):  # type: ignore[no-untyped-def]
    """Return a number from 0 to n - 1 (int8) for each seed; masking does not use this draw."""
    out = np.empty(seeds.size, np.int8)
    for i in range(seeds.size):
        out[i] = ((_mix(seeds[i]) >> _u64(32)) * _u64(n)) >> _u64(32)
    return out


@njit
def _budget(rng, bases, rate):  # type: ignore[no-untyped-def]
    """Return how many of `bases` to mask: rounded up or down so that the mean is exact."""
    exact = rate * bases
    whole = np.int64(exact)
    return min(bases, max(1, whole + (_uniform(rng) < exact - whole)))


@njit
def _take_bases(rng, budget, n, taken):  # type: ignore[no-untyped-def]
    """Take `budget` further bases at random; at most half of all is ever taken."""
    for _ in range(budget):
        i = _below(rng, n)
        while taken[i]:
            i = _below(rng, n)
        taken[i] = True


@njit
def _span_length(rng, rest, shortest, longest):  # type: ignore[no-untyped-def]
    """Draw a length, uniform among those after which whole spans can fill the rest."""
    chosen, seen = min(rest, longest), 0
    for length in range(shortest, chosen + 1):
        left = rest - length
        if -(-left // longest) * shortest <= left:
            seen += 1
            if _below(rng, seen) == 0:
                chosen = length
    return chosen


@njit
def _take_spans(rng, budget, n, shortest, longest, lengths, taken):  # type: ignore[no-untyped-def]
    """Take spans of `budget` bases together, no two of them touching, anywhere in the sequence."""
    count, rest = 0, budget
    while rest > 0:
        length = _span_length(rng, rest, shortest, longest)
        rest -= length
        # The last length is what the others leave: in random order it is nowhere special.
        other = _below(rng, count + 1)
        lengths[count] = lengths[other]
        lengths[other] = length
        count += 1
    # Every base that stays has one slot before it, and one is at the end: spans in different
    # slots do not touch. Slots are drawn one by one (selection sampling: Knuth, TAOCP 3.4.2 S).
    slots = n - budget + 1
    start = placed = 0
    for slot in range(slots):
        if placed == count:
            return
        if _below(rng, slots - slot) < count - placed:
            stop = start + lengths[placed]
            taken[start:stop] = True
            start = stop
            placed += 1
        start += 1


@njit
def _is_free(taken, start, stop):  # type: ignore[no-untyped-def]
    """Return whether no base from `start` to before `stop` is taken."""
    for i in range(start, stop):  # noqa: SIM110  (Numba knows no generators in `all`)
        if taken[i]:
            return False
    return True


@njit
def _take_motifs(rng, budget, automaton, found, count, taken):  # type: ignore[no-untyped-def]
    """Take whole motifs in random order, group by group, as far as they fit; return the rest."""
    for group in range(automaton.shortest.size):
        for i in range(count):
            if budget < automaton.shortest[group]:
                break
            j = i + _below(rng, count - i)
            found[i], found[j] = found[j], found[i]
            start, length, of = unpack(found[i])
            if of == group and length <= budget and _is_free(taken, start, start + length):
                taken[start : start + length] = True
                budget -= length
    return budget


@njit(nogil=True, cache=True)
def mask_batch(  # type: ignore[no-untyped-def]
    tokens, stops, strategies, seeds, automaton, rules, input_ids, labels, type_masked
):
    """Mask a batch.

    Args:
        tokens: all sequences in a row, int64.
        stops: where each ends in `tokens`, int64 of shape (batch,).
        strategies: int8 of shape (batch,).
        seeds: uint64 of shape (batch,).
        automaton: an `Automaton`.
        rules: the `Rules`.
        input_ids: int64 of shape (batch, longest), written to.
        labels: int64 of the same shape, written to.
        type_masked: bool of shape (batch,), written to.

    Returns:
        The length of the longest sequence written.
    """
    longest = input_ids.shape[1]
    rng = np.empty(1, np.uint64)
    positions = np.empty(longest, np.int64)
    codes = np.empty(longest, np.uint8)
    lengths = np.empty(longest, np.int64)
    found = np.empty(longest * automaton.most + 1, np.int64)
    used = start = 0
    for row in range(stops.size):
        sequence = tokens[start : stops[row]]
        start = stops[row]
        rng[0] = seeds[row]
        n = _lay_out(rng, sequence, rules, input_ids[row], labels[row])
        type_masked[row] = labels[row, n - 2] != IGNORED
        used = max(used, n)
        n = _gather(sequence, rules.codes, codes, positions)
        if n == 0:
            continue
        taken = np.zeros(n, np.bool_)
        rest = _budget(rng, n, rules.rate)
        if strategies[row] == SUBSEQUENCE:
            _take_spans(rng, rest, n, rules.min_span, rules.max_span, lengths, taken)
            rest = 0
        elif strategies[row] == MOTIF:
            count = find_motifs(automaton.table, codes, positions, n, found)
            rest = _take_motifs(rng, rest, automaton, found, count, taken)
        _take_bases(rng, rest, n, taken)
        _replace(rng, positions, taken, rules, input_ids[row], labels[row])
    return used


@njit
def _lay_out(rng, sequence, rules, input_ids, labels):  # type: ignore[no-untyped-def]
    """Copy a sequence, its type left out, masked or kept; return the number of tokens."""
    n = sequence.size
    labels[:] = IGNORED
    input_ids[:n] = sequence
    typed = n > 3 and sequence[n - 3] == rules.indicator_id
    if typed and _uniform(rng) < rules.untyped_rate:
        n -= 2
        input_ids[n - 1] = sequence[n + 1]
    elif typed and _uniform(rng) < rules.type_rate:
        input_ids[n - 2] = rules.mask_id
        labels[n - 2] = sequence[n - 2]
    input_ids[n:] = rules.pad_id
    return n


@njit
def _gather(sequence, code_of, codes, positions):  # type: ignore[no-untyped-def]
    """Write the codes and positions of the bases in a sequence; return their number."""
    n = 0
    for position in range(sequence.size):
        code = code_of[sequence[position]]
        if code >= 0:
            codes[n] = code
            positions[n] = position
            n += 1
    return n


@njit
def _replace(rng, positions, taken, rules, input_ids, labels):  # type: ignore[no-untyped-def]
    """Make every base that was taken a target: hidden, replaced at random, or left as it is."""
    for i in range(taken.size):
        if taken[i]:
            position = positions[i]
            labels[position] = input_ids[position]
            u = _uniform(rng)
            if u < rules.mask:
                input_ids[position] = rules.mask_id
            elif u < rules.mask + rules.random:
                input_ids[position] = rules.bases[_below(rng, _BASES)]
