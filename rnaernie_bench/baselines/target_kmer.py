"""Logistic regression on the k-mers of the second partner alone: it cannot know what binds what."""

from dataclasses import replace
from functools import partial

from rnaernie_bench.baselines import pair_kmer

fit = partial(pair_kmer.fit, sides=(1,))

ENTRY = replace(
    pair_kmer.ENTRY,
    fit="rnaernie_bench.baselines.target_kmer:fit",
    summary="logistic regression on the k-mers of the second partner (a target) alone",
)
