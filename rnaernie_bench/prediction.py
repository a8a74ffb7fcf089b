"""A finished run applied to new sequences."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any
from zipfile import BadZipFile

import numpy as np

from rnaernie_bench.calibration import calibrated_log_probabilities, entropy
from rnaernie_bench.catalogue import BACKBONES, BaselineEntry, resolve
from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.errors import ResultError
from rnaernie_bench.fitting import Fitted
from rnaernie_bench.measuring import Tuning

CHUNK = 2048
"""Sequences held in memory at a time."""


@dataclass(frozen=True)
class Prediction:
    """What a model says of one sequence."""

    label: str
    """The most probable class; of two with one score, what the threshold decides."""
    probabilities: dict[str, float]
    """Calibrated probability of each class."""
    entropy: float
    """Of the probabilities, in bits: 0 if certain."""
    truncated: bool
    """Whether only the first bases were read."""


@dataclass(frozen=True)
class Predictor:
    """A fitted model with its labels, temperature and length policy."""

    fitted: Fitted
    labels: tuple[str, ...]
    temperature: float
    length: str
    """`error`, `truncate` or `window`."""
    max_bases: int | None
    threshold: float | None = None
    """Of two classes with one score: the log-odds from which on it is the second; None: classes
    have a score each."""

    def __call__(self, sequences: Sequence[str]) -> list[Prediction]:
        """Predict normalised sequences (upper case, U for T).

        Raises:
            DataError: for a sequence over the limit, where the run was trained with
                ``task.length=error``.
        """
        if not sequences:
            return []
        logits = self.fitted.logits(sequences)
        if self.threshold is None:
            scores = calibrated_log_probabilities(logits, self.temperature)
            chosen = scores.argmax(axis=1)
        else:
            both = np.concatenate([np.zeros_like(logits), logits], axis=1)
            scores = calibrated_log_probabilities(both, self.temperature)
            tuning = Tuning(self.temperature, (self.threshold,))
            chosen = tuning.decided(tuning.odds(logits))[:, 0].astype(int)
        probabilities = np.exp(scores.astype(np.float64))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        limit = self.max_bases if self.length == "truncate" else None
        return [
            Prediction(
                label=self.labels[int(choice)],
                probabilities=dict(zip(self.labels, map(float, p), strict=True)),
                entropy=float(bits),
                truncated=limit is not None and len(sequence) > limit,
            )
            for sequence, choice, p, bits in zip(
                sequences, chosen, probabilities, entropy(scores), strict=True
            )
        ]


def load_run(folder: Path) -> Predictor:
    """Return the model of a finished run of a sequence-level task.

    Args:
        folder: the run's folder, which holds `model/`.

    Raises:
        ResultError: if there is no whole model in it, or one of another level.
    """
    saved = read_predictor(folder)
    problem = saved.get("problem", "multiclass")
    if not predicts_classes(saved):
        raise ResultError(
            f"the run predicts no class of sequences (level {saved['level']}, problem {problem})",
            where=folder,
            remedy="use rnaernie_bench.load_run",
        )
    return Predictor(
        fitted=restored(folder, saved, restore_network),
        labels=tuple(saved["labels"]),
        temperature=saved["temperature"],
        length=saved["length"],
        max_bases=saved["max_bases"],
        threshold=(saved["thresholds"] or [0.0])[0] if problem == "binary" else None,
    )


def predicts_classes(saved: Mapping[str, Any]) -> bool:
    """Return whether a run gives each sequence a class, given what `read_predictor` returned."""
    # Runs from before there were levels and problems say none.
    level, problem = saved.get("level", "sequence"), saved.get("problem", "multiclass")
    return level == "sequence" and problem in ("multiclass", "binary")


def model_folder(folder: Path) -> Path:
    """Return where the model of a run lies: in a folder of its own, or in that of an export."""
    inside = folder / "model"
    return inside if inside.is_dir() else folder


def read_predictor(folder: Path) -> dict[str, Any]:
    """Return what a finished run says of its model.

    Raises:
        ResultError: if it holds no finished model.
    """
    try:
        text = (model_folder(folder) / "predictor.json").read_text(encoding="utf-8")
        return dict(json.loads(text))
    except (OSError, ValueError) as error:
        raise ResultError(
            "the run holds no finished model",
            where=folder,
            remedy="repeat its command to finish it",
        ) from error


def restored(
    folder: Path, saved: dict[str, Any], network: Callable[[Path, dict[str, Any]], Any]
) -> Any:
    """Return the fitted model of a run.

    Args:
        folder: the run's folder.
        saved: what `read_predictor` returned.
        network: restores a model that is no baseline, given `model/` and `saved`.

    Raises:
        ResultError: if a file of it is missing or damaged.
    """
    from safetensors import SafetensorError

    model = model_folder(folder)
    entry = BACKBONES.get(saved["backbone"])
    try:
        if isinstance(entry, BaselineEntry):
            return resolve(entry.restore)(model)
        resolve(entry.load)  # where a plug-in tells Transformers of its network's class
        return network(model, saved)
    except (
        OSError, ValueError, KeyError, RuntimeError, EOFError, BadZipFile, SafetensorError,
    ) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ResultError(
            f"the model cannot be loaded: {reason}", where=model, remedy="repeat the run"
        ) from error


def restore_network(folder: Path, saved: dict) -> Fitted:
    """Return the network in a model's folder, given what `read_predictor` returned."""
    from rnaernie_bench.guidance.guides import load_guide
    from rnaernie_bench.model import load_model
    from rnaernie_bench.strategies.network import FittedNetwork, Reader
    from rnaernie_bench.strategies.type_guided import GUIDE, typed_reader

    model, tokenizer = load_model(folder)
    reader = Reader(
        tokenizer,
        saved["max_bases"],
        saved["length"],
        saved["token_budget"],
        saved.get("overlap", 0),  # runs from before there were windows have none
    )
    if (folder / GUIDE).is_dir():
        reader = typed_reader(reader, load_guide(folder / GUIDE))
    level = saved.get("level", "sequence")
    return FittedNetwork(model, reader, write=lambda _: None, level=level)


