"""Screening 100 queries against 10,000 targets: two towers against joint inputs, one backbone.

Queries have 22 bases and targets 40, as miRNAs and their sites have. Two towers encode each of the
10,100 sequences once and screen all million pairs; joint inputs, one for each pair, are timed on a
sample. Memory is that which screening adds to the process, for all targets and for a tenth of them:
it depends on the chunk, not on the number of targets.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Iterator

import torch

from rnaernie_bench.config.compose import compose_backbone
from rnaernie_bench.core.environment import available_cores
from rnaernie_bench.learning.fit import FittedNetwork
from rnaernie_bench.learning.network import Network, build_head
from rnaernie_bench.learning.pair_inputs import PairInputs
from rnaernie_bench.learning.reader import Encoding, Reader
from rnaernie_bench.prediction.screening import screen

QUERY, TARGET = 22, 40
TOKEN_BUDGET = 5760


def sequence(generator: random.Random, bases: int) -> str:
    """Return random bases."""
    return "".join(generator.choices("ACGU", k=bases))


def targets(count: int) -> Iterator[tuple[str, str]]:
    """Yield names and sequences, one at a time."""
    generator = random.Random(1)
    for number in range(count):
        yield f"target{number}", sequence(generator, TARGET)


def network(name: str, encoding: Encoding) -> FittedNetwork:
    """Return an untrained network with the head `interaction`."""
    from rnaernie_bench.task.catalogue import BACKBONES, resolve

    options = compose_backbone([f"backbone={name}", "backbone.init=random"])
    encoder = resolve(BACKBONES.get(name).load)(options, 0)  # type: ignore[union-attr]
    head = build_head("interaction", encoder.model.config, 1, "binary")
    reader = Reader(encoder.tokenizer, encoder.max_bases, "error", TOKEN_BUDGET, encoding=encoding)
    return FittedNetwork(Network(encoder.model, head, PairInputs), reader, lambda _: None)


def peak_mb() -> float:
    """Return the most memory this process has held, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: list[str] | None = None) -> None:
    """Print pairs a second of both, their ratio, and how memory grows with the targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="rnaernie-tiny")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--targets", type=int, default=10_000)
    parser.add_argument("--sample", type=int, default=2_000, help="pairs of joint inputs")
    options = parser.parse_args(arguments or [])
    torch.set_num_threads(available_cores())
    generator = random.Random(0)
    queries = [sequence(generator, QUERY) for _ in range(options.queries)]

    towers = network(options.backbone, "towers")
    screen(towers, queries[:5], targets(50), top=10)  # warm
    before = peak_mb()
    screen(towers, queries, targets(options.targets // 10), top=10)
    tenth = peak_mb() - before
    start = time.perf_counter()
    screen(towers, queries, targets(options.targets), top=10)
    rate = options.queries * options.targets / (time.perf_counter() - start)
    whole = peak_mb() - before

    joint = network(options.backbone, "joint")
    pairs = [(queries[i % len(queries)], t) for i, (_, t) in enumerate(targets(options.sample))]
    joint.logits(pairs[:100])
    start = time.perf_counter()
    joint.logits(pairs)
    joint_rate = len(pairs) / (time.perf_counter() - start)

    print(f"{options.backbone}, {options.queries} queries x {options.targets} targets")
    print(f"two towers   {rate:10.0f} pairs/s")
    print(f"joint        {joint_rate:10.0f} pairs/s, on {len(pairs)} pairs")
    print(f"ratio        {rate / joint_rate:10.0f} x")
    print(f"memory       {whole:10.0f} MiB for all targets, {tenth:.0f} MiB for a tenth of them")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
