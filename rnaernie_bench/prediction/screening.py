"""All queries against all targets: with two towers, each sequence is encoded once.

Targets come as a stream and are taken in chunks; of each query only the best are held. So memory
depends on the chunk, the number of queries and how many hits are wanted, not on the targets.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from rnaernie_bench.backbones.inference import best_device, moved
from rnaernie_bench.data.batching import pad_batch
from rnaernie_bench.heads.bases.pair import PairHead, letter_codes
from rnaernie_bench.learning.fit import FittedNetwork
from rnaernie_bench.learning.inputs import mask_of, refuse_long
from rnaernie_bench.learning.kept import PaddedStates, lengths_of
from rnaernie_bench.learning.pair_inputs import truncated
from rnaernie_bench.learning.pair_scores import held_states
from rnaernie_bench.task.single_table import Partner

CHUNK = 512
"""Targets held at a time."""

CELLS = 2_000_000
"""Pairs of bases that are scored at a time, which bounds what a head holds of them."""


class ScoresPairs(Protocol):
    """Any fitted model of pairs."""

    def logits(self, inputs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Return float32 logits of shape (pairs, 1)."""
        ...


@dataclass(frozen=True, order=True)
class Hit:
    """A target of a query."""

    logit: float
    order: int
    """Minus the number of the target, so that of equals the earlier comes first."""
    name: str
    sequence: str
    windows: tuple[tuple[int, int], tuple[int, int]] | None = None
    """The stretches, from 1, of the query and of the target that the score is of."""


Cut = Callable[[str], list[tuple[int, str]]]
"""Returns the windows of a sequence with the places of their first bases, from 0."""


def screen(
    fitted: ScoresPairs,
    queries: Sequence[str],
    targets: Iterable[tuple[str, str]],
    *,
    top: int,
    chunk: int = CHUNK,
    cut: Cut | None = None,
) -> list[list[Hit]]:
    """Return the best targets of each query, best first.

    Args:
        fitted: the model; one of two towers encodes each sequence once.
        queries: sequences of the first partner, normalised.
        targets: name and sequence of the second partners, read as they are needed.
        top: how many targets of a query are kept.
        chunk: targets held at a time.
        cut: gives the windows that sequences are read by, of which the best counts; None: whole.

    Raises:
        DataError: for a sequence over the limit.
    """
    read = _Pieces(queries, cut)
    best: list[list[Hit]] = [[] for _ in queries]
    towers = _Towers(fitted, read.sequences) if _has_towers(fitted) else None
    seen = 0
    stream = iter(targets)
    while batch := list(islice(stream, chunk)):
        others = _Pieces([sequence for _, sequence in batch], cut)
        if towers is not None:
            scores = towers.score(others.sequences)
        else:
            pairs = [(query, target) for query in read.sequences for target in others.sequences]
            scores = fitted.logits(pairs).reshape(len(read.sequences), len(others.sequences))
        scores, rows = read.best(scores)
        transposed, columns = others.best(scores.T)
        scores = transposed.T
        for query, (hits, row) in enumerate(zip(best, scores, strict=True)):
            for place in np.argsort(-row, kind="stable")[:top].tolist():
                column = columns[place, query]
                stretches = read.places[rows[query, column]], others.places[column]
                windows = None if cut is None else stretches
                name, target = batch[place]
                hit = Hit(float(row[place]), -(seen + place), name, target, windows)
                if len(hits) < top:
                    heapq.heappush(hits, hit)
                elif hit > hits[0]:
                    heapq.heapreplace(hits, hit)
                else:
                    break  # the others of the chunk are no better
        seen += len(batch)
    return [sorted(hits, reverse=True) for hits in best]


