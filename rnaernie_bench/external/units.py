"""Classes, labels and numbers that others predicted for items, or for their bases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.cells import Forms, missing, number, spelt
from rnaernie_bench.data.targets import targets_of
from rnaernie_bench.external.said import TELLS, Said
from rnaernie_bench.external.source import Gives, Reading
from rnaernie_bench.metrics.problems import categorical, quantitative, several_classes, two_classes
from rnaernie_bench.metrics.tuning import Tuning
from rnaernie_bench.task.task import Task

_SMALLEST = 1e-12
"""Probabilities below, or as near to 1, are taken for it: their log-odds are finite."""
_IMPOSSIBLE = -1000.0
"""The logarithm of the probability of a class that was not named."""
_HALF = (1 << 15) - (1 << 10) - 1
"""Finite float16 numbers above 0."""


@dataclass(frozen=True)
class Given(Tuning):
    """Decisions that are known, whatever the scores are."""

    decisions: np.ndarray | None = None
    """int8 (units, columns): 0 or 1, or -1 where nothing was decided."""

    def decided(self, odds: np.ndarray) -> np.ndarray:
        """Return them."""
        assert self.decisions is not None
        return self.decisions


@dataclass(frozen=True)
class Units:
    """Reads rows that say something of each unit of an item."""

    task: Task
    reading: Reading
    gives: Gives
    columns: tuple[str, ...]
    """Those of numbers, in the order of the model's outputs; empty for classes."""
    decided: str | None
    """That of classes."""
    forms: Forms = field(default_factory=Forms)
    """How cells hold several values."""

    @property
    def tells(self) -> frozenset[str]:
        """What predictions tell, see `TELLS`."""
        found = TELLS[self.gives]
        problem = self.task.problem
        argmax = self.gives == "scores" and several_classes(problem)
        known = self.decided is not None or self.reading.threshold is not None
        decides = argmax or (known and not quantitative(problem))
        return found | {"decisions"} if decides else found

    def read(self, row: Mapping[str, Any], item: Any, where: str) -> np.ndarray:
        """Return what a row says, float64 (units, columns): numbers, then the class or labels.

        Raises:
            DataError: naming row and column of what is no number, no probability or no class of the
                task, of an empty cell, or of another number of values than the item has units.
        """
        units = self.task.level_entry.units(item.input)
        tables = [self._numbers(row, units, where)] if self.columns else []
        if self.decided is not None:
            tables.append(self._decisions(row, self.decided, units, where))
        return np.concatenate(tables, axis=1)

    def _numbers(self, row: Mapping[str, Any], units: int, where: str) -> np.ndarray:
        table = np.empty((units, len(self.columns)))
        for place, column in enumerate(self.columns):
            at = f"{where}, column '{column}'"
            table[:, place] = [number(value, at) for value in self._values(row, column, units, at)]
        if self.gives != "probabilities":
            return table
        if ((table < 0) | (table > 1)).any():
            outside = table[(table < 0) | (table > 1)][0]
            raise DataError(
                f"{outside:g} is no probability", where=where, remedy="say --gives scores"
            )
        if several_classes(self.task.problem) and (abs(table.sum(axis=1) - 1) > 0.01).any():
            raise DataError(
                "the probabilities of its classes do not add up to 1",
                where=where,
                remedy="correct them, or say --gives scores",
            )
        return table

    def _values(self, row: Mapping[str, Any], column: str, units: int, where: str) -> list[Any]:
        """Return what a cell says of each unit; text names classes.

        Raises:
            DataError: naming `where` of a value that is missing, or of another number of them.
        """
        cell, classes = row[column], column == self.decided
        if units == 1 and not isinstance(cell, list):  # a class may hold what parts several
            found = [spelt(cell) if classes else cell]
        else:
            found, _ = self.forms.values(cell, column, units, where, classes=classes)
        if len(found) != units or any(map(missing, found)):
            raise DataError(
                f"there are {len(found)} values for {units}"
                if len(found) != units
                else "a value is missing",
                where=where,
                remedy="give one each, or leave the row out",
            )
        return found

    def _decisions(self, row: Mapping[str, Any], column: str, units: int, where: str) -> np.ndarray:
        """Return the index of the class of each unit, or 0 and 1 for each label."""
        labels, at = list(self.task.labels), f"{where}, column '{column}'"
        found = [spelt(value) for value in self._values(row, column, units, at)]
        if not categorical(self.task.problem):
            return np.stack([_labels(text, labels, at) for text in found])
        bits = {"0": 0, "1": 1} if two_classes(self.task.problem) and "0" not in labels else {}
        known = {**bits, **{label: place for place, label in enumerate(labels)}}
        for name in found:
            if name not in known:
                raise DataError(
                    f"unknown class '{name}'", where=at, remedy=did_you_mean(name, labels)
                )
        return np.array([[known[name]] for name in found], dtype=np.float64)

    def finish(self, items: Sequence[Any], said: Sequence[np.ndarray]) -> Said:
        """Return truth and predictions of items as they are stored.

        Args:
            items: those that something is said of.
            said: of each, what `read` gave.
        """
        table = np.concatenate(said)
        numbers, decisions = table[:, : len(self.columns)], table[:, len(self.columns) :]
        scores = self._scores(numbers, decisions).astype(np.float32)
        tuning, selected = Tuning(), dict[str, Any]()
        if not several_classes(self.task.problem):
            tuning, selected = self._given(numbers, decisions)
        targets = targets_of(items, self.task.problem)
        return Said(*self.task.answer.arrays(targets, scores, tuning), selected)

    def _scores(self, numbers: np.ndarray, decisions: np.ndarray) -> np.ndarray:
        """Return scores as a fitted model gives them."""
        problem = self.task.problem
        if not self.columns:
            return self._of_decisions(decisions)
        sign = -1.0 if self.reading.lower_is_better else 1.0
        if quantitative(problem):
            return sign * numbers
        if self.gives == "probabilities":
            shares = np.clip(numbers, _SMALLEST, 1 - _SMALLEST)
            odds = np.log(shares)
            return odds if several_classes(problem) else odds - np.log1p(-shares)
        return sign * numbers if several_classes(problem) else in_order(sign * numbers)

    def _of_decisions(self, decisions: np.ndarray) -> np.ndarray:
        """Return scores that say nothing but what was decided."""
        if several_classes(self.task.problem):
            scores = np.full((len(decisions), len(self.task.labels)), _IMPOSSIBLE)
            np.put_along_axis(scores, decisions.astype(np.int64), 0.0, axis=1)
            return scores
        return -_IMPOSSIBLE * (2 * decisions - 1)

    def _given(self, numbers: np.ndarray, decisions: np.ndarray) -> tuple[Given, dict[str, float]]:
        """Return what was decided: by a column, by a threshold, or by what is more probable."""
        if self.decided is not None:
            return Given(decisions=decisions.astype(np.int8)), {}
        threshold = self.reading.threshold
        if threshold is None and self.gives == "probabilities":
            threshold = 0.5
        if threshold is None:
            return Given(decisions=np.full(numbers.shape, -1, dtype=np.int8)), {}
        sign = -1.0 if self.reading.lower_is_better else 1.0
        yes = sign * numbers >= sign * threshold
        return Given(decisions=yes.astype(np.int8)), {"threshold": threshold}


