"""Features of a frozen backbone: computed once for a data set, and kept in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.inference import best_device, in_batches, scores
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.progress import Step, steps
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
    parts: Sequence[Sequence[str]],
    **key: str,
) -> FeatureTable | StateTable:
    """Return what the head of `network` reads of sequences, from the cache if it is there.

    A row of a sequence in float32, or one of each of its bases in half precision. Of a sequence
    that is read in windows, the row is the mean over them: as heads are linear there, its scores
    are the mean of the windows' scores.

    The last bits of features depend on what else is in their batch. So each part is computed by
    itself, and features of train and validation do not depend on which tests there are.

    Args:
        context: the task's.
        encoder: the backbone of `network`.
        network: what computes them.
        reader: how it reads sequences, each as one copy.
        parts: the distinct sequences of each part of a data set, none over the limit unless the
            reader cuts them. One that stands in several belongs to the first.
        key: what the features depend on besides data, backbone, head and length policy.
    """
    head, name = network.head, context.config.task.head
    if "flank" in HEADS.get(name).reads:
        name += f" {context.config.task.flank}"
    whole = {
        **encoder.key(),
        "device": best_device().type,
        "precision": network.precision,
        "sequences": " ".join(map(digest_of, parts)),
        "head": "states" if reads_states_alone(head) else name,
        "length": f"{reader.policy} {reader.overlap}",
        **key,
    }
    if not getattr(head, "reads_pooler", True):
        whole["pooler"] = "not read"  # a checkpoint may lack it: seeds would draw different ones
    by_row = network.kind.states is None
    compute: Any = _rows if by_row else _states
    store: Any = cached_features if by_row else cached_states

    def streamed(distinct: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        with _on_device(network), steps("embedding", sum(map(len, parts)), "sequences") as step:
            yield from _by_part(distinct, parts, lambda some: compute(network, reader, some, step))

    def shown(distinct: Sequence[str]) -> Any:
        return _gathered(streamed(distinct), len(distinct)) if by_row else streamed(distinct)

    return store([s for part in parts for s in part], shown, key=whole)


def _by_part(
    distinct: Sequence[str],
    parts: Sequence[Sequence[str]],
    compute: Callable[[Sequence[str]], Iterable[tuple[int, np.ndarray]]],
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the place of each distinct sequence and its features, computed with its own part."""
    places = {sequence: place for place, sequence in enumerate(distinct)}
    found: set[str] = set()
    for part in parts:
        missing = set(part) - found
        if missing:
            for index, features in compute(part):
                if part[index] in missing:
                    yield places[part[index]], features
        found |= missing


def _gathered(found: Iterable[tuple[int, np.ndarray]], count: int) -> np.ndarray:
    rows = np.empty((0, 0), dtype=np.float32)
    for place, row in found:
        if not rows.size:
            rows = np.empty((count, len(row)), dtype=np.float32)
        rows[place] = row
    return rows


@contextmanager
def _on_device(network: Network) -> Iterator[None]:
    """Put a network where it computes best, and bring it back."""
    network.to(best_device()).eval()
    yield
    network.to("cpu")


def _rows(
    network: Network, reader: Reader, sequences: Sequence[str], step: Step
) -> Iterable[tuple[int, np.ndarray]]:
    """Return index and row of features of each sequence."""
    return enumerate(
        scores(
            lambda batch: network.kind.average(network.features(batch), batch),
            network.kind.read(sequences, reader),
            token_budget=reader.token_budget,
            device=next(network.parameters()).device,
            progress=step,
        )
    )


def _states(
    network: Network, reader: Reader, sequences: Sequence[str], step: Step
) -> Iterator[tuple[int, np.ndarray]]:
    for found in states_of(network, reader, sequences):
        yield found
        step(1)


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
