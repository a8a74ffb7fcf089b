"""The states of all bases of a frozen backbone, cached, in the width that heads read."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.features import StateTable, cached_states
from rnaernie_bench.fitting import FitContext
from rnaernie_bench.inference import batch_outputs, best_device
from rnaernie_bench.strategies.network import Reader


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
    from tqdm import tqdm

    device = best_device()

    def compute(sequences: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        model = network.to(device).eval()
        quiet = not (context.config.trainer.progress and sys.stderr.isatty())
        with tqdm(total=len(sequences), desc="embedding", unit="seq", disable=quiet) as bar:
            for indices, states in batch_outputs(
                model.features,
                reader.encode(sequences),
                pad_id=reader.pad_id,
                token_budget=reader.token_budget,
                device=device,
            ):
                ends = np.cumsum([len(sequences[index]) for index in indices])
                yield from zip(indices, np.split(states, ends[:-1]), strict=True)
                bar.update(len(indices))
        model.to("cpu")

    items = [item for part in context.dataset.parts.values() for item in part]
    key = {
        **encoder.key(),
        "data": context.dataset.fingerprint,
        "device": device.type,
        "pooler": "not read",
    }
    hidden = int(encoder.model.config.hidden_size)
    return cached_states([item.sequence for item in items], compute, hidden, key=key)
