"""What strategies share: a fresh head on a backbone, training by the recipe, scores, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import TrainerCallback

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.inference import Batch, best_device, in_batches, scores
from rnaernie_bench.backbones.precision import chosen
from rnaernie_bench.learning.examples import Examples
from rnaernie_bench.learning.inputs import refuse_long, refuse_unreadable, states_read
from rnaernie_bench.learning.interface import FitContext, FitReport
from rnaernie_bench.learning.kept import Kept
from rnaernie_bench.learning.network import (
    Declared,
    HeadOnFeatures,
    Network,
    Scorer,
    build_head,
    level_inputs,
    save_network,
)
from rnaernie_bench.learning.objective import Objective, Part
from rnaernie_bench.learning.rates import around
from rnaernie_bench.learning.reader import Reader
from rnaernie_bench.learning.recipe import Recipe, TrainingSummary, train
from rnaernie_bench.learning.structures import probabilities_of
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import outputs
from rnaernie_bench.metrics.targets import Scaling
from rnaernie_bench.task.catalogue import HEADS, resolve
from rnaernie_bench.task.lengths import policies_of, remedy


@dataclass(frozen=True)
class FittedNetwork:
    """A network, fitted or to be fitted, with what it reads."""

    model: Any
    """A `Scorer`; mostly a `Network`."""
    reader: Reader
    write: Callable[[Path], None]
    """Writes the model into a folder."""
    kept: Kept | None = None
    """Features of known sequences, which the head reads instead of tokens."""
    decoding: None = None
    """Of structures: validation chooses it."""

    def logits(self, items: Sequence[Any]) -> np.ndarray:
        """Return scores of all units of sequences, or pairs of them, float32 (units, outputs).

        All processes of a launch call this; each computes some of the batches.

        Raises:
            DataError: for an item over the limit under the policy ``error``.
        """
        scored = self.model.kind.scored
        if scored is not None:
            return resolve(scored)(self, items)
        return self.plain_logits(items)

    def plain_logits(self, items: Sequence[Any], *, together: bool = True) -> np.ndarray:
        """Return the same, batch by batch; `together` as in `backbones.inference.in_batches`."""
        model, inputs, device = self._reading(items)
        return scores(
            lambda batch: model.kind.rows(model(**batch)["logits"], batch),
            inputs,
            sizes=inputs.sizes,
            token_budget=self.reader.token_budget,
            device=device,
            together=together,
        )

    def probabilities(self, sequences: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield index and pair probabilities, float32 (bases, bases), of sequences that are read.

        Where pairs of bases are decoded into a structure; see `interface.FittedContacts`.

        Raises:
            DataError: for a sequence over the limit under the policy ``error``.
        """
        limit, leaves_out = self.reader.max_bases, self.reader.leaves_out
        places = [i for i, s in enumerate(sequences) if not leaves_out or len(s) <= limit]
        if not places:
            return
        model, inputs, device = self._reading([sequences[place] for place in places])

        def work(_: list[int], batch: Batch) -> list[np.ndarray]:
            return probabilities_of(model(**batch)["logits"].float(), batch)

        for indices, matrices in in_batches(
            work, inputs, token_budget=self.reader.token_budget, device=device
        ):
            yield from zip([places[index] for index in indices], matrices, strict=True)

    def too_long(self, item: Any) -> bool:
        """Return whether a sequence, or a pair, has more bases than are read."""
        bases, limit, _ = self.model.kind.size(item, self.reader)
        return bool(bases > limit)

    def refuse_unreadable(self, sequence: str, where: str) -> None:
        """Refuse a sequence that the head cannot read.

        Raises:
            DataError: saying `where` it stands.
        """
        refuse_unreadable(self.model.head, [sequence], self.reader, [where])

    def knows(self, items: Sequence[Any]) -> bool:
        """Return whether features of all sequences of items are kept."""
        kind = self.model.kind
        return self.kept is not None and self.kept.hold(kind.sequences(items, self.reader))

    def _reading(self, items: Sequence[Any]) -> tuple[Scorer, Any, torch.device]:
        """Return what reads items, and what it reads of them: features, if all are known."""
        device, kind = best_device(), self.model.kind
        kept = self.kept if self.knows(items) else None
        model = self.model
        if kept is not None:
            model = HeadOnFeatures(model.head, kind, model.precision)
        return model.to(device).eval(), kind.read(items, self.reader, kept), device

    def save(self, folder: Path) -> None:
        """Write the model into `folder`."""
        self.write(folder)


