"""Pair heads, trained end to end or on the cached states of a frozen backbone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.inference import best_device
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.batching import LengthBucketedBatchSampler, pad_batch
from rnaernie_bench.data.encoding import encode
from rnaernie_bench.data.items import Items
from rnaernie_bench.learning.feature_cache import StateTable
from rnaernie_bench.learning.fit import last_linear, place_of, unscale
from rnaernie_bench.learning.interface import FitContext, FitReport
from rnaernie_bench.learning.objective import lesson
from rnaernie_bench.learning.pair_inputs import (
    JointTokens,
    Pair,
    PairExamples,
    PairInputs,
    TowerStates,
    TowerTokens,
    lengths_of,
    pair_logits,
)
from rnaernie_bench.learning.pair_network import (
    PairHeadOnStates,
    PairModel,
    build_pair_head,
    save_pair_model,
)
from rnaernie_bench.learning.recipe import TrainingSummary, train
from rnaernie_bench.learning.states import Found, embedded
from rnaernie_bench.metrics.problems import outputs
from rnaernie_bench.metrics.targets import Targets

CHUNK = 2048
"""Pairs whose sequences' states are held at a time, where they are not cached."""


@dataclass(frozen=True)
class PairReader:
    """How a network reads pairs."""

    tokenizer: Any
    max_bases: int
    """Of one sequence."""
    token_budget: int

    def limit(self, encoding: str) -> int:
        """Return how many bases of both partners fit, or of each in towers."""
        return self.max_bases - 1 if encoding == "joint" else self.max_bases

    def inputs(self, pairs: Sequence[Pair], encoding: str) -> PairInputs:
        """Return what a network of this encoding reads of `pairs`."""
        kind = JointTokens if encoding == "joint" else TowerTokens
        return kind(pairs, self.tokenizer, self.limit(encoding))


@dataclass(frozen=True)
class FittedPairs:
    """A network that gives pairs logits, or quantities."""

    model: PairModel
    reader: PairReader
    write: Callable[[Path], None]
    """Writes the model into a folder."""
    table: StateTable | None = None
    """Known sequences are read from here."""

    def logits(self, inputs: Sequence[Pair]) -> np.ndarray:
        """Return float32 logits of shape (pairs, outputs).

        With towers, each distinct sequence is encoded once a `CHUNK` of pairs, taken in the order
        of their first partners; states in the table are not encoded at all.

        Raises:
            DataError: for a pair over the limit.
        """
        refuse_long_pairs(inputs, self.reader, self.model.encoding)
        device, budget = best_device(), self.reader.token_budget
        model = self.model.to(device).eval()
        if self.model.encoding == "joint":
            tokens = self.reader.inputs(inputs, "joint")
            return pair_logits(
                lambda **batch: model(**batch)["logits"],
                tokens, token_budget=budget, device=device,
            )  # fmt: skip
        on_states = PairHeadOnStates(model.head)
        logits = np.empty((len(inputs), model.head.config.num_labels), dtype=np.float32)
        order = sorted(range(len(inputs)), key=lambda index: inputs[index])
        for start in range(0, len(order), CHUNK):
            chosen = order[start : start + CHUNK]
            pairs = [inputs[index] for index in chosen]
            logits[chosen] = pair_logits(
                lambda **batch: on_states(**batch)["logits"],
                TowerStates(pairs, self.states(pairs)), token_budget=budget, device=device,
            )  # fmt: skip
        return logits

    def states(self, pairs: Sequence[Pair]) -> StateTable | HeldStates:
        """Return the states of all sequences of `pairs`, from the table if it has them all."""
        sequences = list(dict.fromkeys(sequence for pair in pairs for sequence in pair))
        if self.table is not None and all(sequence in self.table for sequence in sequences):
            return self.table
        found = states_of(self.model, self.reader, sequences)
        return HeldStates({sequences[index]: states for index, states in found})

    def save(self, folder: Path) -> None:
        """Write the model into `folder`."""
        self.write(folder)


@dataclass(frozen=True)
class HeldStates:
    """States of some sequences, in memory."""

    by_sequence: Mapping[str, np.ndarray] = field(default_factory=dict)

    def of(self, sequence: str) -> np.ndarray:
        """Return the states of a sequence, (bases, hidden)."""
        return self.by_sequence[sequence]


def states_of(model: PairModel, reader: PairReader, sequences: Sequence[str]) -> Found:
    """Yield index and states of each sequence, float32 (bases, hidden), in any order."""
    device = next(model.parameters()).device
    network: Any = model.eval()
    ids = encode(sequences, reader.tokenizer, policy="error", max_bases=reader.max_bases).ids
    lengths = np.array([len(row) for row in ids], dtype=np.int64)
    for indices in LengthBucketedBatchSampler(lengths, reader.token_budget, shuffle=False, seed=0):
        batch = pad_batch([ids[index] for index in indices], int(reader.tokenizer.pad_token_id))
        with torch.inference_mode():
            found = network.states(*(tensor.to(device) for tensor in batch)).float().cpu().numpy()
        for index, states in zip(indices, found, strict=True):
            yield index, states[: lengths[index] - model.specials]


def refuse_long_pairs(
    pairs: Sequence[Pair], reader: PairReader, encoding: str, names: Sequence[str] | None = None
) -> None:
    """Refuse a pair that does not fit.

    Args:
        pairs: what is to be read.
        reader: how.
        encoding: of the network.
        names: what messages call the pairs; by their places, from 1, if None.

    Raises:
        DataError: naming the first of those that are too long by most.
    """
    limit = reader.limit(encoding)
    if encoding == "joint":
        lengths = lengths_of(pairs)
    else:
        lengths = np.array([max(map(len, pair)) for pair in pairs], dtype=np.int64)
    if len(lengths) and lengths.max() > limit:
        place = int(lengths.argmax())
        joint = "both sequences have" if encoding == "joint" else "a sequence has"
        raise DataError(
            f"{joint} {lengths[place]} bases, {limit} fit",
            where=names[place] if names else f"pair {place + 1}",
            remedy="cut them to the site in question",
        )


