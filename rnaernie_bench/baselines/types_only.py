"""Logistic regression on the probabilities of the 28 RNA types: what types tell of a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from rnaernie_bench.baselines._regression import READS, check_strengths, fit_on_features
from rnaernie_bench.learning.regression import Linear
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.guidance.guides import Predicted
    from rnaernie_bench.learning.guidance.predictors import SlotReader
    from rnaernie_bench.learning.interface import FitContext, FitReport


@dataclass(frozen=True)
class TypesOnlyOptions:
    """What predicts the types, and the regularisation."""

    name: str
    model: str = "rnaernie-tiny"
    """A backbone with types and its head for masked tokens: a name, hub id or folder."""
    slot: Literal["mask", "pad"] = "mask"
    """What stands in the place of the type."""
    C: tuple[float, ...] = ()  # scikit-learn's name
    """Inverse regularisation strengths to choose from; none: decades, until validation falls."""

    def __post_init__(self) -> None:
        check_strengths(self.C)


@dataclass(frozen=True)
class TypesOnly:
    """A linear classifier of type probabilities."""

    guide: Predicted
    linear: Linear

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return float32 logits of shape (sequences, classes)."""
        return self.linear.logits(probabilities(self.guide.logits(sequences)))

    def save(self, folder: Path) -> None:
        """Write what predicts types, and the classifier."""
        (folder / "types").mkdir()
        self.guide.predictor.save(folder / "types")
        np.savez(folder / "linear.npz", weights=self.linear.weights, bias=self.linear.bias)


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of logits of types, float64 (sequences, types)."""
    from scipy.special import softmax

    return np.asarray(softmax(logits.astype(np.float64), axis=1))


def fit(context: FitContext, options: TypesOnlyOptions) -> tuple[TypesOnly, FitReport]:
    """Predict the types of all sequences, or read them from the cache, and fit the regressions.

    Raises:
        ConfigError: if the model has no types.
        DataError: if train holds items of one class only.
    """
    from rnaernie_bench.learning.guidance.guides import Predicted, cached_logits

    predictor = _predictor(context, options)
    parts = context.dataset.parts.values()
    table = cached_logits(predictor, [item.sequence for part in parts for item in part])
    linear, report = fit_on_features(
        context, lambda sequences: probabilities(table.of(sequences)), options.C
    )
    seconds = table.seconds + report.train_s
    return TypesOnly(Predicted(predictor, 1, 0.0, table), linear), replace(
        report,
        weights_sha256=predictor.encoder.weights_sha256,
        max_bases=predictor.encoder.max_bases,
        train_s=seconds,
        items_per_s=len(context.train) * report.trials / seconds,
    )


def _predictor(context: FitContext, options: TypesOnlyOptions) -> SlotReader:
    from rnaernie_bench.backbones.loading import load_backbone
    from rnaernie_bench.learning.guidance.predictors import SlotReader

    encoder = load_backbone(options.model, masked_lm=True)
    config = context.config
    task = config.task
    return SlotReader(
        encoder, options.slot, task.length, config.trainer.batch_tokens, task.window_overlap
    )


def weights_sha256(options: TypesOnlyOptions) -> str:
    """Return the hash of the pre-trained weights, which the run id holds."""
    from rnaernie_bench.backbones.loading import load_backbone

    return load_backbone(options.model, masked_lm=True).weights_sha256


def restore(folder: Path) -> TypesOnly:
    """Return what `TypesOnly.save` wrote."""
    from rnaernie_bench.learning.guidance.guides import Predicted
    from rnaernie_bench.learning.guidance.predictors import restore as restore_predictor

    with np.load(folder / "linear.npz", allow_pickle=False) as arrays:
        linear = Linear(arrays["weights"], arrays["bias"])
    return TypesOnly(Predicted(restore_predictor(folder / "types"), 1, 0.0), linear)


ENTRY = BaselineEntry(
    options=TypesOnlyOptions,
    fit="rnaernie_bench.baselines.types_only:fit",
    restore="rnaernie_bench.baselines.types_only:restore",
    weights_sha256="rnaernie_bench.baselines.types_only:weights_sha256",
    summary="logistic regression on the predicted probabilities of the 28 RNA types",
    problems=("multiclass",),
    reads=(*READS, "task.length", "task.window_overlap"),
)
