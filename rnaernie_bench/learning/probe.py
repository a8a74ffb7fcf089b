"""Linear heads on a frozen backbone: regressions fitted to their optimum.

Validation chooses the pooling, where the head leaves one to choose, then layer and regularisation:
each layer alone, and all side by side. Features are standardised by train, which is folded into the
weights, so that what is saved is a plain linear layer on plain features.

Candidates are compared on up to `COMPARED` units, by models that are nearly fitted; the best is
then fitted on all. What would take more than `MOST_BYTES` is left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.core.time_limit import check_time
from rnaernie_bench.data.items import Items
from rnaernie_bench.learning.candidates import Candidate, Space, space_of
from rnaernie_bench.learning.fit import FittedNetwork, fresh_network, report
from rnaernie_bench.learning.interface import FitContext, FitReport
from rnaernie_bench.learning.kept import Kept
from rnaernie_bench.learning.linear import LinearSearch
from rnaernie_bench.learning.network import Network
from rnaernie_bench.learning.recipe import TrainingSummary
from rnaernie_bench.learning.regression import MOST_AXES, Linear
from rnaernie_bench.learning.strengths import Found

COMPARED = 20_000
"""Units of train, and of validation, on which pooling and layer are chosen, about."""

MOST_BYTES = 4 * 1024**3
"""What features may take: those of the data set on disk, and those of train in memory."""

Parts = Sequence[Sequence[str]]
"""The distinct sequences of each part of a data set."""

Compute = Callable[[Network, str, Parts], Kept]
"""Returns what the head of a network reads of sequences; the text names it."""


def fit_probe(
    context: FitContext,
    encoder: Encoder,
    parts: Parts,
    compute: Compute,
    layer: str | int = "auto",
    dress: Callable[[FittedNetwork], FittedNetwork] = lambda network: network,
) -> tuple[FittedNetwork, FitReport] | None:
    """Fit a linear head of the task on a frozen backbone.

    Args:
        context: the task's.
        encoder: the backbone.
        parts: what features are kept of.
        compute: computes features, or reads them from the cache.
        layer: a number, ``all``, or ``auto``: each and all of them are compared.
        dress: makes of the network what is returned.

    Returns:
        The fitted network; None where no features fit in memory.

    Raises:
        ConfigError: for a layer that the backbone does not have.
    """
    started, space = time.perf_counter(), space_of(context, encoder, layer)
    model, reader = space.first.model, space.first.reader
    small = replace(
        context,
        train=_sample(context, context.train),
        validation=_sample(context, context.validation),
    )
    whole = _bytes(space, parts) <= MOST_BYTES
    read = parts
    if not whole:
        inputs = ([item.input for item in items] for items in (small.train, small.validation))
        read = [model.kind.sequences(some, reader) for some in inputs]
    kept = compute(*space.reading(list(space.networks), space.layers), read)
    choices = _affordable(space, kept, _units(context, context.train))
    if not choices:
        return None
    search, best = LinearSearch(small), choices[0]
    if len(choices) > 1:
        scores = [
            _Features.of(space, one, kept, small).best(search, False).score for one in choices
        ]
        best = choices[int(np.argmax(scores))]
    if not whole:
        kept = compute(*space.reading([best.head], best.layers), parts)
        best = replace(best, columns=slice(None))
    features, final = _Features.of(space, best, kept, context), LinearSearch(context)
    final.trials = search.trials
    found = features.best(final, True)
    layers = () if best.layers == (space.last,) else best.layers
    network = fresh_network(context, encoder, best.head, layers)
    _set(network, final.in_units(features.plain(found.model)))
    own = best.of(kept)
    network.model.half_features = own.half
    network = replace(dress(network), kept=own)
    seconds = time.perf_counter() - started - sum(table.seconds for table in own.tables)
    summary = TrainingSummary(max(seconds, 1e-9), 1, 1, "optimum")
    told = report(context, network, summary, encoder.weights_sha256)
    selected = {
        "solver": "closed_form",
        **({"pooling": best.head} if len(space.networks) > 1 else {}),
        **({"layers": " ".join(map(str, best.layers))} if best.layers else {}),
        **found.to_record(),
    }
    return network, replace(told, trials=final.trials, selected=selected)


@dataclass(frozen=True)
class _Features:
    """Rows of the units of train and validation, standardised by train."""

    train: np.ndarray
    validation: np.ndarray
    shift: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, space: Space, candidate: Candidate, kept: Kept, context: FitContext) -> _Features:
        """Return the rows of a candidate."""
        check_time()
        parts = context.train, context.validation
        train, validation = (space.rows(candidate, kept, items) for items in parts)
        shift = train.mean(axis=0, dtype=np.float64).astype(np.float32)
        scale = np.maximum(train.std(axis=0, dtype=np.float64), 1e-6).astype(np.float32)
        for rows in (train, validation):
            rows -= shift
            rows /= scale
        return cls(train, validation, shift, scale)

    def best(self, search: LinearSearch, thorough: bool) -> Found[Linear]:
        """Return the best regression on these rows."""
        return search.best(self.train, self.validation, thorough=thorough)

    def plain(self, model: Linear) -> Linear:
        """Return as a model of plain features what is one of standardised ones."""
        weights = model.weights.astype(np.float64) / self.scale
        return Linear(weights.astype(np.float32), model.bias - (weights @ self.shift))


def _bytes(space: Space, parts: Parts) -> int:
    """Return what the features of all candidates take on disk."""
    if space.first.model.kind.states is None:
        return 4 * sum(map(len, parts)) * space.columns
    return 2 * sum(len(sequence) for part in parts for sequence in part) * space.columns


def _affordable(space: Space, kept: Kept, units: int) -> list[Candidate]:
    """Return the candidates whose regression of so many units fits in memory.

    Those that would take long, as they cannot be turned to principal axes, are left out if others
    remain.
    """
    choices = space.candidates(kept.tables[0].rows.shape[1])
    widths = [space.width(of.head) * max(1, len(of.layers)) for of in choices]
    fit = [w for w in widths if 4 * units * w <= MOST_BYTES]
    quick = [w for w in fit if min(units, w) <= MOST_AXES]
    return [of for of, width in zip(choices, widths, strict=True) if width in (quick or fit)]


def _units(context: FitContext, items: Items) -> int:
    units = context.task.level_entry.units
    return sum(units(item.input) for item in items)


def _sample(context: FitContext, items: Items) -> Items:
    """Return all items, or some that have about `COMPARED` units, always the same."""
    units = _units(context, items)
    if units <= COMPARED:
        return items
    count = max(2, round(len(items) * COMPARED / units))
    chosen = np.random.default_rng(0).choice(len(items), count, replace=False)
    return tuple(items[place] for place in np.sort(chosen))


def _set(network: FittedNetwork, linear: Linear) -> None:
    """Give the head of a network the weights of a regression."""
    decoder = network.model.head.decoder
    with torch.no_grad():
        decoder.weight.copy_(torch.from_numpy(linear.weights))
        decoder.bias.copy_(torch.from_numpy(np.asarray(linear.bias, dtype=np.float32)))
