"""A linear model of the letter at each position: in a sequence, or around a base."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.baselines._regression import READS, check_strengths, fit_on_features
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.learning.regression import Linear
from rnaernie_bench.levels import LEVELS, Level
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport

BASES = "ACGU"


@dataclass(frozen=True)
class LettersOptions:
    """How far it sees, and the regularisation."""

    name: str
    positions: int = 128
    """Of a sequence, how many positions from its start are read."""
    reach: int = 10
    """Of a base, how many bases on either side are read, and itself."""
    C: tuple[float, ...] = ()  # scikit-learn's name
    """Inverse regularisation strengths to choose from; none: decades, until validation falls."""

    def __post_init__(self) -> None:
        if self.positions < 1 or self.reach < 0:
            where = "backbone.positions" if self.positions < 1 else "backbone.reach"
            raise ConfigError("the value must be positive", where=where)
        check_strengths(self.C)

    def unread(self, level: Level) -> dict[str, str]:
        """Return options without effect at a level, each with the reason; see `config.unread`."""
        if level.per_base:
            return {"positions": "a base is known by its neighbours"}
        return {"reach": "a sequence is known by its first positions"}


@dataclass(frozen=True)
class Letters:
    """The fitted model."""

    linear: Linear
    level: str
    positions: int
    reach: int

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return float32 scores of shape (units, outputs)."""
        return self.linear.logits(features(sequences, self.level, self.positions, self.reach))

    def save(self, folder: Path) -> None:
        """Write the model into `folder`."""
        shape = {"level": self.level, "positions": self.positions, "reach": self.reach}
        (folder / "letters.json").write_text(json.dumps(shape) + "\n", encoding="utf-8")
        np.savez(folder / "letters.npz", weights=self.linear.weights, bias=self.linear.bias)


def features(sequences: Sequence[str], level: str, positions: int, reach: int) -> Any:
    """Return which of A, C, G, U stands at each place, and a last column of what is past an end.

    Other letters are none of the four. Of a base, the last column counts the places of its window
    that lie outside the sequence; of a sequence, those of its positions.

    Returns:
        A CSR matrix of shape (units, 4 * places + 1), float64.
    """
    from scipy.sparse import coo_array

    code = np.full(256, -1, dtype=np.int64)
    code[np.frombuffer(BASES.encode(), np.uint8)] = np.arange(4)
    per_base = LEVELS.get(level).per_base
    places = 2 * reach + 1 if per_base else positions
    rows, columns, past = [], [], []
    first = 0
    for sequence in sequences:
        letters = code[np.frombuffer(sequence.encode("ascii"), np.uint8)]
        if per_base:
            padded = np.concatenate([np.full(reach, -2), letters, np.full(reach, -2)])
            windows = np.lib.stride_tricks.sliding_window_view(padded, places)
        else:
            cut = letters[:places]
            windows = np.concatenate([cut, np.full(places - len(cut), -2)])[None]
        unit, place = np.nonzero(windows >= 0)
        rows.append(first + unit)
        columns.append(4 * place + windows[unit, place])
        past.append((windows == -2).sum(axis=1))
        first += len(windows)
    row, column = np.concatenate(rows), np.concatenate(columns)
    outside = np.concatenate(past) / places
    row = np.concatenate([row, np.arange(first)])
    column = np.concatenate([column, np.full(first, 4 * places)])
    values = np.concatenate([np.ones(len(row) - first), outside])
    return coo_array((values, (row, column)), shape=(first, 4 * places + 1)).tocsr()


def fit(context: FitContext, options: LettersOptions) -> tuple[Letters, FitReport]:
    """Fit linear models, and keep the best on validation.

    Raises:
        DataError: if train holds items of one class only.
    """
    shape = context.task.level, options.positions, options.reach
    linear, report = fit_on_features(context, lambda inputs: features(inputs, *shape), options.C)
    return Letters(linear, *shape), report


def restore(folder: Path) -> Letters:
    """Return what `Letters.save` wrote."""
    shape = json.loads((folder / "letters.json").read_text(encoding="utf-8"))
    with np.load(folder / "letters.npz", allow_pickle=False) as arrays:
        return Letters(Linear(arrays["weights"], arrays["bias"]), **shape)


ENTRY = BaselineEntry(
    options=LettersOptions,
    fit="rnaernie_bench.baselines.letters:fit",
    restore="rnaernie_bench.baselines.letters:restore",
    summary="linear model of the letter at each position",
    levels=("sequence", "token"),
    reads=READS,
)
