"""Whether or how two sequences interact: pairs of a table, or all pairs of two files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.data.pairs import NamedPair, read_named_pairs
from rnaernie_bench.data.text import source_name
from rnaernie_bench.prediction.predictor import Form, Predictor
from rnaernie_bench.prediction.sequences import checked
from rnaernie_bench.task.single_table import PairColumns

COLUMNS = PairColumns("first", "second", "", "first_id", "second_id")
"""Of a table of pairs to predict; sequences are 5' to 3'."""


@dataclass(frozen=True)
class PairPrediction:
    """The numbers of a pair of sequences."""

    pair: NamedPair
    numbers: Mapping[str, float]
    """By column of the predictor: quantities, or calibrated probabilities."""
    label: str
    """The class, or the labels joined by commas; empty for quantities."""
    truncated: bool = False
    """Whether only some bases were read."""

    @property
    def probability(self) -> float:
        """Of two classes: calibrated, that they interact."""
        return next(iter(self.numbers.values()))


def read(predictor: Predictor, source: Path | str) -> Iterator[NamedPair]:
    """Yield the rows of a table with the columns of `COLUMNS`."""
    for pair in read_named_pairs(source, COLUMNS):
        where = f"{source_name(source)}, pair '{pair.first_id}' and '{pair.second_id}'"
        yield _fitting(predictor, pair, where)


def name(predictor: Predictor, pairs: Sequence[Any]) -> list[NamedPair]:
    """Return pairs whose partners are called by their number: 1.1 and 1.2, and so on."""
    named = []
    for number, pair in enumerate(pairs, start=1):
        if isinstance(pair, str) or len(pair) != 2:
            raise ConfigError("the run reads pairs of sequences", where=f"sequences, {number}")
        cells = []
        for partner, text in enumerate(pair, start=1):
            sequence = checked(text, f"sequence {number}, partner {partner}")
            cells += [f"{number}.{partner}", sequence]
        named.append(_fitting(predictor, NamedPair(*cells), f"pair {number}"))
    return named


def predict(predictor: Predictor, pairs: Sequence[NamedPair]) -> Iterator[PairPrediction]:
    """Yield the prediction of each pair."""
    scores = predictor.logits([(pair.first, pair.second) for pair in pairs])
    return from_scores(predictor, pairs, scores)


def from_scores(
    predictor: Predictor, pairs: Sequence[NamedPair], scores: np.ndarray
) -> Iterator[PairPrediction]:
    """Yield the predictions that follow from scores of the model, float32 (pairs, outputs)."""
    numbers, decided = predictor.interpret(scores)
    for pair, row, label in zip(pairs, numbers.tolist(), decided, strict=True):
        named = dict(zip(predictor.columns, row, strict=True))
        yield PairPrediction(pair, named, label, _excess(predictor, pair) is not None)


def rank(
    predictor: Predictor, queries: Path | str, targets: Path | str, top: int
) -> Iterator[tuple[NamedPair, PairPrediction]]:
    """Yield the `top` targets of each query with the highest score, that first.

    Args:
        predictor: the model.
        queries: a FASTA file.
        targets: a FASTA file, read as a stream.
        top: how many targets of a query.

    Raises:
        ConfigError: for a model that gives a pair several numbers.
        DataError: for a malformed file, a repeated id, or a sequence over the limit.
    """
    from rnaernie_bench.prediction.screening import screen

    if len(predictor.columns) != 1:
        raise ConfigError(
            f"the run gives a pair {len(predictor.columns)} numbers, targets are ranked by one",
            where="--targets",
            remedy="predict a table of pairs, or use a run of a binary task",
        )
    limit, remedy = predictor.limit, "cut it to the site in question"
    named = list(read_named(queries, max_bases=limit, remedy=remedy))
    stream = read_named(targets, max_bases=limit, remedy=remedy)
    found = screen(predictor.fitted, [sequence for _, sequence in named], stream, top=top)
    for (query, sequence), hits in zip(named, found, strict=True):
        pairs = [NamedPair(query, sequence, hit.name, hit.sequence) for hit in hits]
        scores = np.array([[hit.logit] for hit in hits], dtype=np.float32).reshape(-1, 1)
        yield from zip(pairs, from_scores(predictor, pairs, scores), strict=True)


def draw(predictor: Predictor, found: PairPrediction, path: Path) -> None:
    """Draw the interaction map of a pair with ViennaRNA's duplex beside it, to SVG or PNG.

    Raises:
        ConfigError: if there is neither a map (of the head `interaction`) nor ViennaRNA.
    """
    from rnaernie_bench.prediction.pair_pictures import draw_pair

    number = f"{found.probability:.2f}" if len(found.numbers) == 1 else found.label or "no label"
    draw_pair(predictor.fitted, found.pair, number, path)


def _fitting(predictor: Predictor, pair: NamedPair, where: str) -> NamedPair:
    """Return a pair that the length policy lets the model read.

    Raises:
        DataError: if it is refused.
    """
    excess = None if predictor.limit is None else _excess(predictor, pair)
    if excess is not None:
        raise DataError(excess, where=where, remedy="cut them to the site in question")
    return pair


def _excess(predictor: Predictor, pair: NamedPair) -> str | None:
    """Return what has how many bases too many; None if the model reads the pair whole."""
    reader = getattr(predictor.fitted, "reader", None)
    if reader is None:  # a baseline reads all bases
        return None
    bases, limit, what = predictor.fitted.model.kind.size((pair.first, pair.second), reader)
    return f"{what} {bases} bases, {limit} fit" if bases > limit else None


def _form(decided: str, numbers: Sequence[str], number: str) -> Form:
    """Return the form of a table with a line a pair.

    Args:
        decided: the column of what is decided.
        numbers: the columns of numbers; those of the predictor if empty.
        number: the format of one.
    """

    def header(predictor: Predictor) -> list[str]:
        names = [decided] if predictor.answer.decides else []
        return ["first_id", "second_id", *names, *(numbers or predictor.columns)]

    def rows(predictor: Predictor, pair: NamedPair, found: PairPrediction) -> Iterator[list[str]]:
        cells = [found.label or "-"] if predictor.answer.decides else []
        cells += [format(value, number) for value in found.numbers.values()]
        yield [pair.first_id, pair.second_id, *cells]

    return Form(read, name, predict, header, rows, items="pairs", draw=draw, rank=rank)


INTERACTIONS = _form("class", ("probability",), ".6f")
"""Of two classes."""
VALUES = _form("label", (), ".6g")
"""Of several classes, labels or quantities."""