def in_order(scores: np.ndarray) -> np.ndarray:
    """Return numbers (n, columns) in the order of `scores`, of which float16 tells each apart.

    Scores of their own scale are no log-odds, and rounding them could make equal what is not. So
    their ranks take the place, as the finite numbers of float16 in their order: at most 63,486
    different ones a column; of more, neighbours become equal.
    """
    found = np.empty(scores.shape)
    for column, values in enumerate(scores.T):
        _, ranks = np.unique(values, return_inverse=True)
        middle = ranks - ranks.max() // 2
        most = max(int(abs(middle).max()), 1)
        steps = middle if most <= _HALF else np.trunc(middle * (_HALF / most)).astype(np.int64)
        size = abs(steps).astype(np.uint16).view(np.float16)  # the bits of floats ascend as they do
        found[:, column] = np.where(steps < 0, -size, size)
    return found


def units_reader(task: Task, reading: Reading, columns: Sequence[str]) -> Units:
    """Return how a table with these columns is read.

    Raises:
        ConfigError: if it has no column that the task asks for, or settings do not go together.
    """
    for name in (*reading.columns.values(), *filter(None, [reading.decided])):
        if name not in columns:
            raise ConfigError(
                f"there is no column '{name}'",
                where="columns",
                remedy=did_you_mean(name, list(columns)),
            )
    problem, quantities = task.problem, quantitative(task.problem)
    numbers, told = _number_columns(task, reading, columns)
    gives = reading.gives or (told if numbers else "classes")
    if gives == "values" and reading.lower_is_better:
        gives = "scores"
    if gives is None:
        raise ConfigError(
            f"nothing tells what the numbers of '{numbers[0]}' are",
            where="predictions",
            remedy="say --gives probabilities or --gives scores",
        )
    decided = reading.decided
    if decided is None and not quantities and not (several_classes(problem) and numbers):
        decided = next((name for name in ("class", "predicted") if name in columns), None)
    if gives == "classes":
        numbers = ()
    if not numbers and (decided is None or quantities):
        wanted = ", ".join(_wanted(task)[0])
        raise ConfigError(
            f"no column tells a prediction; there are {', '.join(columns)}",
            where="predictions",
            remedy=f"name it: --column LABEL=COLUMN for numbers (else {wanted} or the like)"
            + ("" if quantities else ", --class COLUMN for classes"),
        )
    allowed = ("values", "scores") if quantities else ("classes", "probabilities", "scores")
    if gives not in allowed:
        raise ConfigError(
            f"'{gives}' do not answer {problem}",
            where="--gives",
            remedy=f"choose {' or '.join(allowed)}",
        )
    for option, is_set, applies in (
        ("--lower-is-better", reading.lower_is_better, gives == "scores"),
        ("--threshold", reading.threshold is not None, not several_classes(problem)
         and gives in ("scores", "probabilities") and not quantities and decided is None),
        ("--class", reading.decided, not quantities and not (several_classes(problem) and numbers)),
        ("--pairs-from, --partners, --structure or --pairs",
         reading.pairs_from is not None or reading.partners == "one" or reading.structure
         or reading.pairs, False),
    ):  # fmt: skip
        if is_set and not applies:
            raise ConfigError(
                f"it says nothing of {gives} of this task", where=option, remedy="leave it out"
            )
    return Units(task, reading, gives, numbers, decided)


