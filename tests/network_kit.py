"""Tiny networks of each level, untrained."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.precision import Precision
from rnaernie_bench.learning.fit import FittedNetwork, _write
from rnaernie_bench.learning.network import Declared, Network, build_head, level_inputs
from rnaernie_bench.learning.reader import Encoding, Reader
from rnaernie_bench.metrics.problems import Problem, outputs
from rnaernie_bench.task.catalogue import HEADS

SEQUENCES = ["GGGAAACCC", "ACGUACGUACGUA", "GAAAC"]
PAIRS = [("ACGUACG", "UUGCAUGCAA"), ("GGAC", "UUGCAUGCAA"), ("ACGUACG", "GGGGCC")]
LABELS: dict[Problem, tuple[str, ...]] = {
    "binary": ("no", "yes"),
    "multiclass": ("a", "b", "c"),
    "multilabel": ("x", "y"),
    "regression": ("u", "v"),
}
HEAD_NAMES = {
    "sequence": ("pooled", "mean", "mean_max", "window", "positions", "attention_pooling"),
    "token": ("token", "token_window", "token_convolution"),
    "contact": ("bilinear", "attention", "resnet", "resnet2d"),
    "pair": ("interaction", "segments", "conv_lstm"),
}
"""Level -> its heads."""
HEAD_OPTIONS: dict[str, dict[str, int]] = {
    "window": {"flank": 2}, "positions": {"length": 5}, "token_window": {"flank": 2},
}  # fmt: skip
"""Head -> what it is built with besides."""


def items_of(level: str) -> list[Any]:
    """Return some inputs of a level."""
    return list(PAIRS if level == "pair" else SEQUENCES)


def tiny_encoder(seed: int = 0) -> Encoder:
    """Return a backbone of one layer with types, whose states differ by more than rounding."""
    from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load

    encoder = load(RnaErnieOptions("rnaernie-tiny", "random", None, None, 1, 16, 2, 32), seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in encoder.model.parameters():
            if weight.dim() == 2:
                weight.normal_(0, 0.3, generator=generator)
    return encoder


def tiny_network(
    head: str,
    problem: Problem = "binary",
    *,
    policy: str = "error",
    max_bases: int = 508,
    token_budget: int = 64,
    encoding: Encoding = "towers",
    half: bool = False,
    precision: Precision = "fp32",
    encoder: Encoder | None = None,
) -> FittedNetwork:
    """Return a tiny backbone under a head, in evaluation mode."""
    encoder = encoder or tiny_encoder()
    level, labels = HEADS.get(head).level, LABELS[problem]
    torch.manual_seed(0)
    options, width = HEAD_OPTIONS.get(head, {}), outputs(problem, len(labels))
    built = build_head(head, encoder.model.config, width, problem, options)
    kind = level_inputs(level, built)
    network = Network(encoder.model, built, kind, half=half, precision=precision).eval()
    reader = Reader(
        encoder.tokenizer,
        max_bases,
        policy,  # type: ignore[arg-type]
        token_budget,
        encoding=encoding,
    )
    declared = Declared(head, level, problem, labels, encoding=encoding, options=options)
    return FittedNetwork(network, reader, partial(_write, network, encoder.tokenizer, declared))
