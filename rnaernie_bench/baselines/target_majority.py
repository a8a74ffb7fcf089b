"""How often the second partner, by its sequence, interacted in train, regardless of the first."""

from functools import partial

from rnaernie_bench.baselines._partner_majority import Key, fit_partners, partner_entry

fit = partial(fit_partners, [Key(1)])

ENTRY = partner_entry(
    "rnaernie_bench.baselines.target_majority:fit",
    "how often the second partner (a target) interacted in train, regardless of the first",
)