def _wanted(task: Task) -> list[tuple[str, ...]]:
    """Return, for each output of a model, the names its column may have."""
    outputs = task.answer.columns(task.labels)
    one = ("probability", "score", "value") if len(outputs) == 1 else ()
    return [(name, *([name[2:]] if name.startswith("p:") else []), *one) for name in outputs]


def _number_columns(
    task: Task, reading: Reading, columns: Sequence[str]
) -> tuple[tuple[str, ...], Gives | None]:
    """Return the columns of numbers, and what their names tell of these; no column if one lacks."""
    quantities = quantitative(task.problem)
    found = []
    for names in _wanted(task):
        label = names[0].removeprefix("p:")
        name = reading.columns.get(label) or next((n for n in names if n in columns), None)
        if name is None:
            return (), None
        found.append(name)
    unknown = set(reading.columns) - {names[0].removeprefix("p:") for names in _wanted(task)}
    if unknown:
        label = sorted(unknown)[0]
        labels = [names[0].removeprefix("p:") for names in _wanted(task)]
        raise ConfigError(
            f"no number is asked for '{label}'", where="--column",
            remedy=did_you_mean(label, labels),
        )  # fmt: skip
    if quantities:
        return tuple(found), "values"
    if all(name.startswith("p:") or name == "probability" for name in found):
        return tuple(found), "probabilities"
    return tuple(found), "scores" if found == ["score"] else None


def _labels(text: str, labels: Sequence[str], where: str) -> np.ndarray:
    """Return 0 and 1 for each label; `-` and nothing stand for none."""
    named = [name.strip() for name in text.split(",")] if text.strip() not in ("", "-") else []
    for name in named:
        if name not in labels:
            raise DataError(
                f"unknown label '{name}'", where=where, remedy=did_you_mean(name, list(labels))
            )
    return np.array([float(label in named) for label in labels])
