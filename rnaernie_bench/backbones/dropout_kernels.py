"""The compiled part of `fast_dropout`: masks by hashing, in float32 and in bfloat16.

NumPy knows no bfloat16: tensors of it come as their bits, uint16. Everything is computed in
float32. Every kernel works on a range of items, so that threads can share them; every inner loop
runs along contiguous memory and is vectorised by LLVM.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

CHUNK = 16384
"""Values of a flat tensor that share a row key; the items of `drop`."""

# Infinities stay meaningful: padding columns are masked with them.
_FASTMATH = {"nsz", "contract", "afn", "arcp", "reassoc"}
_f32 = np.float32
_u16 = np.uint16
_u32 = np.uint32
_u64 = np.uint64


@njit(inline="always")
def _hash(x, key0, key1):  # type: ignore[no-untyped-def]
    """Mix 32 bits (multipliers: C. Wellons' lowbias32), with a second key against structure."""
    x = _u32(x + key0)
    x = _u32(x ^ (x >> _u32(16)))
    x = _u32(x * _u32(0x7FEB352D))
    x = _u32(x ^ key1)
    x = _u32(x ^ (x >> _u32(15)))
    x = _u32(x * _u32(0x846CA68B))
    return _u32(x ^ (x >> _u32(16)))


@njit(inline="always")
def _row_keys(seed, row):  # type: ignore[no-untyped-def]
    """Derive a row's two 32-bit keys (splitmix64: Steele et al. 2014)."""
    z = _u64(seed + _u64(row + 1) * _u64(0x9E3779B97F4A7C15))
    z = (z ^ (z >> _u64(30))) * _u64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> _u64(27))) * _u64(0x94D049BB133111EB)
    z = z ^ (z >> _u64(31))
    return _u32(z), _u32(z >> _u64(32))


@njit(inline="always")
def _exp(x):  # type: ignore[no-untyped-def]
    """exp(x) for x <= 0 to 1e-6 relative, at least e^-80: a Taylor polynomial in base 2.

    Branchless, so that LLVM vectorises it where libm's would be called value by value.
    """
    t = max(x, _f32(-80.0)) * _f32(1.4426950408889634)
    whole = np.floor(t + _f32(0.5))
    f = t - whole
    y = _f32(0.00015403530393381609)
    y = y * f + _f32(0.0013333558146428443)
    y = y * f + _f32(0.009618129107628477)
    y = y * f + _f32(0.05550410866482158)
    y = y * f + _f32(0.2402265069591007)
    y = y * f + _f32(0.6931471805599453)
    y = y * f + _f32(1.0)
    return y * np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)


@njit(fastmath=_FASTMATH | {"nnan"})
def _highest(values):  # type: ignore[no-untyped-def]
    """Return the maximum; LLVM vectorises it only where none may be nan."""
    top = _f32(-np.inf)
    for j in range(values.size):
        top = max(top, values[j])
    return top


def _wide(values, j):  # type: ignore[no-untyped-def]
    """Return a value as float32."""


def _put(values, j, value):  # type: ignore[no-untyped-def]
    """Write a float32, rounded to the nearest even bfloat16 where bits are kept."""


@overload(_wide)
def _wide_of(values, j):  # type: ignore[no-untyped-def]
    if values.dtype == types.uint16:
        return lambda values, j: _u32(_u32(values[j]) << _u32(16)).view(np.float32)
    return lambda values, j: values[j]


@overload(_put)
def _put_of(values, j, value):  # type: ignore[no-untyped-def]
    def whole(values, j, value):  # type: ignore[no-untyped-def]
        values[j] = value

    def rounded(values, j, value):  # type: ignore[no-untyped-def]
        bits = _f32(value).view(np.uint32)
        odd = _u32(_u32(bits >> _u32(16)) & _u32(1))
        values[j] = _u16(_u32(bits + _u32(0x7FFF) + odd) >> _u32(16))

    return rounded if values.dtype == types.uint16 else whole


