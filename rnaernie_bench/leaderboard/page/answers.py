"""How right runs got each item, from their predictions; by family and by length."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rnaernie_bench.results.checks import predictions_of
from rnaernie_bench.results.record import Record
from rnaernie_bench.structure.scores import bands as length_bands

LENGTH_EDGES = (75, 100, 150, 200, 300, 400)
"""Where bands of length begin, nt."""

LEAST_ITEMS = 10
"""How many items a family needs to be shown."""


@dataclass(frozen=True, eq=False)
class Answers:
    """How right a run got each item."""

    groups: npt.NDArray[np.str_]
    """Shape (n,); empty where unknown."""
    right: npt.NDArray[np.float64]
    """Shape (n,): 0 or 1, or the F1 of a structure, nan where it is undefined."""
    parts: Mapping[str, npt.NDArray[np.bool_]]
    """Shape (n,) each."""
    measure: str = "accuracy"
    """What the mean of `right` is."""
    bands: npt.NDArray[np.str_] | None = None
    """Shape (n,): the band of length of a structure; None where lengths are not kept."""


ReadAnswers = Callable[[str], Answers | None]
"""The answers of a run by its id; None where its predictions are not at hand."""


def no_answers(run_id: str) -> Answers | None:
    """Return None: what a run answered is not asked for."""
    return None


def answers_reader(records: Mapping[str, Record], folders: Mapping[str, Path]) -> ReadAnswers:
    """Return a reader of what runs answered, which remembers the latest.

    Args:
        records: by run id.
        folders: by run id, where its predictions lie.

    Raises:
        ResultError: (when called) predictions are not those that their record names, or damaged.
    """

    @lru_cache(maxsize=256)
    def read(run_id: str) -> Answers | None:
        named = next(iter(records[run_id]["tests"].values()))["predictions"]
        path = folders[run_id] / named["path"] if run_id in folders else None
        if path is None or not path.is_file():
            return None
        found = predictions_of(records[run_id], folders[run_id])
        lengths = found.answer.lengths(found.predicted)
        bands = None if lengths is None else np.array(length_bands(lengths, LENGTH_EDGES), np.str_)
        groups = np.array(found.groups, np.str_)
        return Answers(groups, found.right, found.parts, found.answer.measure, bands)

    return read


def family_accuracy(answers: Answers, part: str) -> tuple[dict[str, float], dict[str, int]]:
    """Return how right each named family of a test part is on the mean, and its items."""
    return _means(answers, answers.groups, part)


def length_accuracy(answers: Answers, part: str) -> tuple[dict[str, float], dict[str, int]]:
    """Return how right each band of length of a test part is on the mean, and its items."""
    return ({}, {}) if answers.bands is None else _means(answers, answers.bands, part)


def _means(
    answers: Answers, sets: npt.NDArray[np.str_], part: str
) -> tuple[dict[str, float], dict[str, int]]:
    inside = answers.parts[part] & (sets != "") & ~np.isnan(answers.right)
    names, index = np.unique(sets[inside], return_inverse=True)
    items = np.bincount(index, minlength=len(names))
    right = np.bincount(index, weights=answers.right[inside], minlength=len(names))
    labels = [str(name) for name in names]
    return (
        dict(zip(labels, (right / items).tolist(), strict=True)),
        dict(zip(labels, items.tolist(), strict=True)),
    )
