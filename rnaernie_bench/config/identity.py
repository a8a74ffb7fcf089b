"""What makes a run this run: the settings and data that its numbers depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core.schema import added_options, as_dict, used_options
from rnaernie_bench.results.record import RECIPE_VERSION
from rnaernie_bench.task.catalogue import STRATEGIES, resolve
from rnaernie_bench.task.content import declared
from rnaernie_bench.task.lengths import POLICIES
from rnaernie_bench.task.task import Task

_WITHOUT_EFFECT = ("progress", "max_train_minutes")
"""Trainer options that cannot change a number: what time interrupts goes on as if it had not."""


def to_record(options: Any) -> dict[str, Any]:
    """Return options as run id and record hold them: what was added later only if it is used."""
    values: dict[str, Any] = as_dict(used_options(options))
    return values


def recipe(config: RunConfig) -> dict[str, Any]:
    """Return the recipe of a run: how it was trained, within which budget, on how much."""
    options = {k: v for k, v in to_record(config.trainer).items() if k not in _WITHOUT_EFFECT}
    budget = {key: options.pop(key) for key in ("max_epochs", "max_steps", "patience")}
    # Only where it has an effect: other runs keep the ids they had before there were windows.
    windows = {"window_overlap": config.task.window_overlap}
    return {
        **options,
        "length": config.task.length,
        **(windows if POLICIES[config.task.length].overlaps else {}),
        **({} if config.task.decoder is None else {"decoder": config.task.decoder}),
        **({} if config.task.encoding is None else {"encoding": config.task.encoding}),
        **as_dict(added_options(config.task)),
        "train_fraction": config.task.train_fraction,
        "budget": budget,
    }


def strategy(config: RunConfig, kind: str) -> dict[str, Any]:
    """Return the strategy of a run; a baseline has none of its own."""
    if kind == "baseline":
        return {"name": "baseline"}
    facts = STRATEGIES.get(config.strategy.name).facts
    return {**to_record(config.strategy), **(resolve(facts)(config) if facts else {})}


def head(config: RunConfig, kind: str) -> str | None:
    """Return the head of a run; a baseline has none, nor has what is not trained."""
    trains = kind == "encoder" and STRATEGIES.get(config.strategy.name).trains
    return config.task.head if trains else None


def identity(
    config: RunConfig, task: Task, fingerprint: str, kind: str, weights_sha256: str | None
) -> Mapping[str, Any]:
    """Return everything that a run id is the hash of.

    Args:
        config: the settings.
        task: the task they name.
        fingerprint: of the data set.
        kind: `encoder` or `baseline`.
        weights_sha256: of pre-trained weights; None where there are none. Random weights follow
            from the backbone's shape and the seed, which are in here.
    """
    backbone = to_record(config.backbone)
    if weights_sha256 is not None:  # wherever the weights came from, they are what they are
        for address in ("source", "revision", "model"):
            backbone.pop(address, None)
    split = config.split or task.default_split
    said = declared(task, split)
    return {
        "task": task.key,
        **({} if said is None else {"declared": said}),
        "dataset": fingerprint,
        "split": split,
        "fold": config.fold,
        "protocol": config.protocol,
        "backbone": {**backbone, "weights_sha256": weights_sha256},
        "head": head(config, kind),
        "strategy": strategy(config, kind),
        "recipe": recipe(config),
        "recipe_version": RECIPE_VERSION,
        "seed": config.seed,
    }
