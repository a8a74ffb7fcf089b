"""Logistic regression on the k-mers of the first partner alone: it cannot know what binds what."""

from dataclasses import replace
from functools import partial

from rnaernie_bench.baselines import pair_kmer

fit = partial(pair_kmer.fit, sides=(0,))

ENTRY = replace(
    pair_kmer.ENTRY,
    fit="rnaernie_bench.baselines.mirna_kmer:fit",
    summary="logistic regression on the k-mers of the first partner (a miRNA) alone",
)