def fresh_network(
    context: FitContext,
    encoder: Encoder,
    head_name: str | None = None,
    layers: Sequence[int] = (),
) -> FittedNetwork:
    """Return `encoder` under a new head of the task, drawn from the seed, yet to be fitted.

    Args:
        context: the task's.
        encoder: the backbone.
        head_name: the head; None: `task.head`.
        layers: that it reads, see `heads.bases.layers`; none: the last.

    Raises:
        ConfigError: for joint inputs of pairs, if the backbone knows no token between them.
        DataError: naming file and record of a sequence that the head cannot read.
    """
    task, config = context.task, context.config
    torch.manual_seed(config.seed)
    width, name = outputs(task.problem, len(task.labels)), head_name or config.task.head
    reader = reader_of(context, encoder.tokenizer, encoder.max_bases)
    options = head_options(context, name, reader)
    head = build_head(name, encoder.model.config, width, task.problem, options, layers)
    precision = chosen(config.trainer.precision)
    network = Network(encoder.model, head, level_inputs(task.level, head), precision=precision)
    network.kind.read([], reader)  # what cannot be read at all is refused now
    if hasattr(head, "refuses"):
        for sequences, names in _named_parts(context, network.kind):
            refuse_long(sequences, reader, network.kind, names=names)
            refuse_unreadable(head, sequences, reader, names)
    declared = Declared(
        name,
        task.level,
        task.problem,
        task.labels,
        encoding=reader.encoding,
        options=options,
        layers=tuple(layers),
    )
    write = partial(_write, network, encoder.tokenizer, declared)
    return FittedNetwork(network, reader, write)


def head_options(context: FitContext, name: str, reader: Reader) -> dict[str, Any]:
    """Return what a head is built with besides outputs and problem."""
    entry = HEADS.get(name)
    published = entry.published if context.config.protocol == "as_published" else {}
    options = {**entry.fresh, **published}
    values: Mapping[str, Callable[[], Any]] = {
        "features": lambda: list(context.config.task.features),
        "flank": lambda: context.config.task.flank,
        "length": lambda: states_read([context.train[0].input], reader)[0],
    }
    return options | {option: values[option]() for option in entry.reads}


def _write(network: Network, tokenizer: Any, declared: Declared, folder: Path) -> None:
    declared = replace(declared, half_features=network.half_features, precision=network.precision)
    save_network(network, tokenizer, folder, declared)


def reader_of(context: FitContext, tokenizer: Any, max_bases: int) -> Reader:
    """Return how the settings have items read."""
    task, trainer = context.config.task, context.config.trainer
    return Reader(
        tokenizer,
        max_bases,
        task.length,
        trainer.batch_tokens,
        task.window_overlap,
        encoding=task.encoding or "towers",
        features=task.features,
    )


def refuse_long_items(context: FitContext, reader: Reader) -> None:
    """Refuse what is too long for the policy ``error``, before time is spent on training.

    Raises:
        DataError: naming file and record of an item over the limit under ``error``.
    """
    task = context.task
    kind = level_inputs(task.level)
    way_out = remedy(policies_of(LEVELS.get(task.level), task.problem))
    for items, names in _named_parts(context, kind):
        refuse_long(items, reader, kind, names=names, remedy=way_out)


def _named_parts(context: FitContext, kind: type[Any]) -> Iterator[tuple[list[Any], list[str]]]:
    """Yield what is read of the items of each part, and what messages call them."""
    for part, items in context.dataset.parts.items():
        place = place_of(context, part)
        names = [f"{place}, {kind.record.format(item.id)}" for item in items]
        yield [item.input for item in items], names


def place_of(context: FitContext, part: str) -> str:
    """Return how messages call what a part was read from."""
    if not context.dataset.simulated:
        declared = context.task.dataset
        if part in declared.tables:
            return declared.tables[part].source
        if part in declared.file_parts:
            return ", ".join(file.path for file in declared.file_parts[part].values())
    return f"{context.dataset.name}, part {part}"


def objective_of(context: FitContext, reader: Reader, kind: type[Any]) -> Objective:
    """Return what the task of `context` has a network learn."""
    make = resolve(LEVELS.get(context.task.level).objective(context.task.problem))
    found: Objective = make(context, kind, reader)
    return found


