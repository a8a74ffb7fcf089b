"""Run every benchmark, one after another, in this process."""

from __future__ import annotations

from benchmarks import (
    decoding,
    dropout_equivalence,
    embedding,
    flop_utilisation,
    frozen_cache,
    masking,
    statistics,
    train_throughput,
)

for benchmark in (
    train_throughput,
    flop_utilisation,
    frozen_cache,
    masking,
    embedding,
    dropout_equivalence,
    statistics,
    decoding,
):
    print(f"== {benchmark.__name__.removeprefix('benchmarks.')}", flush=True)
    benchmark.main()
    print(flush=True)
