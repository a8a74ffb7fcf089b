"""A finished run of a pair-level task applied to new pairs, or to all pairs of two files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from rnaernie_bench.core.errors import ConfigError, ResultError
from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.data.pairs import NamedPair, read_named_pairs
from rnaernie_bench.data.text import source_name
from rnaernie_bench.learning.interface import Fitted
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.metrics.tuning import Tuning
from rnaernie_bench.prediction.saved import read_predictor, restore_network, restored
from rnaernie_bench.prediction.values import columns_of, said_of
from rnaernie_bench.task.single_table import PairColumns

CHUNK = 2048
"""Pairs held in memory at a time."""

COLUMNS = PairColumns("first", "second", "", "first_id", "second_id")
"""Of a table of pairs to predict; sequences are 5' to 3'."""

PICTURES = (".svg", ".png")


@dataclass(frozen=True)
class PairPrediction:
    """What a model says of one pair."""

    pair: NamedPair
    numbers: Mapping[str, float]
    """By column of the predictor: quantities, or calibrated probabilities."""
    label: str
    """The class, or the labels joined by commas; empty for quantities."""

    @property
    def probability(self) -> float:
        """Of two classes: calibrated, that they interact."""
        return next(iter(self.numbers.values()))


@dataclass(frozen=True)
class PairPredictor:
    """A fitted model with its labels and what validation chose."""

    fitted: Fitted
    labels: tuple[str, ...]
    tuning: Tuning
    problem: Problem = "binary"

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers, see `prediction.values.columns_of`."""
        return columns_of(self.problem, self.labels)

    def told(self, pairs: Sequence[NamedPair], scores: np.ndarray) -> Iterator[PairPrediction]:
        """Yield what scores of the model, float32 (pairs, outputs), say of pairs."""
        numbers, decided = said_of(scores, self.problem, self.labels, self.tuning)
        for pair, row, label in zip(pairs, numbers.tolist(), decided, strict=True):
            yield PairPrediction(pair, dict(zip(self.columns, row, strict=True)), label)


def load_pair_run(folder: Path) -> PairPredictor:
    """Return the model of a finished run of a pair-level task.

    Args:
        folder: the run's folder, which holds `model/`.

    Raises:
        ResultError: if there is no whole model in it, or one of another level.
    """
    saved = read_predictor(folder)
    if saved.get("level") != "pair":
        raise ResultError("the run predicts no pairs", where=folder, remedy="name another run")
    return PairPredictor(
        restored(folder, saved, restore_network),
        tuple(saved["labels"]),
        Tuning(saved.get("temperature", 1.0), tuple(saved.get("thresholds", ()))),
        saved.get("problem", "binary"),
    )


def predict_pairs(predictor: PairPredictor, source: Path | str) -> Iterator[PairPrediction]:
    """Yield the prediction of each row of a table with the columns of `COLUMNS`, in its order.

    Args:
        predictor: the model.
        source: a CSV or TSV file; `-` is standard input.

    Raises:
        DataError: for a malformed table, an id of two sequences, or a sequence over the limit.
    """
    pairs = read_named_pairs(source, COLUMNS)
    network: Any = predictor.fitted
    while chunk := list(islice(pairs, CHUNK)):
        sequences = [(pair.first, pair.second) for pair in chunk]
        if _limit(predictor) is not None:
            from rnaernie_bench.learning.pair_fit import refuse_long_pairs

            name = source_name(source)
            names = [f"{name}, pair '{pair.first_id}' and '{pair.second_id}'" for pair in chunk]
            refuse_long_pairs(sequences, network.reader, network.model.encoding, names)
        scores = network.logits(sequences)
        yield from predictor.told(chunk, scores)


