"""The model of a finished run: what is told of it, and how it is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.task.catalogue import BACKBONES, BaselineEntry, resolve
from rnaernie_bench.task.levels import decodes

CHUNK = 2048
"""Sequences held in memory at a time."""


def predicts_classes(saved: Mapping[str, Any]) -> bool:
    """Return whether a run gives each sequence a class, given what `read_predictor` returned."""
    # Runs from before there were levels and problems say none.
    level, problem = saved.get("level", "sequence"), saved.get("problem", "multiclass")
    return level == "sequence" and problem in ("multiclass", "binary")


def predicts_structures(saved: Mapping[str, Any]) -> bool:
    """Return whether a run predicts the base pairs of a sequence, decoded into a structure."""
    return decodes(saved.get("level", "sequence"), saved.get("problem", "binary"))


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


def restore_network(folder: Path, saved: dict[str, Any]) -> Any:
    """Return the network in a model's folder, given what `read_predictor` returned."""
    from rnaernie_bench.learning.saved import load_network

    return load_network(folder, saved)
