"""A finished run on new inputs: one predictor; its form says what predictions of the run are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.answers.base import Answer
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.tuning import refuse_broken
from rnaernie_bench.task.catalogue import resolve
from rnaernie_bench.task.lengths import POLICIES


@dataclass(frozen=True)
class Form:
    """How predictions of a problem at a level are made, written and drawn.

    An *item* is an input with its name: id and sequence of a FASTA record, or a `NamedPair`.
    """

    read: Callable[[Predictor, Path | str], Iterator[Any]]
    """Yields the items of a file; `-` is standard input."""
    name: Callable[[Predictor, Sequence[Any]], list[Any]]
    """Returns the items of inputs that have no names, and refuses what cannot be read."""
    predict: Callable[[Predictor, Sequence[Any]], Iterable[Any]]
    """Yields the predictions of items, in their order."""
    header: Callable[[Predictor], list[str]]
    """Returns the columns of a table of predictions."""
    rows: Callable[[Predictor, Any, Any], Iterable[Sequence[str]]]
    """Yields the cells of the lines for an item and its prediction."""
    items: str = "sequences"
    """What messages call several items."""
    chunk: int = 2048
    """Items whose predictions are in memory at a time."""
    notations: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)
    """End of a file's name -> returns a prediction in that notation; the first is the usual one.
    Where there is none, or the name ends in `.tsv`, the table is written."""
    draw: Callable[[Predictor, Any, Path], None] | None = None
    """Draws a prediction to an SVG or PNG file; None if there is nothing to draw."""
    rank: Callable[[Predictor, Path | str, Path | str, int], Iterator[tuple[Any, Any]]] | None = (
        None
    )
    """Yields the best so many targets of each query, of two files; None without targets."""


def form_of(level: str, problem: Problem) -> Form:
    """Return the form of predictions of a problem at a level, as the level's object names it."""
    form: Any = resolve(LEVELS.get(level).form(problem))
    assert isinstance(form, Form)
    return form


@dataclass(frozen=True)
class Predictor:
    """A fitted model, and how its scores become predictions.

    Called with inputs, it returns a list of their predictions: `classes.Prediction`,
    `values.Values`, `structures.PredictedStructure` or `pairs.PairPrediction`.
    """

    fitted: Any
    """A `learning.interface.Fitted`, or `FittedContacts`."""
    level: str
    problem: Problem
    labels: tuple[str, ...]
    tuning: Any
    """What validation chose, see `Answer.tune`: temperature and thresholds, or a decoder."""
    length: str = "error"
    """The length policy of the run."""
    max_bases: int | None = None
    """The most bases of a sequence that the model reads; None if it reads all."""

    @property
    def form(self) -> Form:
        """How predictions are made, written and drawn."""
        return form_of(self.level, self.problem)

    @property
    def answer(self) -> Answer:
        """What the scores mean."""
        return ANSWERS[LEVELS.get(self.level).answers[self.problem]]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers that a unit has: quantities, or `p:` and a label."""
        return self.answer.columns(self.labels)

    @property
    def limit(self) -> int | None:
        """The most bases of a sequence that is not refused; None for any."""
        return None if POLICIES[self.length].reads else self.max_bases

    def logits(self, inputs: Sequence[Any]) -> np.ndarray:
        """Return the scores of the units of inputs.

        Raises:
            BenchError: if they are NaN or infinite.
        """
        found: np.ndarray = self.fitted.logits(inputs)
        refuse_broken(found)
        return found

    def interpret(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return numbers and decisions of units from scores, see `Answer.interpret`."""
        return self.answer.interpret(scores, self.labels, self.tuning)

    def truncates(self, sequence: str) -> bool:
        """Return whether only the first bases of a sequence are read."""
        return (
            POLICIES[self.length].truncates
            and self.max_bases is not None
            and len(sequence) > self.max_bases
        )

    def refuse_unreadable(self, sequence: str, where: str) -> None:
        """Refuse a sequence that the model's head cannot read, though it is not too long.

        Raises:
            DataError: saying `where` it stands.
        """
        if hasattr(self.fitted, "refuse_unreadable"):
            self.fitted.refuse_unreadable(sequence, where)

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """Predict sequences, or pairs of them 5' to 3', in either case, with T or U.

        Raises:
            DataError: naming a sequence that is empty, holds a foreign letter, or has more bases
                than the model reads where the run's length policy refuses it.
        """
        return [found for _, found in self.predict(self.form.name(self, inputs))]

    def predict(self, items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield each item with its prediction, in their order, chunk by chunk."""
        stream, form = iter(items), self.form
        while chunk := list(islice(stream, form.chunk)):
            yield from zip(chunk, form.predict(self, chunk), strict=True)

    def predict_file(self, source: Path | str) -> Iterator[tuple[Any, Any]]:
        """Yield the items of a file with their predictions, read as a stream.

        Args:
            source: a FASTA file, or for runs on pairs a table, plain or gzip; `-` is standard
                input.

        Raises:
            DataError: for a malformed file, a repeated id, or a sequence over the limit.
        """
        return self.predict(self.form.read(self, source))
