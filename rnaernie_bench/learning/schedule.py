"""How long a network is trained: until validation no longer improves, then a cool-down.

The learning rate rises, stays, and falls linearly to zero (WSD: warm-up, stable, decay; Hägele et
al. 2024, https://arxiv.org/abs/2405.18392). It stays until validation has not improved for some
evaluations, so that nobody has to know beforehand how many steps that takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

COOL_DOWN = 5
"""The cool-down takes one step for so many steps before it."""


@dataclass
class Schedule:
    """What the learning rate is multiplied by at each step, from 0.

    The scheduler of an optimiser keeps these fields in its state, and so do checkpoints.
    """

    warm_up: int
    """Steps in which the rate rises."""
    start: int
    """The first step of the cool-down: until training has converged, the last at which it fits."""
    end: int
    """The step before which training ends."""
    converged: bool = False

    def __call__(self, step: int) -> float:
        """Return the factor of a step."""
        rising = min(1.0, (step + 1) / (self.warm_up + 1))
        falling = (self.end - step) / (self.end - self.start)
        return rising * min(1.0, max(0.0, falling))

    def cool_down(self, step: int, taken: int) -> None:
        """Begin the cool-down at a step, with weights that took so many steps."""
        self.start, self.converged = step, True
        self.end = min(self.end, step + max(1, math.ceil(taken / COOL_DOWN)))


@dataclass(frozen=True)
class Steps:
    """The steps of a training, counted before it begins."""

    epoch: int
    """Optimiser steps of a pass over train."""
    interval: int
    """Steps between two evaluations: an epoch, or an even part of one that has more."""
    most: int
    """Steps at which training ends, whatever validation says."""
    fewest: int
    """Steps before training can converge."""

    @classmethod
    def of(
        cls,
        epoch: int,
        *,
        evaluate_every: int,
        patience: int,
        max_epochs: int,
        max_steps: int | None,
    ) -> Steps:
        """Return the steps of a training whose epochs have `epoch` of them."""
        interval = math.ceil(epoch / math.ceil(epoch / evaluate_every))
        most = min(max_epochs * epoch, math.inf if max_steps is None else max_steps)
        return cls(epoch, interval, int(most), int(min(most, (patience + 1) * interval)))

    def schedule(self, warmup_fraction: float) -> Schedule:
        """Return the schedule of a training that may not converge."""
        start = self.most * COOL_DOWN // (COOL_DOWN + 1)
        return Schedule(int(warmup_fraction * self.fewest), start, self.most)
