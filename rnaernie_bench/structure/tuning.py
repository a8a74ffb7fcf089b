"""How probabilities are decoded, chosen on validation by the mean F1 of its sequences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rnaernie_bench.structure.counting import count_all
from rnaernie_bench.structure.decoders import DECODERS, DecodingOptions, decode, decode_batch
from rnaernie_bench.structure.reliability import Case, Reliability
from rnaernie_bench.structure.scores import summarise

THRESHOLDS = (1 / (1 + np.exp(-np.linspace(-7, 4, 45)))).astype(np.float32)
"""Those that are compared where one decoding tells all of them: .0009 to .98, even in log odds, for
pairs are rare and a head that learned little gives all of them little."""

FEW_SEQUENCES = 200
"""On how many sequences settings are compared where each takes a decoding of its own."""


@dataclass(frozen=True)
class Ladder:
    """One sequence at each of `THRESHOLDS`."""

    predicted: np.ndarray
    """Pairs, int64 of shape (thresholds,)."""
    correct: np.ndarray
    """Those of them that are right."""
    reference: int
    """Pairs of the reference."""


@dataclass(frozen=True)
class Tuned:
    """A choice, and what it was chosen by."""

    options: DecodingOptions
    f1: float
    """Mean over sequences."""
    trials: int
    """Settings compared."""


def default_options(decoder: str) -> DecodingOptions:
    """Return a decoder with canonical pairs and hairpins of three bases or more."""
    return DecodingOptions(decoder=decoder, canonical=True)


def ladder(
    probabilities: np.ndarray, sequence: str, reference: np.ndarray, options: DecodingOptions
) -> Ladder:
    """Count the pairs of one sequence at all thresholds, from one decoding at the lowest.

    Args:
        probabilities: (bases, bases), read above the diagonal.
        sequence: normalised.
        reference: checked pairs of shape (pairs, 2).
        options: of a decoder with `Decoder.one_decoding`; their threshold is not read.
    """
    matrix = probabilities.astype(np.float32, copy=False)
    pairs = decode(matrix, sequence, replace(options, threshold=float(THRESHOLDS[0])))
    codes = [p[:, 0].astype(np.int64) * len(sequence) + p[:, 1] for p in (pairs, reference)]
    kept = matrix[pairs[:, 0], pairs[:, 1]][:, None] >= THRESHOLDS
    right = np.isin(*codes)
    return Ladder(kept.sum(0), (kept & right[:, None]).sum(0), len(reference))


def best_threshold(ladders: Sequence[Ladder]) -> tuple[float, float]:
    """Return the threshold of the highest mean F1, the lowest of equals, and that F1.

    It is nan where no sequence has a pair, in its reference or predicted at any threshold.
    """
    correct = np.array([rungs.correct for rungs in ladders])
    total = np.array([rungs.predicted + rungs.reference for rungs in ladders])
    defined = total > 0
    f1 = np.divide(2.0 * correct, total, out=np.zeros(total.shape), where=defined)
    count = defined.sum(0)
    mean = np.divide(f1.sum(0), count, out=np.full(len(count), np.nan), where=count > 0)
    best = int(np.nan_to_num(mean, nan=-1.0).argmax())
    return float(THRESHOLDS[best]), float(mean[best])


def tune(cases: Iterable[Case], decoder: str, *, expected: int) -> Tuned:
    """Choose what the decoder's entry says is tuned, and the line that calibrates probabilities.

    Where one decoding tells all thresholds, all sequences count; else `FEW_SEQUENCES` of them,
    taken at even distances from the order given.

    Args:
        cases: probabilities, sequence and reference pairs of each validation sequence.
        decoder: a name in `decoders.DECODERS`.
        expected: how many cases there are.
    """
    reliability = Reliability(default_options(decoder))
    tuned = _tune(reliability.watch(cases), decoder, expected)
    slope, offset = reliability.line()
    return replace(tuned, options=replace(tuned.options, slope=slope, offset=offset))


def _tune(cases: Iterable[Case], decoder: str, expected: int) -> Tuned:
    options, entry = default_options(decoder), DECODERS.get(decoder)
    if entry.one_decoding:
        threshold, f1 = best_threshold([ladder(*case, options) for case in cases])
        return Tuned(replace(options, threshold=threshold), f1, len(THRESHOLDS))
    step = -(-expected // FEW_SEQUENCES)
    few = [case for number, case in enumerate(cases) if number % step == 0]
    matrices, sequences, references = zip(*few, strict=True)
    lengths = [len(sequence) for sequence in sequences]
    best, trials = Tuned(options, -1.0, 0), 0
    for values in entry.tuned:
        changes: dict[str, Any] = dict(values)
        trial = replace(options, **changes)
        found = decode_batch(matrices, sequences, trial)
        f1 = summarise(count_all(zip(found, references, lengths, strict=True))).mean["f1"]
        trials += 1
        if f1 > best.f1:
            best = Tuned(trial, f1, trials)
    return replace(best, trials=trials)