def train_network(
    context: FitContext,
    network: FittedNetwork,
    learning_rate: float,
    *,
    rate_factors: Mapping[str, float] | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> TrainingSummary:
    """Train what requires gradients by the recipe; the network holds its best weights afterwards.

    Args:
        context: the task's.
        network: with kept features, the head alone is trained, on them.
        learning_rate: the model's own rate, tried with a tenth of it and ten times it unless
            `trainer.learning_rates` says what is tried.
        rate_factors: by parameter, what its rate is multiplied by; None leaves all rates equal.
        callbacks: for the trainer, besides the recipe's own.

    Raises:
        DataError: for an item over the limit under ``task.length=error``, or if train teaches
            nothing.
    """
    reader, kept, model = network.reader, network.kept, network.model
    refuse_long_items(context, reader)
    learned = objective_of(context, reader, model.kind)
    if kept is not None:
        model = HeadOnFeatures(model.head, model.kind, model.precision)
    model.loss = learned.loss

    def examples(part: Part) -> Examples:
        inputs = model.kind.read([item.input for item in part.items], reader, kept)
        return Examples(inputs, part.truth)

    options = context.config.trainer
    recipe = Recipe(
        model,
        examples(learned.train),
        examples(learned.validation),
        objective=learned,
        options=options,
        seed=context.config.seed,
        folder=context.folder,
        metric=context.task.main_metric.name,
        higher_is_better=context.task.main_metric.higher_is_better,
        log=context.log,
        notify=context.notify,
        rate_factors=rate_factors,
        callbacks=callbacks,
    )
    rates = options.learning_rates
    if rates is None:
        summary = train(recipe, around(learning_rate), further=True)
    else:
        summary = train(recipe, rates or (learning_rate,))
    model.loss = None
    if learned.scaling is not None:
        unscale(model.head.decoder, learned.scaling)
    return replace(summary, details=learned.details)


def unscale(linear: nn.Linear, scaling: Scaling) -> None:
    """Make a layer that gives scaled quantities give them in the units of the data."""
    scale, shift = torch.from_numpy(scaling.scale), torch.from_numpy(scaling.shift)
    with torch.no_grad():
        linear.weight *= scale.to(linear.weight)[:, None]
        linear.bias.copy_(linear.bias * scale.to(linear.bias) + shift.to(linear.bias))


def report(
    context: FitContext,
    network: FittedNetwork,
    summary: TrainingSummary,
    weights_sha256: str | None,
    **details: Any,
) -> FitReport:
    """Return the report of a network that was trained as `summary` says.

    Args:
        context: the task's.
        network: the trained one.
        summary: of its training; the time of computing features that are kept is added.
        weights_sha256: of its backbone before training; None if it has none.
        details: what else the record tells of the cost.
    """
    reader = network.reader
    measured: dict[str, Any] = {"precision": network.model.precision, **summary.details}
    seconds = summary.train_s
    if network.kept is not None:
        embedding = sum(table.seconds for table in network.kept.tables)
        seconds += embedding
        measured["embedding_s"] = round(embedding, 3)
        measured["embedding_cached"] = all(table.cached for table in network.kept.tables)
    if reader.leaves_out:
        over = sum(len(item.sequence) > reader.max_bases for item in context.train)
        measured["n_train_over_limit"] = over
    return FitReport(
        parameters=sum(p.numel() for p in network.model.parameters()),
        weights_sha256=weights_sha256,
        max_bases=reader.max_bases,
        train_s=seconds,
        items_per_s=len(context.train) * summary.epochs / max(seconds, 1e-9),
        epochs=summary.epochs,
        best_epoch=summary.best_epoch,
        ended_by=summary.ended_by,
        curve=summary.curve,
        trials=max(1, len(summary.rates)),
        selected=_selected(summary),
        details={**measured, **details},
    )


def _selected(summary: TrainingSummary) -> dict[str, Any]:
    """Return the rate that trained, and among which it was chosen."""
    if summary.rate is None:
        return {}
    several = ", ".join(f"{rate:g}" for rate in summary.rates)
    tried = {"learning_rates": several} if len(summary.rates) > 1 else {}
    return {"learning_rate": summary.rate, **tried}
