"""Dropout at a small fraction of torch's cost on a CPU, for training only.

torch draws dropout masks one number after another from a Mersenne twister; in a small encoder on
a CPU that costs more than all matrix products together. Here a random number is a hash of its
position and of a seed that torch's global generator gave, so that masks are computed where they
are used, in vector registers, and computed again in the backward pass instead of being stored.
`torch.manual_seed` and a saved generator state reproduce a run; the number of threads does not
matter. The rate is exact to 2^-32 and kept values are scaled by one over the exact keeping rate.

Attention with dropout on its probabilities is one fused kernel: scores, softmax, dropout and the
weighted sum of a head stay in the cache (after FlashAttention: Dao et al. 2022, arXiv:2205.14135;
only the log-sum-exp of each row is kept for the backward pass). The kernels themselves are in
`dropout_kernels`.

Anything but float32 on a CPU, and attention without dropout, goes to torch as before.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from rnaernie_bench.backbones import dropout_kernels as kernels

ATTENTION = "rnaernie_bench_fast_dropout"
"""The name our attention is registered under in Transformers."""

CACHED_SCORES = 2**19
"""Scores of attention that a core holds at a time."""


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
    ours = x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16)
    return ours and type(x) in (Tensor, nn.Parameter)


def _draw_seed() -> int:
    return int(torch.randint(2**63 - 1, ()).item())


def _rate(p: float) -> tuple[np.uint32, np.float32]:
    """Return the threshold below which a hash drops, and the scale of what is kept."""
    threshold = min(max(round(p * 2**32), 0), 2**32 - 1)
    return np.uint32(threshold), np.float32(1.0 / (1.0 - threshold / 2**32))


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
    flat = _array(x.view(-1)), _array(out.view(-1))
    _in_parallel(kernels.drop, -(-x.numel() // kernels.CHUNK), *flat, *_rate(p), np.uint64(seed))
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
        batch, heads, queries, features = query.shape
        query, key, value = (x.detach().flatten(0, 1).contiguous() for x in (query, key, value))
        key_bias = key_bias.detach().float().contiguous()
        log_sums = key_bias.new_empty(batch * heads, queries)
        out = torch.empty_like(query)
        drawn = np.float32(scaling), *_rate(p), np.uint64(seed)
        for part in _parts(query, key):
            scores = query[part] @ key[part].mT
            _in_parallel(
                kernels.probabilities,
                len(scores),
                np.int64(part.start),
                *map(_array, (scores, key_bias)),
                *drawn,
                _array(log_sums),
            )
            torch.bmm(scores, value[part], out=out[part])
        ctx.save_for_backward(query, key, value, key_bias, out, log_sums)
        ctx.drawn = drawn
        return out.view(batch, heads, queries, features).transpose(1, 2).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, key_bias, out, log_sums = ctx.saved_tensors
        batch, _, heads, _ = gradient.shape
        gradient = gradient.transpose(1, 2).flatten(0, 1).contiguous()
        inner = (out.float() * gradient.float()).sum(-1)
        d_query, d_key, d_value = (torch.empty_like(x) for x in (query, key, value))
        for part in _parts(query, key):
            scores, d_scores = query[part] @ key[part].mT, gradient[part] @ value[part].mT
            _in_parallel(
                kernels.gradients,
                len(scores),
                np.int64(part.start),
                *map(_array, (scores, d_scores, key_bias)),
                *ctx.drawn,
                *map(_array, (log_sums, inner)),
            )
            torch.bmm(scores.mT, gradient[part], out=d_value[part])
            torch.bmm(d_scores, key[part], out=d_query[part])
            torch.bmm(d_scores.mT, query[part], out=d_key[part])
        found = (x.unflatten(0, (batch, heads)) for x in (d_query, d_key, d_value))
        return *found, None, None, None, None


def _parts(query: Tensor, key: Tensor) -> Iterator[slice]:
    """Yield heads of a batch whose scores stay in the caches of the cores that compute them."""
    each = CACHED_SCORES // (query.shape[1] * key.shape[1])
    size = max(1, each) * torch.get_num_threads()
    for start in range(0, len(query), size):
        yield slice(start, min(start + size, len(query)))


def _array(x: Tensor) -> np.ndarray:
    """Return a tensor as NumPy has it: bfloat16, which it does not know, as bits."""
    x = x.detach()
    found: np.ndarray = (x.view(torch.uint16) if x.dtype == torch.bfloat16 else x).numpy()
    return found


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
