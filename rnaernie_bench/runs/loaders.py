"""Where data, splits and weights come from: loaded afresh, or shared by runs of a process."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.data.items import Dataset, Split
from rnaernie_bench.data.loading import load_dataset, make_split, used_by
from rnaernie_bench.task.catalogue import EncoderEntry, resolve
from rnaernie_bench.task.task import Task

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder


class Data(NamedTuple):
    """What a run learns from and is scored on."""

    dataset: Dataset
    split: Split
    used: Dataset
    """The items of the data set that the split uses."""


@dataclass(frozen=True)
class Loaders:
    """The two functions that load data and backbone of a run."""

    data: Callable[[Task, RunConfig], Data]
    """Called with a task and the settings that choose data set, split, fold and share of train."""
    encoder: Callable[[EncoderEntry, Any, int, bool], Encoder]
    """Called with entry, options, seed and whether its head for masked tokens is wanted, returns a
    backbone that is the caller's to change."""


def load_data(task: Task, config: RunConfig, dataset: Dataset | None = None) -> Data:
    """Return the data of a run.

    Args:
        task: its task.
        config: its settings.
        dataset: the task's data set, if it has been loaded.

    Raises:
        ConfigError: if there is no such split or fold.
        DataError: if the data is missing or wrong.
    """
    dataset = dataset or load_dataset(task, simulated=config.task.data == "simulated")
    split = make_split(
        task,
        dataset,
        config.split or task.default_split,
        fold=config.fold,
        train_fraction=config.task.train_fraction,
        train_seed=_train_seed(config),
    )
    return Data(dataset, split, used_by(split, dataset))


def _train_seed(config: RunConfig) -> int | None:
    return config.seed if config.task.train_by_seed else None


def load_encoder(entry: EncoderEntry, options: Any, seed: int, masked_lm: bool = False) -> Encoder:
    """Return a backbone with its weights, pre-trained or drawn from the seed."""
    target = entry.load_masked_lm if masked_lm else entry.load
    assert target is not None  # a plan refuses a backbone without that head
    encoder: Encoder = resolve(target)(options, seed)
    return encoder


UNCACHED = Loaders(load_data, load_encoder)
"""Loads everything anew."""


def cached_loaders(backbones: int = 2) -> Loaders:
    """Return loaders that load once and keep the result for later runs of this process.

    Args:
        backbones: how many are kept; each call returns a copy, because training changes it.
    """
    datasets: dict[Any, Dataset] = {}
    data: dict[Any, Data] = {}
    encoders: dict[Any, Encoder] = {}

    def kept_data(task: Task, config: RunConfig) -> Data:
        of = (task.key, task.folder, config.task.data)
        key = (of, config.split, config.fold, config.task.train_fraction, _train_seed(config))
        if key not in data:
            data[key] = load_data(task, config, datasets.get(of))
            datasets[of] = data[key].dataset
        return data[key]

    def kept_encoder(
        entry: EncoderEntry, options: Any, seed: int, masked_lm: bool = False
    ) -> Encoder:
        key = (repr(options), seed, masked_lm)
        if key not in encoders:
            if len(encoders) == backbones:
                del encoders[next(iter(encoders))]
            encoders[key] = load_encoder(entry, options, seed, masked_lm)
        pristine = encoders[key]
        return replace(pristine, model=deepcopy(pristine.model))

    return Loaders(kept_data, kept_encoder)
