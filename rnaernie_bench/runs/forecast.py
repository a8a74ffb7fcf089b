"""How long runs will take, from a short measurement of each kind of run.

A kind is measured by fitting and scoring in miniature, once to warm up and then at two sizes:
items drawn evenly from all lengths, one epoch. What the sizes differ by gives seconds an item for
embedding, an epoch of training and scoring, what is left is the cost of starting. A run then takes

    start + embedding x sequences + training x items x epochs + scoring x (validation + tests).

Epochs are the fewest in which training can converge, those of learning rates that are tried
counted, or all that are allowed: most runs take longer. Features that runs share are counted once.
What grows faster than the items, such as a regression that takes longer to converge on more of
them, is underestimated.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.core.progress import shown
from rnaernie_bench.core.time_limit import duration
from rnaernie_bench.data.items import Dataset, Items, evenly
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.learning.rates import evaluations_of_losers
from rnaernie_bench.learning.schedule import Steps
from rnaernie_bench.runs.folder import RECORD
from rnaernie_bench.runs.loaders import cached_loaders, load_encoder
from rnaernie_bench.runs.plan import Plan, plan
from rnaernie_bench.runs.runner import trains_together
from rnaernie_bench.task.catalogue import STRATEGIES, resolve

SAMPLE_BASES = 24_000
"""Bases of the larger sample's training items, about."""

SAMPLE_ITEMS = 16, 160
"""The fewest and the most training items of the larger sample."""

LONG = 10.0
"""Seconds of a run that are worth telling beforehand."""

WORTH = 30
"""A run is measured beforehand if it reads this many times the bases of the larger sample."""

State = Literal["finished", "unfinished", "new", "failed"]


@dataclass(frozen=True)
class Forecast:
    """What is known of a run before it is executed."""

    run_id: str | None
    """None where the run cannot even be named."""
    state: State
    recorded: bool = False
    """Whether a record of the run stands in the folder of results; the run itself may not."""
    seconds: float | None = 0.0
    """What it will take at least, in one process on this machine; None where that cannot be
    measured."""
    failure: str = ""
    """Why it, or its measurement, fails."""
    done: bool = False
    """Whether a suite would pass it over."""


@dataclass(frozen=True)
class Rates:
    """What a kind of run costs, in seconds."""

    start: float
    embedding: float
    """A sequence."""
    training: float
    """An item and epoch, validation counted."""
    scoring: float
    """An item."""
    by_steps: bool = True
    """Whether training passes over its items again and again."""


@dataclass(frozen=True)
class _Timing:
    items: int
    embedding: float
    training: float
    scored: int
    scoring: float
    sequences: int
    by_steps: bool = True


def forecast(
    configs: Sequence[RunConfig],
    task_folders: Iterable[Path] = (),
    *,
    again: bool = False,
    notify: Callable[[str], None] = lambda message: None,
) -> list[Forecast]:
    """Return a forecast of each run; nothing is written but temporary files.

    Args:
        configs: the settings of each run.
        task_folders: further folders of tasks.
        again: whether runs are carried out, too, whose records stand in the folder of results.
        notify: receives progress messages.
    """
    folders, loaders = list(task_folders), cached_loaders()
    rates: dict[str, Rates | str] = {}
    embedded: set[str] = set()
    forecasts = []
    for config in configs:
        try:
            planned = plan(config, folders, loaders)
        except BenchError as error:
            forecasts.append(Forecast(None, "failed", seconds=None, failure=str(error)))
            continue
        run_id, folder = planned.run_id, planned.folder
        recorded = any(config.results_dir.glob(f"{planned.task.name}/*/{run_id}.json"))
        if (folder / RECORD).exists():
            forecasts.append(Forecast(run_id, "finished", recorded, done=True))
            continue
        state: State = "unfinished" if folder.exists() else "new"
        if recorded and not again:
            forecasts.append(Forecast(run_id, state, recorded, done=True))
            continue
        kind = _kind(config)
        if kind not in rates:
            notify(f"measuring {planned.task.name}, {planned.label}")
            rates[kind] = _measured(planned)
        rate = rates[kind]
        if isinstance(rate, str):
            forecasts.append(Forecast(run_id, state, recorded, None, rate))
            continue
        features = _features(planned)
        seconds = seconds_of(planned, rate, shared=features in embedded)
        embedded.add(features)
        forecasts.append(Forecast(run_id, state, recorded, seconds))
    return forecasts


