"""Checkpoints as the authors' Paddle program writes them, in small."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

HIDDEN, LAYERS, INNER, POSITIONS = 16, 2, 24, 32


def authors_state(hidden: int = HIDDEN, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Return random tensors under the authors' names, linear layers input by output."""
    shapes: dict[str, tuple[int, ...]] = {
        "ernie.embeddings.word_embeddings.weight": (39, hidden),
        "ernie.embeddings.position_embeddings.weight": (POSITIONS, hidden),
        "ernie.embeddings.token_type_embeddings.weight": (2, hidden),
        "cls.predictions.decoder_bias": (39,),
    }
    linears = {"ernie.pooler.dense": (hidden, hidden)}
    linears["cls.predictions.transform"] = (hidden, hidden)
    norms = ["ernie.embeddings.layer_norm", "cls.predictions.layer_norm"]
    for n in range(LAYERS):
        layer = f"ernie.encoder.layers.{n}"
        for name in "qkv":
            linears[f"{layer}.self_attn.{name}_proj"] = (hidden, hidden)
        linears[f"{layer}.self_attn.out_proj"] = (hidden, hidden)
        linears[f"{layer}.linear1"] = (hidden, INNER)
        linears[f"{layer}.linear2"] = (INNER, hidden)
        norms += [f"{layer}.norm1", f"{layer}.norm2"]
    for name, shape in linears.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[1:]}
    for name in norms:
        shapes |= {f"{name}.weight": (hidden,), f"{name}.bias": (hidden,)}
    random = np.random.default_rng(seed)
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def write_checkpoint(folder: Path, state: Any = None, *, protocol: int = 4) -> Path:
    """Write `model_state.pdparams` as `paddle.save` does, and return its path."""
    state = authors_state() if state is None else state
    content = {**state, "StructuredToParameterName@@": dict.fromkeys(state, "linear_0.w_0")}
    path = folder / "model_state.pdparams"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path
