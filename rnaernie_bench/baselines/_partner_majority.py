"""How often a partner, or the seed of the first, interacted in train: shortcuts past the pair.

Each looks at one partner alone, so that none can know what binds what.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.baselines._report import closed_report
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport
    from rnaernie_bench.learning.strengths import Found


@dataclass(frozen=True)
class PartnerOptions:
    """The majority of a partner has no options."""

    name: str


@dataclass(frozen=True)
class Key:
    """What is looked up of a pair."""

    side: int
    """0: the first partner, 1: the second."""
    bases: int | None = None
    """How many letters from the 5' end; None for all."""

    def of(self, pair: tuple[str, str]) -> str:
        """Return what stands for `pair`."""
        return pair[self.side][: self.bases]


@dataclass(frozen=True)
class PairMajority:
    """Log-odds by what is looked up of a pair."""

    key: Key
    unseen: float
    """The log-odds of what train lacks."""
    log_odds: Mapping[str, float] = field(default_factory=dict)

    def logits(self, inputs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Return float32 logits of shape (pairs, 1)."""
        found = [self.log_odds.get(self.key.of(pair), self.unseen) for pair in inputs]
        return np.array(found, dtype=np.float32).reshape(-1, 1)

    def save(self, folder: Path) -> None:
        """Write the table into `folder`."""
        values: dict[str, Any] = {
            "side": self.key.side, "bases": self.key.bases, "unseen": self.unseen,
            "log_odds": dict(self.log_odds),
        }  # fmt: skip
        (folder / "majority.json").write_text(json.dumps(values) + "\n", encoding="utf-8")


def tabulate(
    pairs: Sequence[tuple[str, str]], labels: np.ndarray, key: Key, smoothing: float
) -> PairMajority:
    """Count labels by key.

    A key that stands in train once tells what one that train lacks would be like: the share of
    positives among those is the prior, counted as `smoothing` observations, of all keys.

    Args:
        pairs: of train.
        labels: int64 of shape (pairs,), 0 or 1.
        key: what is looked up.
        smoothing: above 0.
    """
    counts: dict[str, list[int]] = {}
    for pair, label in zip(pairs, labels.tolist(), strict=True):
        counts.setdefault(key.of(pair), [0, 0])[label] += 1
    single = [count for count in counts.values() if sum(count) == 1] or list(counts.values())
    positives, all_of = sum(count[1] for count in single), sum(map(sum, single))
    prior = (positives + 0.5) / (all_of + 1)
    odds = {
        name: float(np.log((p + smoothing * prior) / (n + smoothing * (1 - prior))))
        for name, (n, p) in counts.items()
    }
    return PairMajority(key, float(np.log(prior / (1 - prior))), odds)


def fit_partners(
    keys: Sequence[Key], context: FitContext, options: Any
) -> tuple[PairMajority, FitReport]:
    """Tabulate train by each of `keys`, smoothed as suits validation best, and keep the best."""
    from rnaernie_bench.data.items import labels_of
    from rnaernie_bench.learning.linear import signed
    from rnaernie_bench.learning.objective import objective
    from rnaernie_bench.learning.strengths import best_strength

    started = time.perf_counter()
    pairs, labels = [item.input for item in context.train], labels_of(context.train)
    held_out = [item.input for item in context.validation]
    judge, trials = objective(context).score, count(1)

    def score(model: PairMajority) -> float:
        metrics = judge(model.logits(held_out))
        context.log({f"eval_{name}": value for name, value in metrics.items()}, next(trials))
        return signed(context.task, metrics)

    def search(key: Key) -> Found[PairMajority]:
        return best_strength(lambda C: tabulate(pairs, labels, key, 1 / C), score)

    found = max(map(search, keys), key=lambda one: one.score)  # the first of equals
    chosen = found.model
    bases = {} if chosen.key.bases is None else {"bases": chosen.key.bases}
    return chosen, closed_report(
        context,
        len(chosen.log_odds) + 1,
        started,
        trials=next(trials) - 1,
        selected={**found.to_record("smoothing", inverse=True), **bases},
    )


def restore(folder: Path) -> PairMajority:
    """Return what `PairMajority.save` wrote."""
    values = json.loads((folder / "majority.json").read_text(encoding="utf-8"))
    return PairMajority(Key(values["side"], values["bases"]), values["unseen"], values["log_odds"])


def partner_entry(fit: str, summary: str, options: type = PartnerOptions) -> BaselineEntry:
    """Return the entry of a majority.

    Args:
        fit: ``module:function``, which calls `fit_partners` with what is looked up.
        summary: a line of help.
        options: its options.
    """
    return BaselineEntry(
        options=options,
        fit=fit,
        restore="rnaernie_bench.baselines._partner_majority:restore",
        summary=summary,
        levels=("pair",),
        problems=("binary",),
        reads=("task.train_fraction", "task.train_by_seed"),
    )
