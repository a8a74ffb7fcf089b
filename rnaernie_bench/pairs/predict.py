"""A finished run of a pair-level task applied to new pairs, or to all pairs of two files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.data.pairs import NamedPair, read_named_pairs
from rnaernie_bench.errors import ConfigError, ResultError
from rnaernie_bench.fitting import Fitted
from rnaernie_bench.measures.answers import Tuning
from rnaernie_bench.prediction.saved import read_predictor, restored
from rnaernie_bench.single_table import PairColumns

CHUNK = 2048
"""Pairs held in memory at a time."""

COLUMNS = PairColumns("first", "second", "", "first_id", "second_id")
"""Of a table of pairs to predict; sequences are 5' to 3'."""

PICTURES = (".svg", ".png")


@dataclass(frozen=True)
class PairPrediction:
    """What a model says of one pair."""

    pair: NamedPair
    probability: float
    """Calibrated, that they interact."""
    label: str
    """What the threshold makes of it."""


@dataclass(frozen=True)
class PairPredictor:
    """A fitted model with its labels and what validation chose."""

    fitted: Fitted
    labels: tuple[str, ...]
    tuning: Tuning

    def told(self, pair: NamedPair, logit: float) -> PairPrediction:
        """Return what a logit of the model says of a pair."""
        odds = self.tuning.odds(np.array([[logit]]))
        label = self.labels[int(self.tuning.decided(odds)[0, 0])]
        return PairPrediction(pair, float(1 / (1 + np.exp(-odds.astype(np.float64)[0, 0]))), label)


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
        restored(folder, saved, _restore_network),
        tuple(saved["labels"]),
        Tuning(saved["temperature"], tuple(saved["thresholds"])),
    )


def _restore_network(folder: Path, saved: dict[str, Any]) -> Fitted:
    from rnaernie_bench.pairs.model import load_pair_model
    from rnaernie_bench.pairs.strategies import FittedPairs, PairReader

    model, tokenizer = load_pair_model(folder)
    reader = PairReader(tokenizer, saved["max_bases"], saved["token_budget"])
    return FittedPairs(model, reader, write=lambda _: None)


def predict_pairs(predictor: PairPredictor, source: Path | str) -> Iterator[PairPrediction]:
    """Yield the prediction of each row of a table with the columns of `COLUMNS`, in its order.

    Args:
        predictor: the model.
        source: a CSV or TSV file; `-` is standard input.

    Raises:
        DataError: for a malformed table, an id of two sequences, or a sequence over the limit.
    """
    pairs = read_named_pairs(source, COLUMNS)
    while chunk := list(islice(pairs, CHUNK)):
        logits = predictor.fitted.logits([(pair.first, pair.second) for pair in chunk])
        for pair, logit in zip(chunk, logits[:, 0].tolist(), strict=True):
            yield predictor.told(pair, logit)


def predict_all(
    predictor: PairPredictor, queries: Path | str, targets: Path | str, *, top: int
) -> Iterator[PairPrediction]:
    """Yield the best targets of each query, best first; targets are read as a stream.

    Args:
        predictor: the model.
        queries: a FASTA file.
        targets: a FASTA file.
        top: how many targets of a query.

    Raises:
        DataError: for a malformed file, a repeated id, or a sequence over the limit.
    """
    from rnaernie_bench.pairs.screening import screen

    named = list(read_named(queries))
    found = screen(
        predictor.fitted, [sequence for _, sequence in named], read_named(targets), top=top
    )
    for (name, sequence), hits in zip(named, found, strict=True):
        for hit in hits:
            yield predictor.told(NamedPair(name, sequence, hit.name, hit.sequence), hit.logit)


def write_pairs_tsv(predictions: Iterator[PairPrediction], file: IO[str]) -> int:
    """Write one line a pair: both ids, the class, and the probability of an interaction.

    Returns:
        The number of pairs.
    """
    file.write("first_id\tsecond_id\tclass\tprobability\n")
    count = 0
    for found in predictions:
        pair = found.pair
        count += 1
        file.write(f"{pair.first_id}\t{pair.second_id}\t{found.label}\t{found.probability:.6f}\n")
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
    from rnaernie_bench.measures.pictures import save_figure
    from rnaernie_bench.pairs.pictures import interaction_figure
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
        title=f"{pair.first_id} and {pair.second_id}: {found.probability:.2f}",
        names=(pair.first_id, pair.second_id),
    )
    save_figure(figure, path)


def _map(fitted: Any, pair: NamedPair) -> np.ndarray | None:
    from rnaernie_bench.pairs.screening import interaction_map
    from rnaernie_bench.pairs.strategies import FittedPairs

    if not isinstance(fitted, FittedPairs):
        return None
    return interaction_map(fitted, pair.first, pair.second)