class _Pieces:
    """The windows of sequences, one after the other."""

    def __init__(self, sequences: Sequence[str], cut: Cut | None) -> None:
        found = [cut(sequence) if cut else [(0, sequence)] for sequence in sequences]
        self.sequences = [piece for some in found for _, piece in some]
        self.places = [(start + 1, start + len(piece)) for some in found for start, piece in some]
        self.bounds = np.cumsum([0, *map(len, found)])

    def best(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the best of the rows of each sequence's windows, and which row it is.

        Args:
            scores: (windows, columns).

        Returns:
            Two arrays (sequences, columns): scores, and rows of `scores`.
        """
        bounds = zip(self.bounds[:-1], self.bounds[1:], strict=True)
        rows = np.array([a + scores[a:b].argmax(axis=0) for a, b in bounds], dtype=np.int64)
        rows = rows.reshape(len(self.bounds) - 1, scores.shape[1])
        return np.take_along_axis(scores, rows, axis=0), rows


def _has_towers(fitted: ScoresPairs) -> bool:
    return (
        isinstance(fitted, FittedNetwork)
        and fitted.reader.encoding == "towers"
        and fitted.reader.tails is None
    )


class _Towers:
    """Queries encoded once, to be held against chunks of targets."""

    def __init__(self, fitted: Any, queries: Sequence[str]) -> None:
        self.fitted: FittedNetwork = fitted
        self.device = best_device()
        self.fitted.model.to(self.device).eval()
        self.order = sorted(range(len(queries)), key=lambda index: len(queries[index]))
        self.queries = [queries[index] for index in self.order]
        self.tower = self._read(self.queries, "first")

    @property
    def head(self) -> PairHead:
        return self.fitted.model.head

    def score(self, targets: Sequence[str]) -> np.ndarray:
        """Return logits, float32 of shape (queries, targets)."""
        order = sorted(range(len(targets)), key=lambda index: len(targets[index]))
        scores = np.empty((len(self.queries), len(targets)), dtype=np.float32)
        tower = self._read([targets[index] for index in order], "second")
        longest = max(map(len, self.queries)), max(map(len, targets))
        rows, columns = _block(longest, len(self.queries))
        for row in range(0, len(self.queries), rows):
            some = _some(self.tower, row, rows)
            for column in range(0, len(targets), columns):
                with torch.inference_mode():
                    found = self.head.score_all(some, _some(tower, column, columns))
                places = np.ix_(self.order[row : row + rows], order[column : column + columns])
                scores[places] = found.float().cpu().numpy()
        return scores

    def _read(self, sequences: Sequence[str], partner: Partner) -> dict[str, Tensor]:
        """Return the towers of `sequences`."""
        reader, remedy = self.fitted.reader, "cut it to the site in question"
        kind = self.fitted.model.kind
        refuse_long([(sequence, sequence) for sequence in sequences], reader, kind, remedy=remedy)
        sequences = [truncated((sequence, ""), reader)[0] for sequence in sequences]
        held = held_states(self.fitted, list(dict.fromkeys(sequences)))
        batch = PaddedStates([held], sequences).gather(range(len(sequences)))
        states, mask = batch["features"], mask_of(lengths_of(sequences))
        letters, _ = pad_batch([letter_codes(sequence) for sequence in sequences], 0)
        with torch.inference_mode():
            return dict(
                self.head.tower(
                    states.to(self.device), mask.to(self.device), letters.to(self.device), partner
                )
            )


def _block(longest: tuple[int, int], queries: int) -> tuple[int, int]:
    """Return how many queries and targets of these lengths are scored at a time."""
    pairs = max(1, CELLS // (longest[0] * longest[1]))
    rows = min(queries, max(1, int(pairs**0.5)))
    return rows, max(1, pairs // rows)


def _some(tower: dict[str, Tensor], start: int, count: int) -> dict[str, Tensor]:
    """Return a stretch of a tower, cut to its longest sequence."""
    some = {name: tensor[start : start + count] for name, tensor in tower.items()}
    mask = some.get("mask")
    if mask is None:
        return some
    longest = int(mask.sum(1).max())
    return {name: tensor[:, :longest] for name, tensor in some.items()}


def interaction_map(fitted: Any, first: str, second: str) -> np.ndarray | None:
    """Return the map of a pair, float32 (first bases, second bases); None if the head has none."""
    head: Any = getattr(getattr(fitted, "model", None), "head", None)
    if not getattr(head, "has_map", False) or fitted.reader.tails is not None:
        return None
    device = best_device()
    model = fitted.model.to(device).eval()
    batch = moved(model.kind.read([(first, second)], fitted.reader).gather([0]), device)
    with torch.inference_mode():
        towers = head.towers(model.features(batch), batch)
        found: np.ndarray = head.interaction_map(*towers)[0].float().cpu().numpy()
    return found