def foretold(planned: Plan) -> str | None:
    """Return a line on what a run will do and how long it takes at least.

    None if it takes less than `LONG` seconds, or reads so little that measuring it beforehand would
    be no small part of it.
    """
    split, tests = planned.scheme.split, _tests(planned)
    passes = fewest_epochs(planned) if trains_together(planned.config) else 1.0
    bases = passes * sum(len(item.sequence) for item in split.train)
    bases += sum(len(item.sequence) for item in (*split.validation, *tests))
    rates = _measured(planned) if bases >= WORTH * SAMPLE_BASES else ""
    if isinstance(rates, str):  # what fails beforehand is about to fail for everybody to see
        return None
    seconds = seconds_of(planned, rates)
    if seconds < LONG:
        return None
    return (
        f"learns from {len(split.train):,} items, chooses on {len(split.validation):,}, is tested "
        f"on {len(tests):,}: {duration(seconds)} at least, estimated from samples"
    )


def seconds_of(planned: Plan, rates: Rates, *, shared: bool = False) -> float:
    """Return what a run takes at some rates; `shared` if its features are there by then."""
    split = planned.scheme.split
    epochs = fewest_epochs(planned) if rates.by_steps else 1
    training = rates.training * len(split.train) * epochs
    scored = len(split.validation) + len(_tests(planned))
    embedding = 0.0 if shared else rates.embedding * len(_distinct(planned.used))
    return rates.start + embedding + training + rates.scoring * scored


def fewest_epochs(planned: Plan) -> float:
    """Return the passes over train after which a run can end, rates that are tried counted."""
    trainer, train = planned.config.trainer, planned.scheme.split.train
    tokens = sum(len(item.sequence) for item in train)
    steps = math.ceil(tokens / trainer.batch_tokens / trainer.gradient_accumulation)
    plan_of = Steps.of(
        steps,
        evaluate_every=trainer.evaluation_steps,
        patience=trainer.patience,
        max_epochs=trainer.max_epochs,
        max_steps=trainer.max_steps,
    )
    tried = 3 if trainer.learning_rates is None else len(trainer.learning_rates)
    return (plan_of.fewest + evaluations_of_losers(tried) * plan_of.interval) / steps


def _kind(config: RunConfig) -> str:
    """Return what tells apart runs of different speed: all but seed, data part and budget."""
    task = replace(config.task, train_fraction=1.0, train_by_seed=False)
    trainer = replace(
        config.trainer, max_epochs=1, max_steps=None, max_train_minutes=None, patience=1
    )
    return repr((task, config.backbone, config.strategy, trainer, config.protocol))


def _features(planned: Plan) -> str:
    """Return what tells apart the cached features of runs; random weights follow from the seed."""
    config = planned.config
    seed = None if planned.weights_sha256 else config.seed
    options = (config.backbone, config.task.head, config.task.length, config.task.window_overlap)
    return repr((planned.used.fingerprint, options, config.strategy, seed))


def _distinct(dataset: Dataset) -> set[str]:
    return {item.sequence for items in dataset.parts.values() for item in items}


def _tests(planned: Plan) -> Items:
    """Return the items that stand in any test part, each once."""
    parts = planned.scheme.split.tests.values()
    return tuple({item.id: item for part in parts for item in part}.values())