def predict_fasta(predictor: Predictor, source: Path | str) -> Iterator[tuple[str, Prediction]]:
    """Yield id and prediction of each record of a FASTA file, in its order, chunk by chunk.

    Args:
        predictor: the model.
        source: a FASTA file, plain or gzip; `-` is standard input.

    Raises:
        DataError: for a malformed file, a repeated id, or a sequence over the limit.
    """
    limit = predictor.max_bases if predictor.length == "error" else None
    remedy = "cut it, or use a run with task.length=truncate or window"
    records = read_named(source, max_bases=limit, remedy=remedy)
    while chunk := list(islice(records, CHUNK)):
        names, sequences = zip(*chunk, strict=True)
        yield from zip(names, predictor(sequences), strict=True)


def write_tsv(
    predictions: Iterator[tuple[str, Prediction]], labels: Sequence[str], file: IO[str]
) -> int:
    """Write one line a sequence: id, class, its probability, entropy, truncated, all classes.

    Returns:
        The number of sequences.
    """
    columns = ["id", "class", "probability", "entropy_bits", "truncated"]
    file.write("\t".join([*columns, *(f"p:{label}" for label in labels)]) + "\n")
    count = 0
    for name, prediction in predictions:
        count += 1
        p = prediction.probabilities
        fields = [
            name, prediction.label, f"{p[prediction.label]:.6f}", f"{prediction.entropy:.4f}",
            "yes" if prediction.truncated else "no", *(f"{p[label]:.6f}" for label in labels),
        ]  # fmt: skip
        file.write("\t".join(fields) + "\n")
    return count
