"""No pair, regardless of the sequence."""

from functools import partial

from rnaernie_bench.baselines._folding import fit_folding, folding_entry

fit = partial(fit_folding, "none")

ENTRY = folding_entry(
    "rnaernie_bench.baselines.unpaired:fit", "no pair, regardless of the sequence"
)
