"""Run every benchmark, one after another, in this process."""

from __future__ import annotations

from benchmarks import (
    contact_head,
    decoding,
    dropout_equivalence,
    embedding,
    frozen_cache,
    kmers,
    leaderboard_page,
    masking,
    own_data,
    pair_screening,
    score,
    statistics,
    sweep,
    train_throughput,
    type_guided,
)

for benchmark in (
    train_throughput,
    frozen_cache,
    kmers,
    sweep,
    masking,
    pair_screening,
    score,
    embedding,
    dropout_equivalence,
    statistics,
    type_guided,
    leaderboard_page,
    decoding,
    contact_head,
    own_data,
):
    print(f"== {benchmark.__name__.removeprefix('benchmarks.')}", flush=True)
    benchmark.main()
    print(flush=True)
