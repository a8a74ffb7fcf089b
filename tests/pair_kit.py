"""A tiny network for pairs."""

from __future__ import annotations

from rnaernie_bench.learning.fit import FittedNetwork
from rnaernie_bench.learning.reader import Encoding
from rnaernie_bench.metrics.problems import Problem
from tests.network_kit import PAIRS, tiny_network

__all__ = ["PAIRS", "tiny_pairs"]


def tiny_pairs(
    head: str = "interaction",
    encoding: Encoding = "towers",
    max_bases: int = 40,
    problem: Problem = "binary",
) -> FittedNetwork:
    """Return an untrained network of one layer."""
    return tiny_network(head, problem, encoding=encoding, max_bases=max_bases)