def _measured(planned: Plan) -> Rates | str:
    """Return the rates of a kind of run, or why it cannot be measured."""
    train = planned.scheme.split.train or _tests(planned)
    mean = max(1.0, float(np.mean([len(item.sequence) for item in train])))
    fewest, most = SAMPLE_ITEMS
    large = int(np.clip(SAMPLE_BASES / mean, fewest, most))
    try:
        _, small, big = (_miniature(planned, size) for size in (large // 4, large // 4, large))
    except Exception as error:  # a run that fails is to be seen before hours of others
        return " ".join(f"{type(error).__name__}: {error}".split())
    return _rates(small, big)


def _rates(small: _Timing, big: _Timing) -> Rates:
    training = _slope(small.training, big.training, small.items, big.items)
    return Rates(
        start=max(0.0, big.training - training * big.items),
        embedding=_slope(small.embedding, big.embedding, small.sequences, big.sequences),
        training=training,
        scoring=_slope(small.scoring, big.scoring, small.scored, big.scored),
        by_steps=big.by_steps,
    )


def _slope(small_s: float, big_s: float, small: int, big: int) -> float:
    """Return seconds an item: of those the larger sample has more, if that can be measured."""
    if big > small and big_s > small_s:
        return (big_s - small_s) / (big - small)
    return big_s / max(big, 1)


def _miniature(planned: Plan, size: int) -> _Timing:
    """Measure a run on a sample, with a folder and a cache that last no longer."""
    with _scratch() as folder, shown(False):
        return _in_miniature(planned, size, folder)


def _in_miniature(planned: Plan, size: int, folder: Path) -> _Timing:
    """Fit and score a run on a sample, as many items of each part as they are in proportion."""
    split, config = planned.scheme.split, planned.config
    share = size / max(len(split.train), 1)
    train = evenly(split.train, size)
    chosen = evenly(planned.scheme.selection, max(4, round(share * len(planned.scheme.selection))))
    scored = evenly(_tests(planned), max(4, size // 2))
    sample = Dataset("sample", {"sample": tuple(dict.fromkeys((*train, *chosen, *scored)))})
    trainer = replace(
        config.trainer, max_epochs=1, max_steps=None, learning_rates=(), progress=False
    )
    context = FitContext(
        task=planned.task,
        config=replace(config, trainer=trainer),
        train=train,
        validation=chosen,
        dataset=sample,
        folder=folder,
    )
    start = time.perf_counter()
    fitted, report = _fit(planned, context)
    trained = time.perf_counter()
    sequences = [item.input for item in scored]
    if planned.task.decodes:
        from rnaernie_bench.metrics.answers.structure import decoded
        from rnaernie_bench.structure.tuning import default_options

        decoding = fitted.decoding or default_options(str(config.task.decoder))
        for _ in decoded(fitted.probabilities(sequences), sequences, decoding):
            pass
    else:
        fitted.logits(sequences)
    embedding = float(report.details.get("embedding_s", 0.0))
    return _Timing(
        items=len(train),
        embedding=embedding,
        training=max(0.0, trained - start - embedding),
        scored=len(scored),
        scoring=time.perf_counter() - trained,
        sequences=len(_distinct(sample)),
        by_steps=report.ended_by not in ("optimum", "untrained"),
    )


def _fit(planned: Plan, context: FitContext) -> Any:
    config, entry = planned.config, planned.entry
    if entry.kind == "baseline":
        return resolve(entry.fit)(context, config.backbone)
    strategy = STRATEGIES.get(config.strategy.name)
    encoder = load_encoder(entry, config.backbone, config.seed, strategy.masked_lm)
    return resolve(strategy.fit)(context, encoder, config.strategy)


@contextmanager
def _scratch() -> Iterator[Path]:
    """Give a temporary folder; what is cached meanwhile goes there too."""
    name = "RNAERNIE_BENCH_CACHE"
    former = os.environ.get(name)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[name] = str(Path(folder) / "cache")
        try:
            yield Path(folder)
        finally:
            if former is None:
                del os.environ[name]
            else:
                os.environ[name] = former
