"""Dropout at a small fraction of torch's cost on a CPU, for training only.

torch draws dropout masks one number after another from a Mersenne twister; in a small encoder on
a CPU that costs more than all matrix products together. Here a random number is a hash of its
position and of a seed that torch's global generator gave, so that masks are computed where they
are used, in vector registers, and computed again in the backward pass instead of being stored.
`torch.manual_seed` and a saved generator state reproduce a run; the number of threads does not
matter. The rate is exact to 2^-32 and kept values are scaled by one over the exact keeping rate.

Attention with dropout on its probabilities is one fused kernel: scores, softmax, dropout and the
weighted sum of a head stay in the cache (after FlashAttention: Dao et al. 2022, arXiv:2205.14135;
only the log-sum-exp of each row is kept for the backward pass). Keys are held transposed, feature
by position, so that every inner loop runs along the sequence and is vectorised by LLVM.

Anything but float32 on a CPU, and attention without dropout, goes to torch as before.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

ATTENTION = "rnaernie_bench_fast_dropout"
"""The name our attention is registered under in Transformers."""

_CHUNK = 16384
_ROWS = 4
_LANES = 8
# Infinities stay meaningful: padding columns are masked with them.
_FASTMATH = {"nsz", "contract", "afn", "arcp", "reassoc"}
_f32 = np.float32
_u32 = np.uint32
_u64 = np.uint64


class FastDropout(nn.Dropout):
    """`nn.Dropout` with a cheap mask on CPU float32 tensors; it has no state of its own."""

    def forward(self, input: Tensor) -> Tensor:
        """Zero each value with probability `p` and scale the others, in training mode only."""
        if not self.training or self.p == 0.0:
            return input
        if self.p == 1.0 or not _is_ours(input):
            return F.dropout(input, self.p)
        return _Dropout.apply(input, self.p, _draw_seed())


def use_fast_dropout(model: nn.Module) -> nn.Module:
    """Replace a model's dropout on hidden states and attention probabilities, in place.

    Every `nn.Dropout` becomes a `FastDropout`, and Transformers' SDPA attention, where a
    configuration in the model asks for it, our fused attention. Parameters, state and saved
    configuration are unchanged. Models that ask for eager attention keep it.

    Args:
        model: any module; moved to another device later, it runs torch's dropout there.

    Returns:
        The same model.
    """
    _register_attention()
    for module in model.modules():
        for name, child in module.named_children():
            if type(child) is nn.Dropout and not child.inplace:
                setattr(module, name, FastDropout(child.p).train(child.training))
        config: Any = getattr(module, "config", None)
        if getattr(config, "_attn_implementation", None) == "sdpa":
            config._attn_implementation = ATTENTION
    return model


def attention_with_dropout(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_bias: Tensor | None,
    *,
    dropout: float,
    scaling: float,
) -> Tensor:
    """Compute softmax(QK^T scaling + bias), drop probabilities, and weight the values.

    Args:
        query: float32 on the CPU, (batch, heads, queries, features), features divisible by 4.
        key: (batch, heads, keys, features).
        value: like `key`.
        key_bias: added to the scores of each key, (batch, keys), or None.
        dropout: probability of zeroing a normalised attention probability, in [0, 1).
        scaling: factor of the scores.

    Returns:
        Shape (batch, queries, heads, features), contiguous.
    """
    if key_bias is None:
        key_bias = query.new_zeros(query.shape[0], key.shape[2])
    return _Attention.apply(query, key, value, key_bias, dropout, scaling, _draw_seed())


def _is_ours(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32 and type(x) in (Tensor, nn.Parameter)


def _draw_seed() -> int:
    return int(torch.randint(2**63 - 1, ()).item())


def _rate(p: float) -> tuple[np.uint32, np.float32]:
    """Return the threshold below which a hash drops, and the scale of what is kept."""
    threshold = min(max(round(p * 2**32), 0), 2**32 - 1)
    return _u32(threshold), _f32(1.0 / (1.0 - threshold / 2**32))


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="fast-dropout")


os.register_at_fork(after_in_child=_pool.cache_clear)


def _in_parallel(kernel: Callable[..., None], items: int, *arguments: Any) -> None:
    """Run `kernel(start, stop, ...)` over `items`, shared among as many threads as torch uses.

    Not Numba's own threads: they spin after every call, on the cores that torch needs next.
    """
    threads = max(1, min(torch.get_num_threads(), items))
    parts = list(itertools.pairwise(items * i // threads for i in range(threads + 1)))
    others = [_pool().submit(kernel, *part, *arguments) for part in parts[1:]]
    kernel(*parts[0], *arguments)
    for other in others:
        other.result()


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float, seed: int) -> Tensor:
        ctx.p, ctx.seed = p, seed
        return _drop(x, p, seed)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _drop(gradient, ctx.p, ctx.seed), None, None


def _drop(x: Tensor, p: float, seed: int) -> Tensor:
    x = x.detach().contiguous()
    out = torch.empty_like(x)
    flat = x.view(-1).numpy(), out.view(-1).numpy()
    _in_parallel(_drop_kernel, -(-x.numel() // _CHUNK), *flat, *_rate(p), _u64(seed))
    return out


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_bias: Tensor,
        p: float,
        scaling: float,
        seed: int,
    ) -> Tensor:
        # Positions before heads, as projections lay them out: no copy, one compiled signature.
        query, key, value = (x.detach().transpose(1, 2).contiguous() for x in (query, key, value))
        key_bias = key_bias.detach().contiguous()
        out = torch.empty_like(query)
        log_sums = query.new_empty(query.shape[0], query.shape[2], query.shape[1])
        _in_parallel(
            _attention_forward,
            query.shape[0] * query.shape[2],
            *(x.numpy() for x in (query, key, value, key_bias)),
            _f32(scaling),
            *_rate(p),
            _u64(seed),
            out.numpy(),
            log_sums.numpy(),
        )
        ctx.save_for_backward(query, key, value, key_bias, out, log_sums)
        ctx.p, ctx.scaling, ctx.seed = p, scaling, seed
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, key_bias, out, log_sums = ctx.saved_tensors
        d_query, d_key, d_value = (torch.empty_like(x) for x in (query, key, value))
        _in_parallel(
            _attention_backward,
            query.shape[0] * query.shape[2],
            *(x.numpy() for x in (query, key, value, key_bias)),
            _f32(ctx.scaling),
            *_rate(ctx.p),
            _u64(ctx.seed),
            *(x.detach().numpy() for x in (out, log_sums, gradient.contiguous())),
            *(x.numpy() for x in (d_query, d_key, d_value)),
        )
        d_query, d_key, d_value = (x.transpose(1, 2) for x in (d_query, d_key, d_value))
        return d_query, d_key, d_value, None, None, None, None


def _register_attention() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(ATTENTION, _attention_interface)
    AttentionMaskInterface.register(ATTENTION, _additive_mask)


def _additive_mask(
    *, dtype: torch.dtype = torch.float32, q_length: int, mask_function: Any, **kwargs: Any
) -> Tensor | None:
    """Build an additive mask, of one row where all queries see the same keys."""
    from transformers.masking_utils import bidirectional_mask_function, sdpa_mask

    rows = 1 if mask_function is bidirectional_mask_function else q_length
    mask = sdpa_mask(q_length=rows, mask_function=mask_function, **kwargs)
    if mask is None:
        return None
    return torch.zeros((), dtype=dtype, device=mask.device).where(mask, torch.finfo(dtype).min)


def _attention_interface(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend as Transformers' attention interface asks: ours where it serves, SDPA elsewhere."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    batch, heads, _, features = query.shape
    shared_rows = attention_mask is None or (
        attention_mask.shape[1:3] == (1, 1) and not attention_mask.requires_grad
    )
    ours = (
        0.0 < dropout < 1.0
        and not causal
        and shared_rows
        and features % _ROWS == 0
        and value.shape == key.shape == (batch, heads, key.shape[2], features)
        and kwargs.get("position_bias") is None
        and all(_is_ours(x) for x in (query, key, value))
    )
    if not ours:
        if attention_mask is not None:
            attention_mask = attention_mask.expand(-1, -1, query.shape[2], -1)
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, **kwargs
        )
    bias = None if attention_mask is None else attention_mask[:, 0, 0].expand(batch, -1)
    scaling = features**-0.5 if scaling is None else scaling
    return attention_with_dropout(query, key, value, bias, dropout=dropout, scaling=scaling), None


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
def _drop_kernel(start, stop, x, out, threshold, scale, seed):  # type: ignore[no-untyped-def]
    for chunk in range(start, stop):
        key0, key1 = _row_keys(seed, chunk)
        source = x[chunk * _CHUNK : (chunk + 1) * _CHUNK]
        target = out[chunk * _CHUNK : (chunk + 1) * _CHUNK]
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
def _attention_forward(  # type: ignore[no-untyped-def]
    start, stop, query, key, value, bias, scaling, threshold, scale, seed, out, log_sums
):
    _, queries, heads, features = query.shape
    for head in range(start, stop):
        b, h = head // heads, head % heads
        keys, values, key_bias = _transposed(key[b, :, h], value[b, :, h], bias[b], scaling)
        s = np.empty((_ROWS, key_bias.size), np.float32)
        q = np.empty((_ROWS, features), np.float32)
        o = np.empty((_ROWS, features), np.float32)
        for i in range(0, queries, _ROWS):
            _load_rows(query[b, :, h], i, q)
            _scores(q, keys, s)
            for r in range(min(_ROWS, queries - i)):
                k0, k1 = _row_keys(seed, head * queries + i + r)
                log_sums[b, h, i + r] = _softmax_drop(s[r], key_bias, threshold, scale, k0, k1)
            _weigh(s, values, o)
            out[b, i : i + _ROWS, h] = o[: queries - i]


@njit(nogil=True, fastmath=_FASTMATH, cache=True)
def _attention_backward(  # type: ignore[no-untyped-def]
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
    _, queries, heads, features = query.shape
    for head in range(start, stop):
        b, h = head // heads, head % heads
        keys, values, key_bias = _transposed(key[b, :, h], value[b, :, h], bias[b], scaling)
        d_keys, d_values = np.zeros_like(keys), np.zeros_like(values)
        s = np.empty((_ROWS, key_bias.size), np.float32)
        ds = np.empty((_ROWS, key_bias.size), np.float32)
        q = np.empty((_ROWS, features), np.float32)
        g = np.empty((_ROWS, features), np.float32)
        for i in range(0, queries, _ROWS):
            _load_rows(query[b, :, h], i, q)
            _load_rows(gradient[b, :, h], i, g)
            _scores(q, keys, s)
            _scores(g, values, ds)
            for r in range(_ROWS):
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
            d_query[b, i : i + _ROWS, h] = g[: queries - i]
        d_key[b, :, h] = d_keys[:, : key.shape[1]].T * scaling
        d_value[b, :, h] = d_values[:, : key.shape[1]].T
