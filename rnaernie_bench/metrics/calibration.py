"""Calibrated probabilities: one temperature, fitted on validation, applied to every part."""

from __future__ import annotations

import numpy as np

LOG_TEMPERATURE_RANGE = (-5.0, 5.0)
"""Where the temperature is sought: 0.0067 to 148, so that separable data stays finite."""


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature that minimises the negative log likelihood of `labels`.

    The likelihood is convex in 1/T, so it has one minimum in log T, found by bounded scalar
    minimisation (Guo et al. 2017, https://arxiv.org/abs/1706.04599). Where no temperature
    improves on 1, such as logits that are all equal, 1 is returned.

    Args:
        logits: (n, classes) finite scores of the validation part.
        labels: (n,) true classes, as column indices.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits = np.asarray(logits, dtype=np.float64)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(scaled[rows, labels].mean())

    found = minimize_scalar(
        loss, bounds=LOG_TEMPERATURE_RANGE, method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x)) if found.fun < loss(0.0) else 1.0


def calibrated_log_probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Return the log-softmax of `logits / temperature`, rounded as it is stored.

    Values are rounded through float16, so that metrics computed here and metrics recomputed from
    a prediction file agree. They are finite (at least float16's lowest, -65504), and the highest
    class of every row stays the one of `logits`, even where rounding makes others equal to it.

    Args:
        logits: (n, classes) finite scores.
        temperature: above 0.

    Returns:
        (n, classes) float32.
    """
    from scipy.special import log_softmax

    logits = np.asarray(logits, dtype=np.float64)
    exact = log_softmax(logits / temperature, axis=1)
    rounded = np.maximum(exact, np.finfo(np.float16).min).astype(np.float16)

    # argmax takes the first of equals: lower those before the true one by the least step.
    top = logits.argmax(axis=1)[:, None]
    ahead = np.arange(logits.shape[1]) < top
    tied = ahead & (rounded >= np.take_along_axis(rounded, top, axis=1))
    rounded[tied] = np.nextafter(rounded[tied], np.float16(-np.inf))
    return rounded.astype(np.float32)


def entropy(log_probabilities: np.ndarray) -> np.ndarray:
    """Return each row's Shannon entropy in bits: 0 if certain, log2(classes) if uniform.

    Args:
        log_probabilities: (n, classes) natural logarithms, renormalised here since rounding
            leaves their sum a little off 1.

    Returns:
        (n,) float64.
    """
    from scipy.special import entr, softmax

    probabilities = softmax(np.asarray(log_probabilities, dtype=np.float64), axis=1)
    return entr(probabilities).sum(axis=1) / np.log(2.0)