def predict_all(
    predictor: PairPredictor, queries: Path | str, targets: Path | str, *, top: int
) -> Iterator[PairPrediction]:
    """Yield the targets of each query with the highest score, that first; targets are read as a
    stream.

    Args:
        predictor: the model.
        queries: a FASTA file.
        targets: a FASTA file.
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
    limit, remedy = _limit(predictor), "cut it to the site in question"
    named = list(read_named(queries, max_bases=limit, remedy=remedy))
    stream = read_named(targets, max_bases=limit, remedy=remedy)
    found = screen(predictor.fitted, [sequence for _, sequence in named], stream, top=top)
    for (name, sequence), hits in zip(named, found, strict=True):
        pairs = [NamedPair(name, sequence, hit.name, hit.sequence) for hit in hits]
        scores = np.array([[hit.logit] for hit in hits], dtype=np.float32).reshape(-1, 1)
        yield from predictor.told(pairs, scores)


def _limit(predictor: PairPredictor) -> int | None:
    """Return how many bases of a sequence a network reads; None of baselines, which read all."""
    reader = getattr(predictor.fitted, "reader", None)
    return None if reader is None else int(reader.max_bases)


def write_pairs_tsv(
    predictions: Iterator[PairPrediction], predictor: PairPredictor, file: IO[str]
) -> int:
    """Write one line a pair: both ids, and of two classes, class and probability of an interaction;
    else the label or labels, unless quantities are asked, and all numbers.

    Returns:
        The number of pairs.
    """
    two, said = predictor.problem == "binary", predictor.problem != "regression"
    columns = (
        ["class", "probability"] if two else [*(["label"] if said else []), *predictor.columns]
    )
    file.write("\t".join(["first_id", "second_id", *columns]) + "\n")
    count = 0
    for found in predictions:
        count += 1
        fields = [
            found.pair.first_id,
            found.pair.second_id,
            *([found.label or "-"] if said else []),
        ]
        fields += [f"{value:.6f}" if two else f"{value:.6g}" for value in found.numbers.values()]
        file.write("\t".join(fields) + "\n")
    return count


def check_picture(picture: Path) -> None:
    """Refuse a name whose end says nothing.

    Raises:
        ConfigError: naming the ends there are.
    """
    if picture.suffix not in PICTURES:
        raise ConfigError(
            f"'{picture.suffix}' is no format of pictures",
            where=picture,
            remedy=f"use {' or '.join(PICTURES)}",
        )


def draw_pair(predictor: PairPredictor, found: PairPrediction, path: Path) -> None:
    """Draw the interaction map of a pair with ViennaRNA's duplex beside it, to SVG or PNG.

    Raises:
        ConfigError: if there is neither a map (of the head `interaction`) nor ViennaRNA.
        BenchError: if the file cannot be written.
    """
    from rnaernie_bench.core.figures import save_figure
    from rnaernie_bench.prediction.pair_pictures import interaction_figure
    from rnaernie_bench.structure.duplexes import best_duplex

    pair = found.pair
    matrix = _map(predictor.fitted, pair)
    try:
        duplex = best_duplex(pair.first, pair.second)
    except ConfigError:  # ViennaRNA is an extra
        if matrix is None:
            raise
        pairs = None
    else:
        pairs = np.empty((0, 2), dtype=np.int32) if duplex is None else duplex.pairs
    figure = interaction_figure(
        pair.first,
        pair.second,
        matrix,
        pairs,
        title=f"{pair.first_id} and {pair.second_id}: {_shown(found)}",
        names=(pair.first_id, pair.second_id),
    )
    save_figure(figure, path)


def _shown(found: PairPrediction) -> str:
    """Return the one number that is said of a pair, or else what is decided."""
    return f"{found.probability:.2f}" if len(found.numbers) == 1 else found.label or "no label"


def _map(fitted: Any, pair: NamedPair) -> np.ndarray | None:
    from rnaernie_bench.learning.pair_fit import FittedPairs
    from rnaernie_bench.prediction.screening import interaction_map

    if not isinstance(fitted, FittedPairs):
        return None
    return interaction_map(fitted, pair.first, pair.second)
