"""The structure of maximum expected accuracy by ViennaRNA."""

from functools import partial

from rnaernie_bench.baselines._folding import fit_folding, folding_entry

fit = partial(fit_folding, "mea")

ENTRY = folding_entry(
    "rnaernie_bench.baselines.vienna_mea:fit",
    "the structure of maximum expected accuracy by ViennaRNA",
)
