"""How often the first partner, by its sequence, interacted in train, regardless of the second."""

from functools import partial

from rnaernie_bench.baselines._partner_majority import Key, fit_partners, partner_entry

fit = partial(fit_partners, [Key(0)])

ENTRY = partner_entry(
    "rnaernie_bench.baselines.mirna_majority:fit",
    "how often the first partner (a miRNA) interacted in train, regardless of the second",
)
