"""The states of all bases of a frozen backbone, cached, in the width that heads read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.inference import batch_outputs, best_device
from rnaernie_bench.learning.feature_cache import StateTable, cached_states
from rnaernie_bench.learning.fit import Reader
from rnaernie_bench.learning.interface import FitContext

Found = Iterator[tuple[int, np.ndarray]]
"""Index and states, (bases, hidden), of each of some sequences, in any order."""


def states_of_bases(
    context: FitContext, encoder: Encoder, network: Any, reader: Reader
) -> StateTable:
    """Return the states of the bases of all sequences of the data set, cached.

    Args:
        context: the task's.
        encoder: the backbone of `network`.
        network: a `TaskModel` whose head's features are the states of bases.
        reader: how it reads sequences.
    """
    device = best_device()

    def compute(sequences: Sequence[str]) -> Found:
        for indices, states in batch_outputs(
            network.features,
            reader.encode(sequences),
            pad_id=reader.pad_id,
            token_budget=reader.token_budget,
            device=device,
        ):
            ends = np.cumsum([len(sequences[index]) for index in indices])
            yield from zip(indices, np.split(states, ends[:-1]), strict=True)

    items = [item for part in context.dataset.parts.values() for item in part]
    sequences = [item.sequence for item in items]
    key = {"data": context.dataset.fingerprint}
    return embedded(context, encoder, network, sequences, compute, key=key)


def embedded(
    context: FitContext,
    encoder: Encoder,
    network: Any,
    sequences: Sequence[str],
    compute: Callable[[Sequence[str]], Found],
    *,
    key: Mapping[str, str],
) -> StateTable:
    """Return the states of the bases of `sequences`, cached.

    Args:
        context: the task's; it says whether progress is shown.
        encoder: the backbone of `network`.
        network: is put where it computes best, and brought back.
        sequences: perhaps repeated; each distinct one is computed once.
        compute: states of sequences by `network`.
        key: what tells these sequences and states from others of the backbone.
    """
    from tqdm import tqdm

    device = best_device()

    def shown(distinct: Sequence[str]) -> Found:
        network.to(device).eval()
        quiet = not (context.config.trainer.progress and sys.stderr.isatty())
        with tqdm(total=len(distinct), desc="embedding", unit="seq", disable=quiet) as bar:
            for found in compute(distinct):
                yield found
                bar.update()
        network.to("cpu")

    whole = {**encoder.key(), "device": device.type, "pooler": "not read", **key}
    return cached_states(sequences, shown, int(encoder.model.config.hidden_size), key=whole)
