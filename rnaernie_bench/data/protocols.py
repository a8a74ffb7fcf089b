"""Who chooses and what is scored: the clean protocol, zero-shot, and the way of released code.

Under `clean` the validation part chooses and every test item is scored. Under `as_published`, kept
so that published figures can be approached, a test part chooses the epoch (and whatever else is
chosen), and an evaluation leaves out what does not fill its last batch. What the authors' way is
known to be, and what of it is not reproduced: docs/reproducing.md. Under `zero_shot`, that of
splits in which no part trains, nothing is fitted and nothing chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.items import Items, Split
from rnaernie_bench.task.declaration import SplitDeclaration
from rnaernie_bench.task.task import Task

Protocol = Literal["clean", "as_published", "zero_shot"]

PUBLISHED_BATCH = 50
"""Items of a batch in the authors' evaluation."""

WARNING = (
    "AS PUBLISHED: the test set chooses the epoch, so that its figures are too high; they are not "
    "comparable with those of protocol=clean"
)


def protocol_of(split: SplitDeclaration, chosen: Protocol | None) -> Protocol:
    """Return the protocol of a run: the one that is chosen, or what the split asks for.

    Raises:
        ConfigError: if nothing trains and something is to, or the other way round.
    """
    usual: Protocol = "clean" if split.train else "zero_shot"
    if chosen is not None and (chosen == "zero_shot") != (usual == "zero_shot"):
        what = "trains on a part" if split.train else "has no part that trains"
        raise ConfigError(
            f"the split {what}", where=f"protocol={chosen}", remedy=f"use protocol={usual}"
        )
    return chosen or usual


@dataclass(frozen=True)
class EvaluationScheme:
    """The items of a run, in the parts that its protocol gives them."""

    split: Split
    """Its test parts hold what is scored."""
    selection: Items
    """What chooses the epoch and all else."""
    chosen_on: str | None = None
    """The test part that these are of; None if they are the validation part."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """By test part, how many of its items are not scored; empty where no protocol asks for it."""

    @property
    def calibrated(self) -> bool:
        """Whether a temperature is fitted on validation."""
        return self.chosen_on is None


def evaluation_scheme(protocol: Protocol, task: Task, split: Split) -> EvaluationScheme:
    """Return what chooses and what is scored under `protocol`.

    As published, the test part `full` chooses, or the task's default part where there is no such
    one. Which items an evaluation leaves out is drawn once and for all, so that every run of a
    table is scored on the same items, regardless of its seed.

    Raises:
        DataError: if a test part is too small to fill one batch, as published.
    """
    if protocol in ("clean", "zero_shot"):
        return EvaluationScheme(split, split.validation)
    tests = {}
    for name, items in split.tests.items():
        kept = len(items) - len(items) % PUBLISHED_BATCH
        if not kept:
            raise DataError(
                f"the test part '{name}' has {len(items)} items: none is scored in whole batches "
                f"of {PUBLISHED_BATCH}",
                where="protocol=as_published",
                remedy="use protocol=clean",
            )
        order = np.random.default_rng(0).permutation(len(items))
        tests[name] = tuple(items[index] for index in np.sort(order[:kept]))
    chosen_on = "full" if "full" in tests else task.default_test_part
    dropped = {name: len(items) - len(tests[name]) for name, items in split.tests.items()}
    return EvaluationScheme(replace(split, tests=tests), tests[chosen_on], chosen_on, dropped)
