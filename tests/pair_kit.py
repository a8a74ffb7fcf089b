"""A tiny network for pairs."""

from __future__ import annotations

from typing import Any, Literal

import torch

from rnaernie_bench.learning.pair_fit import FittedPairs, PairReader
from rnaernie_bench.learning.pair_network import PairModel, build_pair_head
from rnaernie_bench.metrics.problems import Problem

PAIRS = [("ACGUACG", "UUGCAUGCAA"), ("GGAC", "UUGCAUGCAA"), ("ACGUACG", "GGGGCC")]


def tiny_pairs(
    head: str = "interaction",
    encoding: Literal["towers", "joint"] = "towers",
    max_bases: int = 40,
    num_labels: int = 1,
    problem: Problem = "binary",
) -> FittedPairs:
    """Return an untrained network of one layer."""
    from multimolecule import RnaErnieConfig, RnaErnieModel, RnaTokenizer

    torch.manual_seed(0)
    config = RnaErnieConfig(
        num_hidden_layers=1, hidden_size=16, num_attention_heads=2, intermediate_size=32,
        initializer_range=0.5, attn_implementation="sdpa",
    )  # fmt: skip
    backbone: Any = RnaErnieModel(config, add_pooling_layer=False)
    built = build_pair_head(head, config, num_labels, problem, published=False)
    model = PairModel(backbone, built, encoding).eval()
    return FittedPairs(model, PairReader(RnaTokenizer(), max_bases, 64), lambda folder: None)
