"""A fitted contact model: its decoding chosen on validation, then every test part once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.data.items import Items, Split
from rnaernie_bench.learning.feature_cache import FeatureTable
from rnaernie_bench.learning.interface import FittedContacts
from rnaernie_bench.metrics.answers.structures import (
    StructurePredictions,
    breakdown,
    evaluate_structures,
    structure_intervals,
)
from rnaernie_bench.results.predictions import hash_ids
from rnaernie_bench.structure.counting import count_all
from rnaernie_bench.structure.decoders import DecodingOptions, decode_batch
from rnaernie_bench.structure.notations import NO_PAIRS
from rnaernie_bench.structure.tuning import tune

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELLS_AT_ONCE = 1 << 24
"""Probabilities held at a time while decoding: 64 MB."""


@dataclass(frozen=True)
class ContactEvaluation:
    """Everything that is reported of a fitted contact model, as `evaluation.classes` does."""

    decoding: DecodingOptions
    trials: int
    """Settings of the decoder that were compared on validation."""
    validation: Mapping[str, Any]
    tests: Mapping[str, dict[str, Any]]
    predictions: StructurePredictions
    example: tuple[str, np.ndarray, np.ndarray, np.ndarray]
    """Of a test sequence: bases, probabilities, decoded and reference pairs."""

    @cached_property
    def selected(self) -> dict[str, Any]:
        """What validation chose, for the record."""
        return {name: getattr(self.decoding, name) for name in ("decoder", "threshold", "mixing")}

    @property
    def predictor(self) -> dict[str, Any]:
        """What `predict` needs besides the model."""
        return {"decoding": asdict(self.decoding)}

    def figures(self, part: str, title: str) -> Iterator[tuple[str, Figure]]:
        """Yield file names and pictures of a test part: the contact map of one sequence."""
        from rnaernie_bench.structure.pictures import contact_map_figure

        _, probabilities, predicted, reference = self.example
        yield (
            f"contacts-{part}.png",
            contact_map_figure(
                probabilities, title=title, predicted=predicted, reference=reference
            ),
        )


def evaluate_contacts(
    fitted: FittedContacts,
    split: Split,
    decoder: str,
    *,
    max_bases: int | None,
    nearest: FeatureTable | None = None,
) -> ContactEvaluation:
    """Choose threshold and mixing weight on validation, then score every test item once.

    What a model does not read, being too long, has no predicted pair.

    Args:
        fitted: the model.
        split: whose validation and test parts are scored.
        decoder: one of `structure.decoders.DECODERS`, for models that leave the choice.
        max_bases: from how many bases on a sequence is not read, for their count; None if all are.
        nearest: the identity of test sequences to train, see `relatives`; None if it is not known.
    """
    decoding, trials, validation = validate_contacts(
        fitted, split.validation, decoder, max_bases=max_bases
    )
    items = tuple({item.id: item for part in split.tests.values() for item in part}.values())
    counts = _count(fitted, items, decoding)
    parts = {
        name: np.isin([item.id for item in items], [item.id for item in part])
        for name, part in split.tests.items()
    }
    identities = None if nearest is None else nearest.of([i.sequence for i in items])[:, 0]
    tests = {
        name: {
            **_test_entry(counts[mask], n_unread=_unread(split.tests[name], max_bases)),
            "breakdown": breakdown(counts[mask], None if identities is None else identities[mask]),
        }
        for name, mask in parts.items()
    }
    predictions = StructurePredictions(
        ids=hash_ids(item.id for item in items),
        groups=[item.group for item in items],
        counts=counts,
        parts=parts,
    )
    example = _example(fitted, items, decoding)
    return ContactEvaluation(decoding, trials, validation, tests, predictions, example)


def validate_contacts(
    fitted: FittedContacts, items: Items, decoder: str, *, max_bases: int | None
) -> tuple[DecodingOptions, int, dict[str, Any]]:
    """Return the decoding chosen on the validation `items`, out of how many, and their metrics."""
    decoding, trials = fitted.decoding, 0
    if decoding is None:
        held_out = [i for i in items if max_bases is None or len(i.sequence) <= max_bases]
        cases = (
            (matrix, held_out[index].sequence, held_out[index].pairs)
            for index, matrix in fitted.probabilities([item.sequence for item in held_out])
        )
        tuned = tune(cases, decoder, expected=len(held_out))
        decoding, trials = tuned.options, tuned.trials
    counts = _count(fitted, items, decoding)
    return decoding, trials, {"n": len(counts), "metrics": evaluate_structures(counts)}


def decoded(
    fitted: FittedContacts, sequences: Sequence[str], decoding: DecodingOptions
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield index, probabilities and pairs of each sequence that is read, some at a time."""
    waiting: list[tuple[int, np.ndarray]] = []
    cells = 0

    def flush() -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        indices = [index for index, _ in waiting]
        matrices = [matrix for _, matrix in waiting]
        pairs = decode_batch(matrices, [sequences[index] for index in indices], decoding)
        yield from zip(indices, matrices, pairs, strict=True)

    for index, matrix in fitted.probabilities(sequences):
        waiting.append((index, matrix))
        cells += matrix.size
        if cells >= CELLS_AT_ONCE:
            yield from flush()
            waiting, cells = [], 0
    yield from flush()


def _count(fitted: FittedContacts, items: Items, decoding: DecodingOptions) -> np.ndarray:
    """Return the counts of items, in their order."""
    found = [NO_PAIRS] * len(items)
    for index, _, pairs in decoded(fitted, [item.sequence for item in items], decoding):
        found[index] = pairs
    return count_all(
        (pairs, item.pairs, len(item.sequence)) for pairs, item in zip(found, items, strict=True)
    )


def _test_entry(counts: np.ndarray, *, n_unread: int) -> dict[str, Any]:
    intervals = structure_intervals(counts)
    metrics = {
        name: {"value": value, "low": intervals[name][0], "high": intervals[name][1]}
        for name, value in evaluate_structures(counts).items()
    }
    return {"n": len(counts), "n_truncated": 0, "n_unread": n_unread, "metrics": metrics}


def _unread(items: Items, max_bases: int | None) -> int:
    return 0 if max_bases is None else sum(len(item.sequence) > max_bases for item in items)


def _example(
    fitted: FittedContacts, items: Items, decoding: DecodingOptions
) -> tuple[str, np.ndarray, np.ndarray, np.ndarray]:
    """Return the first test sequence of some eighty bases or more, or the longest one below."""
    short = [item for item in items if len(item.sequence) <= 200] or list(items)
    item = next(
        (i for i in short if len(i.sequence) >= 80), max(short, key=lambda i: len(i.sequence))
    )
    empty = np.zeros((len(item.sequence), len(item.sequence)), dtype=np.float32)
    for _, matrix, pairs in decoded(fitted, [item.sequence], decoding):
        return item.sequence, matrix, pairs, item.pairs
    return item.sequence, empty, NO_PAIRS, item.pairs
