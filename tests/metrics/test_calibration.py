from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rnaernie_bench.metrics.calibration import (
    calibrated_log_probabilities,
    entropy,
    fit_temperature,
)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_recovered(temperature: float) -> None:
    generator = np.random.default_rng(7)
    honest = generator.normal(scale=2.0, size=(20_000, 5))
    odds = np.exp(honest)
    uniform = generator.random((len(honest), 1))
    labels = (np.cumsum(odds / odds.sum(1, keepdims=True), axis=1) < uniform).sum(1)
    assert fit_temperature(honest * temperature, labels) == pytest.approx(temperature, rel=0.05)


def test_two_classes_by_hand() -> None:
    # Three of four right at a logit gap of 2: the fitted confidence is .75, so 2 / T = log 3.
    logits = np.array([[0.0, 2.0]] * 4)
    temperature = fit_temperature(logits, np.array([1, 1, 1, 0]))
    assert temperature == pytest.approx(2 / np.log(3), rel=1e-4)


def test_separated_data_gives_a_finite_temperature() -> None:
    labels = np.array([0, 1, 2, 1])
    temperature = fit_temperature(np.eye(3)[labels] * 4.0, labels)
    assert 0.006 < temperature < 1.0


def test_logits_that_say_nothing_are_left_alone() -> None:
    assert fit_temperature(np.zeros((5, 3)), np.array([0, 1, 2, 0, 1])) == 1.0


@settings(max_examples=100, deadline=None)
@given(
    hnp.arrays(np.float32, (6, 5), elements=st.floats(-1e4, 1e4, width=32)),
    st.floats(0.007, 148.0),
)
def test_stored_values_keep_the_prediction_and_are_finite(
    logits: np.ndarray, temperature: float
) -> None:
    stored = calibrated_log_probabilities(logits, temperature)
    assert stored.dtype == np.float32
    assert np.isfinite(stored).all()
    assert np.array_equal(stored, stored.astype(np.float16).astype(np.float32))
    assert np.array_equal(stored.argmax(1), logits.argmax(1))


def test_rounding_ties_are_broken_for_the_predicted_class() -> None:
    stored = calibrated_log_probabilities(np.array([[0.0, 1e-6]]), 1.0)
    assert stored.argmax() == 1
    assert stored == pytest.approx(np.log([[0.5, 0.5]]), abs=1e-3)


def test_stored_values_are_the_scaled_log_softmax() -> None:
    stored = calibrated_log_probabilities(np.log([[0.2, 0.8]]) * 3.0, 3.0)
    assert np.exp(stored) == pytest.approx(np.array([[0.2, 0.8]]), abs=1e-3)


def test_entropy_in_bits() -> None:
    rows = np.log(np.array([[0.25] * 4, [0.5, 0.5, 1e-12, 1e-12]]))
    assert entropy(rows) == pytest.approx([2.0, 1.0], abs=1e-6)
    assert entropy(np.array([[0.0, -65504.0]])) == pytest.approx([0.0])
