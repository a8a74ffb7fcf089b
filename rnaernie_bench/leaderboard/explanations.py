"""What every page of results says of its figures."""

from __future__ import annotations

PROTOCOL = (
    "Protocol `clean`: epoch, temperature and every other choice are made on the validation part; "
    "a test part is scored once, by the model so chosen, with no item dropped. Under `zero_shot` "
    "nothing is trained and nothing chosen."
)
"""What the protocol demands, in one paragraph."""

LIMITS = (
    "Where a task declares no groups, intervals draw test items as if they were independent; "
    "relatives among them make the true uncertainty larger.",
    "The spread over seeds is that of initialisation, data order and dropout; the split is fixed.",
    "Where nothing is claimed, nothing is shown to be equal: with few seeds that differ widely, "
    "only large differences can be shown.",
    "A row that ended by the budget might gain from more training, and leads no sentence.",
    "Contacts and pairs that are multiclass, multilabel or regression have no table: no real data "
    "of them are known to us, and they are tested on made sets alone.",
    "Times and memory are those of the machine named in each record's `environment`.",
)
"""What the figures do not show, a sentence each."""
