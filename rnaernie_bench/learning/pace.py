"""How long training will take at least, from the time of one item, where time is limited."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from torch import nn

from rnaernie_bench.backbones.inference import best_device, moved
from rnaernie_bench.core.time_limit import duration, seconds_left
from rnaernie_bench.learning.examples import Examples
from rnaernie_bench.learning.schedule import Steps


def warn_of_time(
    model: nn.Module, train_set: Examples, steps: Steps, notify: Callable[[str], None]
) -> None:
    """Say so, before it begins, if training cannot end within the time of the command.

    Args:
        model: maps a batch of the examples to a dict with a ``loss``.
        train_set: what is learned from.
        steps: of the training.
        notify: receives the message.
    """
    if not math.isfinite(left := seconds_left()):
        return
    inputs = train_set.inputs
    tokens = float((inputs.costs * (1 if inputs.counts is None else inputs.counts)).sum())
    epochs = steps.fewest / steps.epoch
    least = seconds_a_token(model, train_set) * tokens * epochs
    if least > left:
        notify(
            f"training takes {duration(least)} at least ({epochs:g} epochs), and "
            f"trainer.max_train_minutes leaves {duration(max(left, 0))}: it will be interrupted, "
            "and the same command goes on"
        )


def seconds_a_token(model: nn.Module, train_set: Examples) -> float:
    """Return how long a step takes for each token: that of the shortest item, done twice.

    Long items take longer for each, as attention and pairs of bases grow faster than they do.
    """
    shortest = int(train_set.inputs.costs.argmin())
    batch = moved(train_set.batch([shortest]), best_device())
    model.to(best_device()).train()
    for _ in range(2):  # the first is slower: what libraries do once
        start = time.perf_counter()
        model(**batch)["loss"].backward()
        model.zero_grad()
        elapsed = time.perf_counter() - start
    return elapsed / float(train_set.inputs.costs[shortest])
