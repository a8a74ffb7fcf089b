"""Probabilities of pairs that are right as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from rnaernie_bench.structure.decoders import DecodingOptions
from rnaernie_bench.structure.reliability import Reliability, calibrated, log_odds, paired

ANY = DecodingOptions("threshold", min_loop=0)


def drawn(slope: float, offset: float) -> tuple[np.ndarray, str, np.ndarray]:
    """Return a case in which pairs of log odds x are true with log odds slope * x + offset."""
    generator = np.random.default_rng(0)
    n = 400
    odds = generator.normal(-1, 2, size=(n, n))
    said = 1 / (1 + np.exp(-odds))
    true = generator.random((n, n)) < 1 / (1 + np.exp(-slope * odds - offset))
    return said.astype(np.float32), "A" * n, np.argwhere(np.triu(true, k=1))


def test_the_line_of_log_odds_is_found_and_applied() -> None:
    reliability = Reliability(ANY)
    case = drawn(1.5, -0.7)
    assert [id(part) for part in next(reliability.watch([case]))] == [id(part) for part in case]
    slope, offset = reliability.line()
    assert (slope, offset) == (pytest.approx(1.5, abs=0.05), pytest.approx(-0.7, abs=0.05))
    said = calibrated(case[0], DecodingOptions("threshold", slope=slope, offset=offset))
    wanted = 1.5 * np.log(0.8 / 0.2) - 0.7
    at = np.abs(case[0] - 0.8).argmin()
    assert log_odds(said.ravel()[at : at + 1]) == pytest.approx(wanted, abs=0.15)
    upper = np.triu(np.ones_like(said, dtype=bool), k=1)
    true = np.zeros_like(upper)
    true[tuple(case[2].T)] = True
    for low, high in ((0.1, 0.3), (0.4, 0.6), (0.7, 0.9)):
        inside = upper & (said > low) & (said < high)
        assert true[inside].mean() == pytest.approx(said[inside].mean(), abs=0.02)


def test_only_pairs_that_a_decoder_considers_count() -> None:
    sequence, matrix = "GGAAACC", np.full((7, 7), 0.5, np.float32)
    matrix[0, 6] = 0.0  # said to be impossible
    reliability = Reliability(DecodingOptions("threshold", canonical=True))
    reliability.add(matrix, sequence, np.array([[1, 5]]))
    assert reliability.counts.sum(axis=1).tolist() == [1, 2]  # GC at 1-5; 0-5 and 1-6


@pytest.mark.parametrize(
    "case",
    [
        (np.zeros((5, 5), np.float32), "GAAAC", np.array([[0, 4]])),
        (np.full((5, 5), 0.5, np.float32), "GAAAC", np.zeros((0, 2), np.int32)),
        drawn(-1.0, 0.0),
    ],
    ids=["nothing is said", "nothing is true", "the likely ones are wrong"],
)
def test_where_nothing_can_be_learned_probabilities_stay(case: tuple) -> None:
    reliability = Reliability(ANY)
    reliability.add(*case)
    assert reliability.line() == (1.0, 0.0)
    assert calibrated(case[0], ANY) is case[0]


def test_a_base_is_paired_as_often_as_with_all_partners() -> None:
    matrix = np.zeros((4, 4), np.float32)
    matrix[0, 3], matrix[1, 3], matrix[2, 3] = 0.5, 0.25, 0.5
    assert paired(matrix + matrix.T).tolist() == [0.5, 0.25, 0.5, 1.0]
