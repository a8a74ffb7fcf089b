"""What notebooks and programs use: `from rnaernie_bench import run, load_task, predict`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.task.task import Task
from rnaernie_bench.task.task import load_task as find_task

if TYPE_CHECKING:
    from rnaernie_bench.prediction.classes import Prediction
    from rnaernie_bench.prediction.pairs import PairPrediction
    from rnaernie_bench.prediction.predictor import Predictor
    from rnaernie_bench.prediction.ready import ReadyModel
    from rnaernie_bench.prediction.structures import PredictedStructure
    from rnaernie_bench.prediction.values import Values
    from rnaernie_bench.runs.runner import Outcome

    AnyPrediction: TypeAlias = Prediction | Values | PredictedStructure | PairPrediction

Files = str | Path | Sequence[str | Path]
"""One file, or a FASTA file and a table."""

_CHOICES = ("task", "backbone", "strategy", "trainer", "tracking", "launcher", "preset")
"""Settings that choose a member of a group."""


def load_task(name: str, task_path: Iterable[str | Path] = ()) -> Task:
    """Return the task called `name`, as its `task.yaml` declares it.

    Args:
        name: of a built-in task, one of an installed package, or one below `task_path`.
        task_path: further folders of tasks.

    Raises:
        ConfigError: if there is no such task, or its declaration is wrong.
    """
    return find_task(name, map(Path, task_path))


def own_task(
    train: Files,
    test: Files = (),
    *,
    level: str,
    problem: Problem,
    label: str | Sequence[str] = (),
    sequence: str = "sequence",
    validation: Files = (),
    group: str | None = None,
    id: str = "id",
    classes: Sequence[str] = (),
    metric: str | None = None,
    first: str = "first",
    second: str = "second",
    split_by: str = "",
    first_base: Literal[0, 1] | None = None,
    skip_invalid: bool = False,
    folder: str | Path = "runs/own_tasks",
) -> Task:
    """Declare a task of files of one's own, for `run`.

    The same as `rnaernie-bench run --train ... --test ...`. Level and problem are stated, never
    inferred. Results stay among the runs: to be imported they need a task file.

    Args:
        train: a table (CSV, TSV, Parquet or Arrow), or a FASTA file and a table of its labels; of
            base pairs, dot-bracket, BPSEQ, CT or st files, or folders of them.
        test: the same; with `split_by` it can be left out, and a fifth of train is cut off.
        level: `sequence`, `token`, `pair`, or `contact` with the problem `binary`.
        problem: `multiclass`, `binary`, `multilabel` or `regression`.
        label: the column of classes, or the columns of numbers; of bases, a list in each cell; of
            base pairs in a table, the column of structures.
        sequence: the column of sequences.
        validation: as `train`; a tenth of train is cut off, in whole groups, if it is empty.
        group: the column of groups of related items; of pairs, the name of the first partner.
        id: the column of ids; rows are numbered where there is none.
        classes: in their order, the negative one first; those of train by the alphabet if empty.
        metric: the one that validation chooses by; the usual one of the problem if None.
        first: of pairs, the column of the first partner's sequence, 5' to 3'.
        second: the same of the second partner.
        split_by: what is cut from train is cut in whole clusters: ``similarity`` or
            ``similarity=0.8`` (identity), ``overlap=20`` (bases that windows share), ``group``; or
            ``item``, at random, where test is cut.
        first_base: of base pairs in lists of a table, what the first base is called: 0 or 1.
        skip_invalid: whether rows and records that cannot be read are left out.
        folder: the folder of tasks into which the declaration is written.

    Raises:
        ConfigError: if the arguments contradict each other.
        DataError: if a file cannot be read, or lacks a column.
    """
    from rnaernie_bench.data.own.declaring import declare
    from rnaernie_bench.data.own.spec import OwnData

    data = OwnData(
        train=_files(train),
        test=_files(test),
        validation=_files(validation),
        level=level,
        problem=problem,
        label=(label,) if isinstance(label, str) else tuple(label),
        sequence=sequence,
        group=group,
        id=id,
        classes=tuple(classes),
        metric=metric,
        first=first,
        second=second,
        split_by=split_by,
        first_base=first_base,
        skip_invalid=skip_invalid,
    )
    return declare(data, Path(folder))


def _files(files: Files) -> tuple[Path, ...]:
    return (Path(files),) if isinstance(files, str | Path) else tuple(map(Path, files))


def run(
    task: str | Task,
    *,
    backbone: str | None = None,
    strategy: str | None = None,
    preset: Literal["demo", "bench", "paper"] | None = None,
    split: str | None = None,
    fold: str | None = None,
    seed: int = 0,
    tracking: Literal["mlflow", "server", "none"] = "none",
    settings: Mapping[str, Any] | None = None,
    runs_dir: str | Path = "runs",
    task_path: Iterable[str | Path] = (),
    repeat: bool = False,
) -> Outcome:
    """Train one model on one task, choose on validation, test once.

    The same as `rnaernie-bench run`: equal settings make equal runs, and a finished one is read
    instead of repeated.

    Args:
        task: a name, or a task as `load_task` or `own_task` returned it.
        backbone: a backbone or baseline; None for the preset's.
        strategy: how a backbone is adapted; None for the preset's.
        preset: `demo` runs on simulated data, whose scores say nothing about real RNA; None for
            `bench` with data of one's own, else `demo`.
        split: None for the task's default split.
        fold: of a split with folds.
        seed: of initialisation, shuffling and dropout.
        tracking: where curves go.
        settings: any further ones by key, such as ``{"trainer.max_epochs": 3}``.
        runs_dir: where the run's folder is made.
        task_path: further folders of tasks.
        repeat: whether a finished run is run again.

    Returns:
        The record, and the run's folder.

    Raises:
        BenchError: for any failure that the user can fix.
    """
    from rnaernie_bench.config.compose import compose
    from rnaernie_bench.runs.runner import execute

    folders = [Path(folder) for folder in task_path]
    if isinstance(task, Task):
        folders.append(task.folder.parent)
        preset = preset or ("bench" if task.dataset.own else None)
    values = {
        "task": task.name if isinstance(task, Task) else task,
        "preset": preset or "demo",
        "backbone": backbone,
        "strategy": strategy,
        "tracking": tracking,
        "split": split,
        "fold": fold,
        "seed": seed,
        "runs_dir": str(runs_dir),
    }
    chosen = {key: value for key, value in values.items() if value is not None}
    if twice := sorted(chosen.keys() & (settings or {}).keys()):
        raise ConfigError(
            f"'{twice[0]}' is an argument of its own", where="settings", remedy="give it once"
        )
    overrides = [_override(key, value) for key, value in {**chosen, **(settings or {})}.items()]
    return execute(compose(overrides, folders), task_folders=folders, repeat=repeat)


def load_model(name: str, engine: Literal["auto", "network", "rival"] = "auto") -> ReadyModel:
    """Return a fitted model that comes with the package; `predict` of it takes sequences.

    Args:
        name: as `rnaernie-bench models list` shows it.
        engine: of a model with a baseline beside it, who predicts: `auto` as its figures say.

    Raises:
        ConfigError: if there is no such model, or no baseline beside it.
        ResultError: if its files are damaged.
    """
    from rnaernie_bench.prediction.ready import load_ready

    return load_ready(name, engine)


def load_run(run: str | Path | Outcome, *, runs_dir: str | Path = "runs") -> Predictor:
    """Return the model of a finished run, ready to predict.

    Args:
        run: what `run` returned, the folder of a run or of an export, or 6 letters or more of a
            run id.
        runs_dir: where ids are looked for.

    Returns:
        A `Predictor`, which is called with a list of sequences, or of pairs of them.

    Raises:
        ResultError: if there is no such run, or its model cannot be loaded.
    """
    from rnaernie_bench.prediction.saved import load_predictor

    return load_predictor(_folder(run, runs_dir))


def predict(
    run: str | Path | Outcome | Predictor,
    sequences: Sequence[str] | Sequence[tuple[str, str]] | Path,
    *,
    runs_dir: str | Path = "runs",
) -> list[AnyPrediction]:
    """Apply a finished run to new sequences.

    Args:
        run: as of `load_run`, or what that returned.
        sequences: upper or lower case, T or U, for a run on pairs two and two, 5' to 3'; or the
            path of a FASTA file, plain or gzip, for a run on pairs of a table.
        runs_dir: where ids are looked for.

    Returns:
        One a sequence, in their order: a `Prediction` with label and probabilities, `Values` with
        numbers and what they decide, a `PredictedStructure` with base pairs, or a `PairPrediction`.

    Raises:
        ResultError: if there is no such run, or its model cannot be loaded.
        DataError: naming a sequence that is empty or holds a foreign letter, or one over the
            limit of a run whose length policy refuses it.
    """
    from rnaernie_bench.prediction.predictor import Predictor

    if isinstance(sequences, str):
        raise ConfigError(
            "one text is no list of sequences",
            where="sequences",
            remedy="put it in brackets, or give the Path of a file",
        )
    predictor = run if isinstance(run, Predictor) else load_run(run, runs_dir=runs_dir)
    if isinstance(sequences, Path):
        return [found for _, found in predictor.predict_file(sequences)]
    return predictor(sequences)


def _folder(run: str | Path | Outcome, runs_dir: str | Path) -> Path:
    from rnaernie_bench.results.store import find_run

    return find_run(str(run), Path(runs_dir)) if isinstance(run, str | Path) else run.folder


def _override(key: str, value: Any) -> str:
    """Return a setting in Hydra's grammar, its value neither split nor read as another type."""
    if key in _CHOICES:
        if not re.fullmatch(r"[\w.-]+", str(value)):
            raise ConfigError(f"'{value}' is no name", where=key, remedy="give one of its choices")
        return f"{key}={value}"
    return f"{key}={_literal(value)}"


def _literal(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_literal, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}: {_literal(inner)}" for key, inner in value.items()) + "}"
    # A backslash counts only before a quote, or at the end.
    text = re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), str(value))
    return f"'{text}'"