@njit(nogil=True, fastmath=_FASTMATH, cache=True)
def drop(start, stop, x, out, threshold, scale, seed):  # type: ignore[no-untyped-def]
    """Write chunks of the flat `x` to `out`, values zeroed or scaled.

    Args:
        start: the first chunk of `CHUNK` values.
        stop: the one after the last.
        x: what is read, float32 or bits of bfloat16.
        out: what is written, like it.
        threshold: hashes below it drop, uint32.
        scale: factor of what is kept, float32.
        seed: of the hashes, uint64.
    """
    for chunk in range(start, stop):
        key0, key1 = _row_keys(seed, chunk)
        source = x[chunk * CHUNK : (chunk + 1) * CHUNK]
        target = out[chunk * CHUNK : (chunk + 1) * CHUNK]
        for j in range(source.size):
            mask = scale if _hash(_u32(j), key0, key1) >= threshold else _f32(0)
            _put(target, j, _wide(source, j) * mask)


@njit(nogil=True, fastmath=_FASTMATH, cache=True)
def probabilities(  # type: ignore[no-untyped-def]
    start, stop, first, scores, bias, scaling, threshold, scale, seed, log_sums
):
    """Turn scores into dropped probabilities, in place.

    Args:
        start: the first item: one of the heads that `scores` hold.
        stop: the one after the last.
        first: the number of the first of these heads among all.
        scores: (heads here, queries, keys), float32 or bits of bfloat16.
        bias: (batch, keys), float32, added to the scaled scores.
        scaling: factor of the scores, float32.
        threshold: see `drop`.
        scale: see `drop`.
        seed: see `drop`.
        log_sums: (all heads, queries), float32: log-sum-exp of each row, written.
    """
    _, queries, keys = scores.shape
    heads = log_sums.shape[0] // bias.shape[0]
    row = np.empty(keys, np.float32)
    for item in range(start, stop):
        head = first + item
        added = bias[head // heads]
        for i in range(queries):
            s = scores[item, i]
            for j in range(keys):
                row[j] = _wide(s, j) * scaling + added[j]
            top = _highest(row)
            total = _f32(0)
            for j in range(keys):
                row[j] = _exp(row[j] - top)
                total += row[j]
            factor = scale / total
            key0, key1 = _row_keys(seed, head * queries + i)
            for j in range(keys):
                mask = factor if _hash(_u32(j), key0, key1) >= threshold else _f32(0)
                _put(s, j, row[j] * mask)
            log_sums[head, i] = top + math.log(total)


@njit(nogil=True, fastmath=_FASTMATH, cache=True)
def gradients(  # type: ignore[no-untyped-def]
    start, stop, first, scores, d_scores, bias, scaling, threshold, scale, seed, log_sums, inner
):
    """Turn scores into dropped probabilities, and gradients of these into the scores', in place.

    Args:
        start: see `probabilities`, as all others.
        stop: see there.
        first: see there.
        scores: as they were before `probabilities`.
        d_scores: gradients of the dropped probabilities, like `scores`.
        bias: see there.
        scaling: see there.
        threshold: see there.
        scale: see there.
        seed: see there.
        log_sums: of `probabilities`.
        inner: (all heads, queries), float32: products of each output with its gradient.
    """
    _, queries, keys = scores.shape
    heads = log_sums.shape[0] // bias.shape[0]
    for item in range(start, stop):
        head = first + item
        added = bias[head // heads]
        for i in range(queries):
            s, ds = scores[item, i], d_scores[item, i]
            log_sum, expected = log_sums[head, i], inner[head, i]
            key0, key1 = _row_keys(seed, head * queries + i)
            for j in range(keys):
                p = _exp(_wide(s, j) * scaling + added[j] - log_sum)
                mask = scale if _hash(_u32(j), key0, key1) >= threshold else _f32(0)
                _put(ds, j, p * (mask * _wide(ds, j) - expected) * scaling)
                _put(s, j, p * mask)
