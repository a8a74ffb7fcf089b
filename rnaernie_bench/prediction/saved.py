"""The model of a finished run: its description, and how it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.core.documents import read_json
from rnaernie_bench.core.errors import BenchError, DataError, ResultError
from rnaernie_bench.core.names import check_inside
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.prediction.predictor import Predictor
from rnaernie_bench.results.predictions import predictions_digest
from rnaernie_bench.results.record import schema_faults
from rnaernie_bench.task.catalogue import BACKBONES, EncoderEntry, resolve
from rnaernie_bench.task.lengths import POLICIES

FIRST_PROBLEM = {"sequence": "multiclass"}
"""Level -> the problem of runs from before there were several, which say none; of others binary."""


def model_folder(folder: Path) -> Path:
    """Return where the model of a run lies: in a folder of its own, or in that of an export."""
    inside = folder / "model"
    return inside if inside.is_dir() else folder


def read_predictor(folder: Path) -> dict[str, Any]:
    """Return the description of a finished run's model.

    Raises:
        ResultError: if it holds no finished model, or its description is none.
    """
    path = model_folder(folder) / "predictor.json"
    try:
        saved = read_json(path)
    except (OSError, ValueError) as error:
        raise ResultError(
            "the run has no finished model",
            where=folder,
            remedy="repeat its command to finish it",
        ) from error
    if isinstance(saved, dict):
        level = saved.setdefault("level", "sequence")
        saved.setdefault("problem", FIRST_PROBLEM.get(str(level), "binary"))
    for place, what in _faults(saved):
        raise ResultError(
            f"not the description of a model: {place}: {what}",
            where=path,
            remedy="restore it from a backup, or repeat the run",
        )
    return dict(saved)


def _faults(saved: Any) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the description of a model, the first of all first."""
    yield from schema_faults(saved, "predictor.schema.json")
    level, problem = saved["level"], saved["problem"]
    if level not in LEVELS:
        yield "$.level", f"there is no level '{level}'"
    answer = LEVELS.get(level).answers.get(problem)
    if answer is None:
        yield "$.problem", f"the level '{level}' has no problem '{problem}'"
    if saved["length"] not in POLICIES:
        yield "$.length", f"there is no policy '{saved['length']}'"
    several = len(saved.get("thresholds", ()))
    if several > max(len(saved.get("labels", ())), 1):
        yield "$.thresholds", f"{several} of {len(saved.get('labels', ()))} labels"
    for name in saved.get("files", ()):
        if fault := check_inside(name):
            yield f"$.files.{name}", fault


def load_predictor(folder: Path) -> Predictor:
    """Return the model of a finished run, ready to predict.

    Args:
        folder: the run's folder, which holds `model/`, or an export.

    Raises:
        ResultError: if there is no whole model in it, or another than was saved.
    """
    saved = read_predictor(folder)
    level, problem = saved["level"], saved["problem"]
    _check_files(model_folder(folder), saved.get("files", {}))
    predictor = Predictor(
        fitted=_fitted(model_folder(folder), saved),
        level=level,
        problem=problem,
        labels=tuple(saved.get("labels", ())),
        tuning=ANSWERS[LEVELS.get(level).answers[problem]].from_predictor(saved),
        length=saved["length"],
        max_bases=saved["max_bases"],
    )
    _try(predictor, model_folder(folder))
    return predictor


def _try(predictor: Predictor, model: Path) -> None:
    """Refuse a model of which parts do not fit together, as a prediction shows."""
    probe = "ACGUACGU"
    try:
        predictor([(probe, probe) if LEVELS.get(predictor.level).partners else probe])
    except DataError:  # it does not read such a short one, or such a long one
        return
    except BenchError as error:
        raise _unloadable(model, error.what) from error
    except Exception as error:
        raise _unloadable(model, first_line(error)) from error


def _check_files(model: Path, digests: dict[str, str]) -> None:
    """Refuse a model whose files are not those that were saved, or whose weights are no numbers.

    Another vocabulary, for one, would predict something else without a word.
    """
    for name, digest in digests.items():
        if not (model / name).is_file():
            raise _unloadable(model, f"{name} is missing")
        if predictions_digest(model / name) != digest:
            raise _unloadable(model, f"{name} is not the file that was saved (its SHA-256 differs)")
    for path in sorted(model.rglob("*")):
        try:
            broken = next((n for n, finite in _weights(path) if not finite), None)
        except Exception as error:  # of three formats
            raise _unloadable(model, f"{path.name} is damaged ({first_line(error)})") from error
        if broken is not None:
            raise _unloadable(model, f"the weights {broken} in {path.name} are not finite")


def _weights(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the arrays of a file by name, and whether all their numbers are finite."""
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - it is no mapping
                yield name, bool(tensors.get_tensor(name).isfinite().all())
    elif path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays:
                yield name, bool(np.isfinite(arrays[name]).all())


def _unloadable(model: Path, reason: str) -> ResultError:
    return ResultError(
        f"the model cannot be loaded: {reason}", where=model, remedy="repeat the run"
    )


def _fitted(model: Path, saved: dict[str, Any]) -> Any:
    """Return the fitted model in a folder, or the ensemble of several.

    Raises:
        ResultError: if a file of it is missing or damaged, in whatever way.
    """
    from rnaernie_bench.learning.ensemble import Ensemble, member_folder
    from rnaernie_bench.learning.saved import load_network

    entry = BACKBONES.get(saved["backbone"])

    def one(folder: Path) -> Any:
        if isinstance(entry, EncoderEntry):
            resolve(entry.load)  # where a plug-in tells Transformers of its network's class
        elif not (folder / "head.json").is_file():
            return resolve(entry.restore)(folder)
        return load_network(folder, saved)

    try:
        if several := saved.get("members"):
            return Ensemble([one(model / member_folder(number)) for number in range(several)])
        return one(model)
    except BenchError:
        raise
    except Exception as error:  # a folder from elsewhere can hold anything
        raise _unloadable(model, first_line(error)) from error


def first_line(error: Exception) -> str:
    """Return the first line of an error's message, or else its type."""
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
