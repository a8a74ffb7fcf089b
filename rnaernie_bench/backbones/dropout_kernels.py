"""The compiled part of `fast_dropout`: masks by hashing, and attention that drops as it goes.

Every kernel works on a range of items, so that threads can share them. Keys are held transposed,
feature by position, so that every inner loop runs along the sequence and is vectorised by LLVM.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

CHUNK = 16384
"""Values of a flat tensor that share a row key; the items of `drop`."""
ROWS = 4
"""Rows of queries done at a time; features must be divisible by it."""

_LANES = 8
# Infinities stay meaningful: padding columns are masked with them.
_FASTMATH = {"nsz", "contract", "afn", "arcp", "reassoc"}
_f32 = np.float32
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


@njit(nogil=True, fastmath=_FASTMATH, cache=True)
def drop(start, stop, x, out, threshold, scale, seed):  # type: ignore[no-untyped-def]
    """Write chunks of the flat float32 `x` to `out`, values zeroed or scaled.

    Args:
        start: the first chunk of `CHUNK` values.
        stop: the one after the last.
        x: what is read.
        out: what is written.
        threshold: hashes below it drop, uint32.
        scale: factor of what is kept, float32.
        seed: of the hashes, uint64.
    """
    for chunk in range(start, stop):
        key0, key1 = _row_keys(seed, chunk)
        source = x[chunk * CHUNK : (chunk + 1) * CHUNK]
        target = out[chunk * CHUNK : (chunk + 1) * CHUNK]
        for j in range(source.size):
            kept = _hash(_u32(j), key0, key1) >= threshold
            target[j] = source[j] * scale if kept else _f32(0)


@njit(fastmath=_FASTMATH)
def _scores(q, keys, s):  # type: ignore[no-untyped-def]
    """s = q @ keys for four rows q; keys: (features, positions). Unrolled to fill registers."""
    s0, s1, s2, s3 = s[0], s[1], s[2], s[3]
    s[:] = _f32(0)
    for d in range(0, keys.shape[0], 4):
        a0, a1, a2, a3 = q[0, d], q[0, d + 1], q[0, d + 2], q[0, d + 3]
        b0, b1, b2, b3 = q[1, d], q[1, d + 1], q[1, d + 2], q[1, d + 3]
        c0, c1, c2, c3 = q[2, d], q[2, d + 1], q[2, d + 2], q[2, d + 3]
        e0, e1, e2, e3 = q[3, d], q[3, d + 1], q[3, d + 2], q[3, d + 3]
        k0, k1, k2, k3 = keys[d], keys[d + 1], keys[d + 2], keys[d + 3]
        for j in range(s.shape[1]):
            x0, x1, x2, x3 = k0[j], k1[j], k2[j], k3[j]
            s0[j] += a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3
            s1[j] += b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3
            s2[j] += c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3
            s3[j] += e0 * x0 + e1 * x1 + e2 * x2 + e3 * x3


@njit(fastmath=_FASTMATH)
def _weigh(p, values, out):  # type: ignore[no-untyped-def]
    """out = p @ values.T for four rows p; values: (features, positions)."""
    p0, p1, p2, p3 = p[0], p[1], p[2], p[3]
    for d in range(0, values.shape[0], 2):
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = _f32(0)
        v, w = values[d], values[d + 1]
        for j in range(p.shape[1]):
            x0, x1, x2, x3, y, z = p0[j], p1[j], p2[j], p3[j], v[j], w[j]
            a0, a1, a2, a3 = a0 + x0 * y, a1 + x1 * y, a2 + x2 * y, a3 + x3 * y
            b0, b1, b2, b3 = b0 + x0 * z, b1 + x1 * z, b2 + x2 * z, b3 + x3 * z
        out[0, d], out[1, d], out[2, d], out[3, d] = a0, a1, a2, a3
        out[0, d + 1], out[1, d + 1], out[2, d + 1], out[3, d + 1] = b0, b1, b2, b3


@njit(fastmath=_FASTMATH)
def _accumulate(p, rows, out):  # type: ignore[no-untyped-def]
    """out += rows.T @ p for four rows; out: (features, positions)."""
    p0, p1, p2, p3 = p[0], p[1], p[2], p[3]
    for d in range(0, out.shape[0], 2):
        a0, a1, a2, a3 = rows[0, d], rows[1, d], rows[2, d], rows[3, d]
        b0, b1, b2, b3 = rows[0, d + 1], rows[1, d + 1], rows[2, d + 1], rows[3, d + 1]
        y, z = out[d], out[d + 1]
        for j in range(p.shape[1]):
            x0, x1, x2, x3 = p0[j], p1[j], p2[j], p3[j]
            y[j] += a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3
            z[j] += b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3


@njit(fastmath=_FASTMATH)
def _softmax_drop(s, bias, threshold, scale, key0, key1):  # type: ignore[no-untyped-def]
    """Turn a row of scores into dropped probabilities; return its log-sum-exp."""
    top = _f32(-np.inf)
    for j in range(s.size):
        s[j] += bias[j]
        top = max(top, s[j])
    total = _f32(0)
    for j in range(s.size):
        s[j] = _exp(s[j] - top)
        total += s[j]
    scale /= total
    for j in range(s.size):
        s[j] = s[j] * scale if _hash(_u32(j), key0, key1) >= threshold else _f32(0)
    return top + math.log(total)


@njit(fastmath=_FASTMATH)
def _softmax_drop_back(  # type: ignore[no-untyped-def]
    s, ds, bias, log_sum, inner, threshold, scale, key0, key1
):
    """Recompute dropped probabilities in `s`; turn their gradients `ds` into the scores'."""
    for j in range(s.size):
        p = _exp(s[j] + bias[j] - log_sum)
        mask = scale if _hash(_u32(j), key0, key1) >= threshold else _f32(0)
        s[j] = p * mask
        ds[j] = p * (mask * ds[j] - inner)


