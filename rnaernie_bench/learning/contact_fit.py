"""What strategies share at the level of contacts: training end to end, or a head on states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.inference import best_device
from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.items import Items
from rnaernie_bench.heads.contact import contact_loss
from rnaernie_bench.learning.contact_inputs import (
    ContactExamples,
    Inputs,
    StateInputs,
    TokenInputs,
    contact_batches,
    ladder_score,
    pair_probabilities,
)
from rnaernie_bench.learning.contact_network import (
    ContactModel,
    HeadOnStates,
    Loss,
    save_contact_model,
)
from rnaernie_bench.learning.contact_values import ValueExamples, pair_scores, values_loss
from rnaernie_bench.learning.examples import Material, Score
from rnaernie_bench.learning.feature_cache import StateTable
from rnaernie_bench.learning.fit import Reader, refuse_long, report, unscale
from rnaernie_bench.learning.interface import FitContext, FitReport
from rnaernie_bench.learning.network import build_head
from rnaernie_bench.learning.objective import lesson
from rnaernie_bench.learning.recipe import TrainingSummary, train
from rnaernie_bench.learning.states import Found, embedded
from rnaernie_bench.metrics.problems import outputs
from rnaernie_bench.metrics.targets import Targets


@dataclass(frozen=True)
class FittedContactNetwork:
    """A network that gives pairs of bases logits; of binary contacts, probabilities to decode."""

    model: ContactModel
    reader: Reader
    write: Callable[[Path], None]
    """Writes the model into a folder."""
    on_states: HeadOnStates | None = None
    """The head alone, for sequences whose states are known."""
    known: Callable[[Sequence[str]], Inputs | None] = lambda sequences: None
    """Gives the states of sequences if all of them are known."""
    decoding: None = None

    def probabilities(self, sequences: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield index and pair probabilities of each sequence within the limit.

        Raises:
            DataError: for a sequence over the limit under the policy ``error``.
        """
        limit, refuse = self.reader.max_bases, self.reader.policy == "error"
        places = [i for i, sequence in enumerate(sequences) if refuse or len(sequence) <= limit]
        if not places:
            return
        model, inputs = self._reading([sequences[place] for place in places])
        found = pair_probabilities(
            model, inputs, token_budget=self.reader.token_budget, device=best_device()
        )
        for index, matrix in found:
            yield places[index], matrix

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return what each pair i < j of bases is given, float32 (units, outputs).

        Raises:
            DataError: for a sequence over the limit.
        """
        model, inputs = self._reading(sequences)
        device = best_device()
        network = model.to(device).eval()
        return pair_scores(
            lambda **batch: network(**batch)["logits"],
            inputs,
            token_budget=self.reader.token_budget,
            device=device,
        )

    def _reading(self, sequences: Sequence[str]) -> tuple[ContactModel | HeadOnStates, Inputs]:
        """Return what reads sequences, and what it reads of them: states, if all are known."""
        states = self.known(sequences)
        if states is None or self.on_states is None:
            return self.model, tokens(self.reader, sequences)
        return self.on_states, states

    def save(self, folder: Path) -> None:
        """Write the model into `folder`."""
        self.write(folder)


def tokens(reader: Reader, sequences: Sequence[str]) -> Inputs:
    """Return what a network reads of sequences within the limit."""
    encoded = replace(reader, policy="error").encode(sequences)
    return TokenInputs(encoded, reader.pad_id, sequences)


def readable(items: Items, reader: Reader) -> Items:
    """Return the items within the limit; longer ones train nothing."""
    return tuple(item for item in items if len(item.sequence) <= reader.max_bases)


def with_fresh_head(context: FitContext, encoder: Encoder) -> FittedContactNetwork:
    """Return `encoder` under a new head, drawn from the seed, yet to be fitted."""
    config, task = context.config, context.task
    torch.manual_seed(config.seed)
    width = outputs(task.problem, len(task.labels))
    head = build_head(config.task.head, encoder.model.config, width, task.problem)
    loss = loss_of(config) if task.decodes else partial(values_loss, problem=task.problem)
    model = ContactModel(encoder.model, head, loss)
    reader = Reader(
        encoder.tokenizer, encoder.max_bases, config.task.length, config.trainer.token_budget
    )
    write = partial(
        save_contact_model,
        model,
        encoder.tokenizer,
        head=config.task.head,
        problem=task.problem,
        labels=task.labels,
    )
    return FittedContactNetwork(model, reader, write)


def loss_of(config: RunConfig) -> Loss:
    """Return the loss of binary contacts that the settings ask for."""
    task = config.task
    return partial(contact_loss, positive_weight=task.positive_weight, focal_gamma=task.focal_gamma)


def fit_network(
    context: FitContext, encoder: Encoder, network: FittedContactNetwork, learning_rate: float
) -> tuple[FittedContactNetwork, FitReport]:
    """Train those weights of `network`, a head on `encoder`, that require gradients."""
    model, reader = network.model, network.reader
    summary = train_contacts(context, model, reader, learning_rate, partial(tokens, reader))
    told = report(context, model, summary, reader, encoder.weights_sha256)
    return network, replace(told, details=left_out(context, reader))


def fit_on_states(
    context: FitContext,
    encoder: Encoder,
    network: FittedContactNetwork,
    learning_rate: float,
    tables: Sequence[StateTable],
    shares: Callable[[Sequence[str]], np.ndarray] | None = None,
) -> tuple[FittedContactNetwork, FitReport]:
    """Train the head of `network` on states.

    Args:
        context: the task's.
        encoder: the backbone of `network`.
        network: a fresh head on it.
        learning_rate: the highest rate.
        tables: the states of all sequences within the limit; several where a sequence is read as
            several inputs.
        shares: how much each of these counts, see `StateInputs`; None for one table.
    """

    def inputs(sequences: Sequence[str]) -> StateInputs:
        return StateInputs(tables, sequences, shares(sequences) if shares else None)

    def known(sequences: Sequence[str]) -> StateInputs | None:
        return inputs(sequences) if all(some in tables[0] for some in sequences) else None

    model, reader = network.model, network.reader
    on_states = HeadOnStates(model.head, model.loss)
    summary = train_contacts(context, on_states, reader, learning_rate, inputs)
    seconds = sum(table.seconds for table in tables)
    summary = replace(summary, train_s=summary.train_s + seconds)
    told = report(context, model, summary, reader, encoder.weights_sha256)
    details = {
        "embedding_s": round(seconds, 3),
        "embedding_cached": all(table.cached for table in tables),
        **left_out(context, reader),
    }
    return replace(network, on_states=on_states, known=known), replace(told, details=details)


def train_contacts(
    context: FitContext,
    model: ContactModel | HeadOnStates,
    reader: Reader,
    learning_rate: float,
    inputs_of: Callable[[Sequence[str]], Inputs],
) -> TrainingSummary:
    """Train `model` by the recipe; it holds its best epoch, of base pairs by mean F1 on validation.

    Args:
        context: the task's.
        model: maps a batch of `inputs_of` with ``targets`` to ``logits`` and its ``loss``.
        reader: says which sequences are within the limit.
        learning_rate: the highest rate.
        inputs_of: what the model reads of sequences.

    Raises:
        DataError: for a sequence over the limit under ``task.length=error``; if train has no pair.
    """
    refuse_long(context, reader)
    if not context.task.decodes:
        return _train_values(context, model, reader, learning_rate, inputs_of)
    if not any(len(item.pairs) for item in context.train):
        raise DataError(
            "no sequence of the train part has a base pair",
            where=f"data set {context.dataset.name}",
            remedy="give it structures with pairs",
        )

    def examples(items: Items) -> ContactExamples:
        kept = readable(items, reader)
        sequences = [item.sequence for item in kept]
        pairs = [item.pairs for item in kept]
        return ContactExamples(inputs_of(sequences), sequences, pairs, model.loss)

    parts = examples(context.train), examples(context.validation)
    return _train(context, model, reader, learning_rate, *parts, ladder_score)


def _train_values(
    context: FitContext,
    model: ContactModel | HeadOnStates,
    reader: Reader,
    learning_rate: float,
    inputs_of: Callable[[Sequence[str]], Inputs],
) -> TrainingSummary:
    """Train `model` where pairs of bases have classes, labels or quantities; see `train_contacts`.

    Quantities are learned scaled, and given in the units of the data afterwards.
    """
    taught = lesson(context)
    if taught.class_weights is not None:
        model.loss = partial(
            values_loss,
            problem=context.task.problem,
            class_weights=torch.from_numpy(taught.class_weights),
        )

    def examples(items: Items, targets: Targets) -> ValueExamples:
        return ValueExamples(inputs_of([item.sequence for item in items]), targets)

    parts = examples(context.train, taught.train), examples(context.validation, taught.validation)
    summary = _train(context, model, reader, learning_rate, *parts, taught.score)
    if taught.scaling is not None:
        unscale(model.head.decoder, taught.scaling)
    return summary


def _train(
    context: FitContext,
    model: ContactModel | HeadOnStates,
    reader: Reader,
    learning_rate: float,
    train_set: Material,
    validation_set: Material,
    score: Score,
) -> TrainingSummary:
    return train(
        model,
        train_set,
        validation_set,
        pad_id=reader.pad_id,
        options=context.config.trainer,
        learning_rate=learning_rate,
        seed=context.config.seed,
        folder=context.folder,
        score=score,
        metric=context.task.main_metric.name,
        higher_is_better=context.task.main_metric.higher_is_better,
        log=context.log,
    )


def left_out(context: FitContext, reader: Reader) -> dict[str, int]:
    """Return how many training items are over the limit, as a record tells it."""
    return {"n_train_over_limit": len(context.train) - len(readable(context.train, reader))}


def sequences_within(context: FitContext, reader: Reader) -> list[str]:
    """Return each sequence of the data set within the limit, once."""
    items = [item for part in context.dataset.parts.values() for item in part]
    return list(dict.fromkeys(item.sequence for item in readable(tuple(items), reader)))


def states_of(
    context: FitContext, encoder: Encoder, model: ContactModel, reader: Reader, **key: str
) -> StateTable:
    """Return the states of all sequences of the data set within the limit, cached.

    Args:
        context: the task's.
        encoder: the backbone of `model`.
        model: what computes them.
        reader: how it reads sequences, each as one input.
        key: what the states depend on besides data, backbone and length policy.

    Raises:
        ConfigError: for a head that reads attention maps, which are not cached.
        DataError: for a sequence over the limit under ``task.length=error``.
    """
    if model.reads_attentions:
        raise ConfigError(
            f"head '{context.config.task.head}' reads attention maps, a frozen backbone's states "
            "are kept alone",
            where="task.head",
            remedy="train the backbone as well, or use another head",
        )
    refuse_long(context, reader)
    device = best_device()

    network: Any = model

    def compute(sequences: Sequence[str]) -> Found:
        inputs = tokens(reader, sequences)
        for indices in contact_batches(inputs, reader.token_budget):
            batch = {name: tensor.to(device) for name, tensor in inputs.gather(indices).items()}
            with torch.inference_mode():
                states = network.states(**batch).cpu().numpy()
            for index, row in zip(indices, states, strict=True):
                yield index, row[: len(sequences[index])]

    whole = {**key, "data": context.dataset.fingerprint}
    return embedded(context, encoder, model, sequences_within(context, reader), compute, key=whole)
