"""The model of a finished run: its description, and how it is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.prediction.predictor import Predictor
from rnaernie_bench.task.catalogue import BACKBONES, EncoderEntry, resolve

FIRST_PROBLEM = {"sequence": "multiclass"}
"""Level -> the problem of runs from before there were several, which say none; of others binary."""


def model_folder(folder: Path) -> Path:
    """Return where the model of a run lies: in a folder of its own, or in that of an export."""
    inside = folder / "model"
    return inside if inside.is_dir() else folder


def read_predictor(folder: Path) -> dict[str, Any]:
    """Return the description of a finished run's model.

    Raises:
        ResultError: if it holds no finished model.
    """
    try:
        text = (model_folder(folder) / "predictor.json").read_text(encoding="utf-8")
        saved = dict(json.loads(text))
    except (OSError, ValueError) as error:
        raise ResultError(
            "the run has no finished model",
            where=folder,
            remedy="repeat its command to finish it",
        ) from error
    level = saved.setdefault("level", "sequence")
    saved.setdefault("problem", FIRST_PROBLEM.get(level, "binary"))
    return saved


def load_predictor(folder: Path) -> Predictor:
    """Return the model of a finished run, ready to predict.

    Args:
        folder: the run's folder, which holds `model/`, or an export.

    Raises:
        ResultError: if there is no whole model in it.
    """
    saved = read_predictor(folder)
    level, problem = saved["level"], saved["problem"]
    return Predictor(
        fitted=_fitted(model_folder(folder), saved),
        level=level,
        problem=problem,
        labels=tuple(saved.get("labels", ())),
        tuning=ANSWERS[LEVELS.get(level).answers[problem]].from_predictor(saved),
        length=saved["length"],
        max_bases=saved["max_bases"],
    )


def _fitted(model: Path, saved: dict[str, Any]) -> Any:
    """Return the fitted model in a folder.

    Raises:
        ResultError: if a file of it is missing or damaged.
    """
    from safetensors import SafetensorError

    from rnaernie_bench.learning.saved import load_network

    entry = BACKBONES.get(saved["backbone"])
    try:
        if isinstance(entry, EncoderEntry):
            resolve(entry.load)  # where a plug-in tells Transformers of its network's class
        elif not (model / "head.json").is_file():
            return resolve(entry.restore)(model)
        return load_network(model, saved)
    except (
        OSError, ValueError, KeyError, RuntimeError, EOFError, BadZipFile, SafetensorError,
    ) as error:  # fmt: skip
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ResultError(
            f"the model cannot be loaded: {reason}", where=model, remedy="repeat the run"
        ) from error
