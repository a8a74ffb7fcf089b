"""How well types are predicted: accuracy, and whether probabilities are what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.data.corpora import cached_held_out
from rnaernie_bench.metrics.scoring.composites import CALIBRATION_BINS

if TYPE_CHECKING:
    from rnaernie_bench.learning.guidance.choice import Predictor

TOP = 3
"""How many types the published way asks for."""


def type_quality(logits: np.ndarray, types: Sequence[int] | np.ndarray) -> dict[str, Any]:
    """Compare predicted types with known ones.

    Args:
        logits: (n, types), n > 0.
        types: the known types, as indices into `RNA_TYPES`.

    Returns:
        ``n``; ``accuracy``; ``top3_accuracy``; ``macro_accuracy``, the mean over the types that
        occur; ``ece``, the expected calibration error of the first type (Guo et al. 2017,
        https://arxiv.org/abs/1706.04599) over `CALIBRATION_BINS` equal bins; ``reliability``, for
        each bin that is not empty ``confidence`` and ``accuracy`` (means) and ``n``.
    """
    from scipy.special import softmax

    truth = np.asarray(types)
    probabilities = softmax(np.asarray(logits, dtype=np.float64), axis=1)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :TOP]
    hits = order == truth[:, None]
    right, confidence = hits[:, 0].astype(np.float64), probabilities.max(axis=1)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    reliability = [
        {
            "confidence": float(confidence[bins == number].mean()),
            "accuracy": float(right[bins == number].mean()),
            "n": int((bins == number).sum()),
        }
        for number in np.unique(bins)
    ]
    gaps = [abs(b["confidence"] - b["accuracy"]) * b["n"] for b in reliability]
    return {
        "n": len(truth),
        "accuracy": float(right.mean()),
        f"top{TOP}_accuracy": float(hits.any(axis=1).mean()),
        "macro_accuracy": float(np.mean([right[truth == t].mean() for t in np.unique(truth)])),
        "ece": sum(gaps) / len(truth),
        "reliability": reliability,
    }


def held_out_quality(predictor: Predictor, checkpoint: Path) -> dict[str, Any] | None:
    """Return how well weights predict the types of what was held out of their own pre-training.

    Computed where the corpus is in the cache; else as the weights' own record has it, which tells
    of no calibration.

    Args:
        predictor: the weights.
        checkpoint: their folder, which `pretrain` made.

    Returns:
        The figures of `type_quality`, those unknown None, and ``corpus``, its name; None for
        weights without a record, or without held-out sequences.
    """
    from rnaernie_bench.learning.feature_cache import cached_features

    try:
        record = json.loads((checkpoint / "training.json").read_text(encoding="utf-8"))
        corpus, figures = record["corpus"], record["evaluation"]
    except (OSError, ValueError, KeyError):  # not made by this package
        return None
    held_out = cached_held_out(corpus["fingerprint"])
    if held_out is not None:
        sequences, types = held_out
        key = {**predictor.key(), "data": corpus["fingerprint"], "of": "types"}
        table = cached_features(sequences, predictor.logits, key=key)
        return {"corpus": corpus["name"], **type_quality(table.of(sequences), types)}
    if not figures or not figures.get("type_n"):
        return None
    return {"corpus": corpus["name"], **_stored(figures)}


def _stored(figures: Mapping[str, float]) -> dict[str, Any]:
    names = ("accuracy", f"top{TOP}_accuracy", "macro_accuracy")
    known = {name: figures.get(f"type_{name}") for name in names}
    return {"n": int(figures["type_n"]), **known, "ece": None, "reliability": []}
