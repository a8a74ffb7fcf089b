"""Features of a frozen backbone: computed once for a data set, and kept in the cache."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.inference import best_device, in_batches, scores
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.heads.bases.contract import reads_states_alone
from rnaernie_bench.learning.feature_cache import (
    FeatureTable,
    StateTable,
    cached_features,
    cached_states,
    digest_of,
)
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.learning.network import Network
from rnaernie_bench.learning.reader import Reader
from rnaernie_bench.task.catalogue import HEADS


def kept_features(
    context: FitContext,
    encoder: Encoder,
    network: Network,
    reader: Reader,
    sequences: Sequence[str],
    **key: str,
) -> FeatureTable | StateTable:
    """Return what the head of `network` reads of sequences, from the cache if it is there.

    A row of a sequence in float32, or one of each of its bases in half precision. Of a sequence
    that is read in windows, the row is the mean over them: as heads are linear there, its scores
    are the mean of the windows' scores.

    Args:
        context: the task's.
        encoder: the backbone of `network`.
        network: what computes them.
        reader: how it reads sequences, each as one copy.
        sequences: distinct ones, none over the limit unless the reader cuts them.
        key: what the features depend on besides data, backbone, head and length policy.
    """
    head, name = network.head, context.config.task.head
    if "flank" in HEADS.get(name).reads:
        name += f" {context.config.task.flank}"
    whole = {
        **encoder.key(),
        "device": best_device().type,
        "sequences": digest_of(sequences),
        "head": "states" if reads_states_alone(head) else name,
        "length": f"{reader.policy} {reader.overlap}",
        **key,
    }
    if not getattr(head, "reads_pooler", True):
        whole["pooler"] = "not read"  # a checkpoint may lack it: seeds would draw different ones
    compute: Any = _rows if network.kind.states is None else _states
    store: Any = cached_features if network.kind.states is None else cached_states

    def shown(distinct: Sequence[str]) -> Any:
        return compute(network, reader, distinct, _progress(context, len(distinct)))

    return store(sequences, shown, key=whole)


@contextmanager
def _on_device(network: Network) -> Iterator[Any]:
    """Put a network where it computes best, and bring it back."""
    device = best_device()
    network.to(device).eval()
    yield device
    network.to("cpu")


def _progress(context: FitContext, count: int) -> Any:
    from tqdm import tqdm

    quiet = not (context.config.trainer.progress and sys.stderr.isatty())
    return tqdm(total=count, desc="embedding", unit="seq", disable=quiet)


def _rows(network: Network, reader: Reader, sequences: Sequence[str], bar: Any) -> np.ndarray:
    """Return a row of features for each sequence."""
    with _on_device(network) as device, bar:
        return scores(
            lambda batch: network.kind.average(network.features(batch), batch),
            network.kind.read(sequences, reader),
            token_budget=reader.token_budget,
            device=device,
            progress=bar.update,
        )


def _states(
    network: Network, reader: Reader, sequences: Sequence[str], bar: Any
) -> Iterator[tuple[int, np.ndarray]]:
    with _on_device(network), bar:
        for found in states_of(network, reader, sequences):
            yield found
            bar.update()


def states_of(
    network: Network, reader: Reader, sequences: Sequence[str]
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield index and features of the bases of each sequence, float32 (bases, width), in any order.

    Args:
        network: in evaluation mode, where it computes.
        reader: how it reads sequences, each as one copy.
        sequences: none over the limit.
    """
    states = network.kind.states(network, reader, sequences)
    for indices, found in in_batches(
        lambda _, batch: [row.float().cpu().numpy() for row in states.compute(batch)],
        states.inputs,
        token_budget=reader.token_budget,
        device=next(network.parameters()).device,
    ):
        yield from zip(indices, found, strict=True)


def refuse_unkept(network: Network, reader: Reader, head: str) -> None:
    """Refuse what a frozen backbone keeps no features for.

    Raises:
        ConfigError: for a head that reads attention maps, and for joint inputs of pairs.
    """
    if network.reads_attentions:
        raise ConfigError(
            f"head '{head}' reads attention maps, a frozen backbone's states are kept alone",
            where="task.head",
            remedy="train the backbone as well, or use another head",
        )
    if reader.encoding == "joint":
        raise ConfigError(
            "a frozen backbone keeps states of sequences, and joint inputs are pairs",
            where="task.encoding",
            remedy="use task.encoding=towers, or strategy=full",
        )
