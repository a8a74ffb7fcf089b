"""Contact heads, trained end to end or on the cached states of a frozen backbone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.contacts.model import (
    ContactExamples,
    ContactModel,
    HeadOnStates,
    Inputs,
    StateInputs,
    TokenInputs,
    contact_batches,
    ladder_score,
    pair_probabilities,
    save_contact_model,
)
from rnaernie_bench.data.items import Items
from rnaernie_bench.errors import ConfigError
from rnaernie_bench.features import StateTable, cached_states
from rnaernie_bench.fitting import FitContext, FitReport
from rnaernie_bench.inference import best_device
from rnaernie_bench.model import build_head
from rnaernie_bench.strategies.network import Reader, refuse_long, report
from rnaernie_bench.training import TrainingSummary, train


@dataclass(frozen=True)
class FittedContactNetwork:
    """A network that gives pairs of bases logits."""

    model: nn.Module
    """A `ContactModel`, or what is called like one."""
    reader: Reader
    write: Callable[[Path], None]
    """Writes the model into a folder."""
    on_states: HeadOnStates | None = None
    table: StateTable | None = None
    """Known sequences are read from here, by `on_states`."""
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
        kept = [sequences[place] for place in places]
        model: nn.Module = self.model
        if self.on_states and self.table and all(sequence in self.table for sequence in kept):
            model = self.on_states
            inputs: Inputs = StateInputs(self.table, kept)
        else:
            inputs = tokens(self.reader, kept)
        found = pair_probabilities(
            model, inputs, token_budget=self.reader.token_budget, device=best_device()
        )
        for index, matrix in found:
            yield places[index], matrix

    def save(self, folder: Path) -> None:
        """Write the model into `folder`."""
        self.write(folder)


def tokens(reader: Reader, sequences: Sequence[str]) -> Inputs:
    """Return what a network reads of sequences within the limit."""
    return TokenInputs(replace(reader, policy="error").encode(sequences), reader.pad_id)


def readable(items: Items, reader: Reader) -> Items:
    """Return the items within the limit; longer ones train nothing."""
    return tuple(item for item in items if len(item.sequence) <= reader.max_bases)


def fit_full(
    context: FitContext, encoder: Encoder, learning_rate: float
) -> tuple[FittedContactNetwork, FitReport]:
    """Train `encoder` with a fresh contact head, end to end."""
    model, reader = _fresh(context, encoder)
    fitted = FittedContactNetwork(model, reader, _writer(context, model, encoder))
    summary = train_contacts(context, model, reader, learning_rate, partial(tokens, reader))
    told = report(context, model, summary, reader, encoder.weights_sha256)
    return fitted, replace(told, details=left_out(context, reader))


def fit_frozen(
    context: FitContext, encoder: Encoder, learning_rate: float
) -> tuple[FittedContactNetwork, FitReport]:
    """Train a fresh contact head on the cached states of `encoder`.

    Raises:
        ConfigError: for a head that reads attention maps, which are not cached.
    """
    model, reader = _fresh(context, encoder)
    if model.reads_attentions:
        raise ConfigError(
            f"head '{context.config.task.head}' reads attention maps, strategy=frozen keeps states",
            where="task.head",
            remedy="use strategy=full, or another head",
        )
    refuse_long(context, reader)
    table = _states(context, encoder, model, reader)
    on_states = HeadOnStates(model.head)
    summary = train_contacts(
        context, on_states, reader, learning_rate, lambda some: StateInputs(table, some)
    )
    summary = replace(summary, train_s=summary.train_s + table.seconds)
    write = _writer(context, model, encoder)
    told = report(context, model, summary, reader, encoder.weights_sha256)
    details = {
        "embedding_s": round(table.seconds, 3),
        "embedding_cached": table.cached,
        **left_out(context, reader),
    }
    return FittedContactNetwork(model, reader, write, on_states, table), replace(
        told, details=details
    )


def train_contacts(
    context: FitContext,
    model: nn.Module,
    reader: Reader,
    learning_rate: float,
    inputs_of: Callable[[Sequence[str]], Inputs],
) -> TrainingSummary:
    """Train `model` by the recipe; it holds its best epoch, by mean F1 on validation.

    Args:
        context: the task's.
        model: maps a batch of `inputs_of` with ``targets`` to ``loss`` and ``logits``.
        reader: says which sequences are within the limit.
        learning_rate: the highest rate.
        inputs_of: what the model reads of sequences.

    Raises:
        DataError: for a sequence over the limit under ``task.length=error``.
    """
    refuse_long(context, reader)

    def examples(items: Items) -> ContactExamples:
        kept = readable(items, reader)
        sequences = [item.sequence for item in kept]
        return ContactExamples(inputs_of(sequences), sequences, [item.pairs for item in kept])

    return train(
        model,
        examples(context.train),
        examples(context.validation),
        pad_id=reader.pad_id,
        options=context.config.trainer,
        learning_rate=learning_rate,
        seed=context.config.seed,
        folder=context.folder,
        score=ladder_score,
        metric=context.task.main_metric.name,
        higher_is_better=context.task.main_metric.higher_is_better,
        log=context.log,
    )


def left_out(context: FitContext, reader: Reader) -> dict[str, int]:
    """Return how many training items are over the limit, as a record tells it."""
    return {"n_train_over_limit": len(context.train) - len(readable(context.train, reader))}


def _fresh(context: FitContext, encoder: Encoder) -> tuple[ContactModel, Reader]:
    """Return `encoder` under a new head, drawn from the seed, and what reads sequences for it."""
    config = context.config
    torch.manual_seed(config.seed)
    head = build_head(config.task.head, encoder.model.config, 1, context.task.problem)
    reader = Reader(
        encoder.tokenizer, encoder.max_bases, config.task.length, config.trainer.token_budget
    )
    return ContactModel(encoder.model, head), reader


def _writer(context: FitContext, model: ContactModel, encoder: Encoder) -> Callable[[Path], None]:
    return partial(save_contact_model, model, encoder.tokenizer, head=context.config.task.head)


def _states(
    context: FitContext, encoder: Encoder, model: ContactModel, reader: Reader
) -> StateTable:
    """Return the states of all sequences of the data set within the limit, cached."""
    from tqdm import tqdm

    device = best_device()

    def compute(sequences: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        network: Any = model.to(device).eval()
        quiet = not (context.config.trainer.progress and sys.stderr.isatty())
        inputs = tokens(reader, sequences)
        with tqdm(total=len(sequences), desc="embedding", unit="seq", disable=quiet) as bar:
            for indices in contact_batches(inputs.lengths, reader.token_budget):
                batch = {name: tensor.to(device) for name, tensor in inputs.gather(indices).items()}
                with torch.inference_mode():
                    states = network.states(**batch).cpu().numpy()
                for index, row in zip(indices, states, strict=True):
                    yield index, row[: len(sequences[index])]
                bar.update(len(indices))
        model.to("cpu")

    items = [item for part in context.dataset.parts.values() for item in part]
    key = {
        **encoder.key(),
        "data": context.dataset.fingerprint,
        "device": device.type,
        "pooler": "not read",
    }
    sequences = [item.sequence for item in readable(tuple(items), reader)]
    hidden = int(encoder.model.config.hidden_size)
    return cached_states(sequences, compute, hidden, key=key)