def _refuse_long(context: FitContext, reader: PairReader, encoding: str) -> None:
    """Refuse what does not fit, tests included, before time is spent on training."""
    for part, items in context.dataset.parts.items():
        names = [f"{place_of(context, part)}, pair {item.id}" for item in items]
        refuse_long_pairs([item.input for item in items], reader, encoding, names)


def fit_network(
    context: FitContext, encoder: Encoder, network: FittedPairs, learning_rate: float
) -> tuple[FittedPairs, FitReport]:
    """Train those weights of `network`, a head on `encoder`, that require gradients."""
    model, reader = network.model, network.reader
    summary = _train(
        context, model, reader, learning_rate, lambda some: reader.inputs(some, model.encoding)
    )
    return network, _report(context, model, summary, encoder)


def fit_frozen(
    context: FitContext, encoder: Encoder, learning_rate: float
) -> tuple[FittedPairs, FitReport]:
    """Train a fresh pair head on the cached states of `encoder`, each sequence encoded once.

    Raises:
        ConfigError: for joint inputs, whose states are those of pairs.
    """
    network = with_fresh_head(context, encoder)
    model, reader = network.model, network.reader
    if model.encoding == "joint":
        raise ConfigError(
            "a frozen backbone keeps states of sequences, and joint inputs are pairs",
            where="task.encoding",
            remedy="use task.encoding=towers, or strategy=full",
        )
    table = _cached(context, encoder, model, reader)
    on_states = PairHeadOnStates(model.head)
    summary = _train(
        context, on_states, reader, learning_rate, lambda some: TowerStates(some, table)
    )
    summary = replace(summary, train_s=summary.train_s + table.seconds)
    told = _report(context, model, summary, encoder)
    details = {"embedding_s": round(table.seconds, 3), "embedding_cached": table.cached}
    return replace(network, table=table), replace(told, details=details)


def _train(
    context: FitContext,
    model: PairModel | PairHeadOnStates,
    reader: PairReader,
    learning_rate: float,
    inputs_of: Callable[[Sequence[Pair]], PairInputs],
) -> TrainingSummary:
    """Train `model` by the recipe; it holds its best epoch on validation afterwards."""
    encoding = context.config.task.encoding or "towers"
    _refuse_long(context, reader, encoding)

    def examples(items: Items, targets: Targets) -> PairExamples:
        return PairExamples(inputs_of([item.input for item in items]), targets)

    metric, taught = context.task.main_metric, lesson(context)
    if taught.class_weights is not None:
        model.class_weights = torch.from_numpy(taught.class_weights)
    summary = train(
        model,
        examples(context.train, taught.train),
        examples(context.validation, taught.validation),
        pad_id=int(reader.tokenizer.pad_token_id),
        options=context.config.trainer,
        learning_rate=learning_rate,
        seed=context.config.seed,
        folder=context.folder,
        score=taught.score,
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        log=context.log,
    )
    if taught.scaling is not None:
        unscale(last_linear(model), taught.scaling)
    return summary


def with_fresh_head(context: FitContext, encoder: Encoder) -> FittedPairs:
    """Return `encoder` under a new head of the task, drawn from the seed, yet to be fitted.

    Raises:
        ConfigError: for joint inputs, if the backbone knows no token that could part them.
    """
    task, config = context.task, context.config
    torch.manual_seed(config.seed)
    width, published = outputs(task.problem, len(task.labels)), config.protocol == "as_published"
    head = build_pair_head(
        config.task.head, encoder.model.config, width, task.problem, published=published
    )
    reader = PairReader(encoder.tokenizer, encoder.max_bases, config.trainer.token_budget)
    model = PairModel(encoder.model, head, config.task.encoding or "towers")
    if model.encoding == "joint" and not model.specials:
        raise ConfigError(
            f"{config.backbone.name} knows no token that could stand between two sequences",
            where="task.encoding",
            remedy="use task.encoding=towers",
        )
    write = partial(
        save_pair_model, model, encoder.tokenizer, head=config.task.head, published=published
    )
    return FittedPairs(model, reader, write)


def _report(
    context: FitContext, model: PairModel, summary: TrainingSummary, encoder: Encoder
) -> FitReport:
    return FitReport(
        parameters=sum(p.numel() for p in model.parameters()),
        weights_sha256=encoder.weights_sha256,
        max_bases=encoder.max_bases,
        train_s=summary.train_s,
        items_per_s=len(context.train) * summary.epochs / max(summary.train_s, 1e-9),
        epochs=summary.epochs,
        best_epoch=summary.best_epoch,
        stopped_by=summary.stopped_by,
    )


def _cached(
    context: FitContext, encoder: Encoder, model: PairModel, reader: PairReader
) -> StateTable:
    """Return the states of all sequences of the data set, cached; splits of one set share them."""
    _refuse_long(context, reader, "towers")
    pairs = [item.input for part in context.dataset.parts.values() for item in part]
    sequences = sorted({sequence for pair in pairs for sequence in pair})
    key = {"sequences": hashlib.sha256("\n".join(sequences).encode()).hexdigest()}
    compute = partial(states_of, model, reader)
    return embedded(context, encoder, model, sequences, compute, key=key)
