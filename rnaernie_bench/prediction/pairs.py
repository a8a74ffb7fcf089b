"""Whether or how two sequences interact: pairs of a table, or all pairs of two files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.data.pairs import NamedPair, read_named_pairs
from rnaernie_bench.data.text import source_name
from rnaernie_bench.prediction.pair_windows import (
    Window,
    best_windows,
    placed,
    reads_windows,
    sizes,
)
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
    windows: tuple[Window, Window] | None = None
    """The first and last base, from 1, of the stretch of each partner that the numbers are of,
    where a model reads partners over its limit by windows: the best. None where all is read."""

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
    if reads_windows(predictor):
        return from_scores(predictor, pairs, *best_windows(predictor, pairs))
    scores = predictor.logits([(pair.first, pair.second) for pair in pairs])
    return from_scores(predictor, pairs, scores)


def from_scores(
    predictor: Predictor,
    pairs: Sequence[NamedPair],
    scores: np.ndarray,
    windows: Sequence[tuple[Window, Window] | None] | None = None,
) -> Iterator[PairPrediction]:
    """Yield the predictions that follow from scores of the model, float32 (pairs, outputs).

    Args:
        predictor: the model.
        pairs: what the scores are of.
        scores: of the pairs.
        windows: of which stretches they are, where partners are read by windows.
    """
    numbers, decided = predictor.interpret(scores)
    stretches = windows if windows is not None else [None] * len(pairs)
    for pair, row, label, read in zip(pairs, numbers.tolist(), decided, stretches, strict=True):
        named = dict(zip(predictor.columns, row, strict=True))
        cut = windows is None and _excess(predictor, pair) is not None
        yield PairPrediction(pair, named, label, cut, read)


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
    by_windows, remedy = reads_windows(predictor), "cut it to the site in question"
    limit = None if by_windows else predictor.limit
    named = list(read_named(queries, max_bases=limit, remedy=remedy))
    stream = read_named(targets, max_bases=limit, remedy=remedy)
    cut = partial(placed, size=_window(predictor)) if by_windows else None
    found = screen(predictor.fitted, [sequence for _, sequence in named], stream, top=top, cut=cut)
    for (query, sequence), hits in zip(named, found, strict=True):
        pairs = [NamedPair(query, sequence, hit.name, hit.sequence) for hit in hits]
        scores = np.array([[hit.logit] for hit in hits], dtype=np.float32).reshape(-1, 1)
        windows = [hit.windows for hit in hits] if by_windows else None
        yield from zip(pairs, from_scores(predictor, pairs, scores, windows), strict=True)


def _window(predictor: Predictor) -> int:
    """Return the most bases of a window of either partner, where all are held against all."""
    reader = predictor.fitted.reader
    return min(sizes(reader, 10**9, 10**9))


def draw(predictor: Predictor, found: PairPrediction, path: Path) -> None:
    """Draw the interaction map of a pair with ViennaRNA's duplex beside it, to SVG or PNG.

    Raises:
        ConfigError: if there is neither a map (of the head `interaction`) nor ViennaRNA.
    """
    from rnaernie_bench.prediction.pair_pictures import draw_pair

    number = f"{found.probability:.2f}" if len(found.numbers) == 1 else found.label or "no label"
    draw_pair(predictor.fitted, _stretch(found), number, path)


def _stretch(found: PairPrediction) -> NamedPair:
    """Return a pair as it was read: the best windows of its partners."""
    if found.windows is None:
        return found.pair
    (a, b), (c, d) = found.windows
    pair = found.pair
    return replace(pair, first=pair.first[a - 1 : b], second=pair.second[c - 1 : d])


def _fitting(predictor: Predictor, pair: NamedPair, where: str) -> NamedPair:
    """Return a pair that the length policy lets the model read.

    Raises:
        DataError: if it is refused.
    """
    free = predictor.limit is None or reads_windows(predictor)
    excess = None if free else _excess(predictor, pair)
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
        windows = ["first_window", "second_window"] if reads_windows(predictor) else []
        return ["first_id", "second_id", *names, *(numbers or predictor.columns), *windows]

    def rows(predictor: Predictor, pair: NamedPair, found: PairPrediction) -> Iterator[list[str]]:
        cells = [found.label or "-"] if predictor.answer.decides else []
        cells += [format(value, number) for value in found.numbers.values()]
        cells += [f"{first}-{last}" for first, last in found.windows or ()]
        yield [pair.first_id, pair.second_id, *cells]

    return Form(read, name, predict, header, rows, items="pairs", draw=draw, rank=rank)


INTERACTIONS = _form("class", ("probability",), ".6f")
"""Of two classes."""
VALUES = _form("label", (), ".6g")
"""Of several classes, labels or quantities."""
