"""The structure of minimum free energy by ViennaRNA."""

from functools import partial

from rnaernie_bench.baselines._folding import fit_folding, folding_entry

fit = partial(fit_folding, "mfe")

ENTRY = folding_entry(
    "rnaernie_bench.baselines.vienna_mfe:fit", "the structure of minimum free energy by ViennaRNA"
)