@njit(fastmath=_FASTMATH)
def _transposed(k, v, bias, scaling):  # type: ignore[no-untyped-def]
    """Copy a head's scaled keys, values and bias, padded to whole vectors of positions."""
    positions, features = k.shape
    padded = (positions + _LANES - 1) // _LANES * _LANES
    keys = np.zeros((features, padded), np.float32)
    values = np.zeros((features, padded), np.float32)
    padded_bias = np.full(padded, _f32(-np.inf), np.float32)
    padded_bias[:positions] = bias
    for j in range(positions):
        for d in range(features):
            keys[d, j] = k[j, d] * scaling
            values[d, j] = v[j, d]
    return keys, values, padded_bias


@njit(fastmath=_FASTMATH)
def _load_rows(x, start, rows):  # type: ignore[no-untyped-def]
    """Copy rows from `start` into `rows`, zeros past the end."""
    for r in range(rows.shape[0]):
        for d in range(rows.shape[1]):
            rows[r, d] = x[start + r, d] if start + r < x.shape[0] else _f32(0)


@njit(nogil=True, fastmath=_FASTMATH, cache=True)
def attention_forward(  # type: ignore[no-untyped-def]
    start, stop, query, key, value, bias, scaling, threshold, scale, seed, out, log_sums
):
    """Attend in some of the batch x heads pairs; writes `out` and `log_sums`.

    `query`, `key`, `value` and `out` are float32 of shape (batch, positions, heads, features),
    `bias` (batch, keys), added to the scores, `log_sums` (batch, heads, queries); see `drop`.
    """
    _, queries, heads, features = query.shape
    for head in range(start, stop):
        b, h = head // heads, head % heads
        keys, values, key_bias = _transposed(key[b, :, h], value[b, :, h], bias[b], scaling)
        s = np.empty((ROWS, key_bias.size), np.float32)
        q = np.empty((ROWS, features), np.float32)
        o = np.empty((ROWS, features), np.float32)
        for i in range(0, queries, ROWS):
            _load_rows(query[b, :, h], i, q)
            _scores(q, keys, s)
            for r in range(min(ROWS, queries - i)):
                k0, k1 = _row_keys(seed, head * queries + i + r)
                log_sums[b, h, i + r] = _softmax_drop(s[r], key_bias, threshold, scale, k0, k1)
            _weigh(s, values, o)
            out[b, i : i + ROWS, h] = o[: queries - i]


@njit(nogil=True, fastmath=_FASTMATH, cache=True)
def attention_backward(  # type: ignore[no-untyped-def]
    start,
    stop,
    query,
    key,
    value,
    bias,
    scaling,
    threshold,
    scale,
    seed,
    out,
    log_sums,
    gradient,
    d_query,
    d_key,
    d_value,
):
    """Write the gradients of some batch x heads pairs, given those of `out`.

    Shapes are those of `attention_forward`; probabilities and masks are computed again.
    """
    _, queries, heads, features = query.shape
    for head in range(start, stop):
        b, h = head // heads, head % heads
        keys, values, key_bias = _transposed(key[b, :, h], value[b, :, h], bias[b], scaling)
        d_keys, d_values = np.zeros_like(keys), np.zeros_like(values)
        s = np.empty((ROWS, key_bias.size), np.float32)
        ds = np.empty((ROWS, key_bias.size), np.float32)
        q = np.empty((ROWS, features), np.float32)
        g = np.empty((ROWS, features), np.float32)
        for i in range(0, queries, ROWS):
            _load_rows(query[b, :, h], i, q)
            _load_rows(gradient[b, :, h], i, g)
            _scores(q, keys, s)
            _scores(g, values, ds)
            for r in range(ROWS):
                # Rows past the end repeat the last one's keys; their q and g are zero, so that
                # whatever stands in s and ds adds nothing below.
                row = min(i + r, queries - 1)
                inner = _f32(0)
                for d in range(features):
                    inner += g[r, d] * out[b, row, h, d]
                k0, k1 = _row_keys(seed, head * queries + row)
                _softmax_drop_back(
                    s[r], ds[r], key_bias, log_sums[b, h, row], inner, threshold, scale, k0, k1
                )
            _accumulate(s, g, d_values)
            _accumulate(ds, q, d_keys)
            _weigh(ds, keys, g)
            d_query[b, i : i + ROWS, h] = g[: queries - i]
        d_key[b, :, h] = d_keys[:, : key.shape[1]].T * scaling
        d_value[b, :, h] = d_values[:, : key.shape[1]].T
