"""From finished runs to a model that comes with the package.

Weights are rounded to float16, the seeds of a row are joined to an ensemble, and validation chooses
temperature, thresholds or decoder anew. What was packaged is then evaluated on the test parts
of its task; all figures of the card are those of that evaluation and of published records.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.config.compose import compose
from rnaernie_bench.core.errors import ConfigError, ResultError
from rnaernie_bench.core.files import atomic_folder, write_json, write_text
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.core.schema import as_dict
from rnaernie_bench.data.items import Dataset
from rnaernie_bench.evaluation.evaluate import validate
from rnaernie_bench.leaderboard.comparison import Options, compare
from rnaernie_bench.leaderboard.rows import cell_of
from rnaernie_bench.leaderboard.selection import (
    Found,
    Selected,
    find_records,
    load_aligned,
    select,
)
from rnaernie_bench.leaderboard.settings import flaws_of
from rnaernie_bench.learning.ensemble import member_folder
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.prediction.ready import ABOUT, RIVAL, About, Figures, size_of
from rnaernie_bench.prediction.saved import load_predictor, model_folder, read_predictor
from rnaernie_bench.results.predictions import file_digests
from rnaernie_bench.results.record import RECIPE_VERSION, Record, comparability_key
from rnaernie_bench.results.store import RECORD_FILE, read_record
from rnaernie_bench.runs.evaluations import (
    Evaluated,
    FittedModel,
    data_of_task,
    evaluate_model,
    model_digest,
    origin_of,
)
from rnaernie_bench.runs.model_card import card
from rnaernie_bench.runs.training_data import HASHES, training_data
from rnaernie_bench.task.catalogue import BACKBONES, resolve
from rnaernie_bench.task.lengths import POLICIES
from rnaernie_bench.task.task import Task, load_task

MOST_BYTES = 6_000_000
"""Of a model that comes with the package."""


@dataclass(frozen=True)
class Purpose:
    """What somebody has to say of a model, beside what records say."""

    name: str
    title: str
    not_for: tuple[str, ...]
    """What it must not be used for."""
    beside: tuple[str, ...] = ()
    """Rows of published results, as `compare` names them, whose figures stand beside its own."""
    rival: str | None = None
    """One of them: a baseline without training that predicts unless the model is above it."""
    without: str | None = None
    """The folder of the model that predicts where ViennaRNA is not installed."""
    splits: tuple[str, ...] = ()
    """Further splits with the same training items, on whose test parts it is evaluated."""


def ship(
    runs: Sequence[Path],
    purpose: Purpose,
    target: Path,
    *,
    runs_dir: Path,
    results_dir: Path,
    folders: Iterable[Path] = (),
) -> Path:
    """Write the folder of a model, whole or not at all.

    Args:
        runs: the folders of a run, or of the seeds of a row.
        purpose: what is said of it.
        target: the folder to make.
        runs_dir: where the evaluations are written.
        results_dir: the published records, for the figures beside its own.
        folders: further folders of tasks.

    Raises:
        ConfigError: if runs do not make one model, or the model is too large.
        ResultError: if a run has no whole model, or there is no record of a baseline.
        DataError: if the data of its task are not here.
    """
    if not purpose.not_for:
        raise ConfigError("say what it must not be used for", where="--not-for")
    folders = list(folders)
    records = _records(runs)
    task = load_task(records[0]["task"]["name"], folders)
    published = find_records(results_dir, runs_dir)
    _refuse_missing(records[0], purpose, task, published)
    with atomic_folder(target) as made:
        _write_model(made, runs, records, task, folders)
        origin = _origin(made, records, purpose.name)
        model = FittedModel(load_predictor(made), records[0], origin, made)
        splits = (origin["split"], *purpose.splits)
        found = {
            split: evaluate_model(
                model,
                data_of_task(model, task.name, split=split, folders=folders,
                             fold=origin["fold"] if split == origin["split"] else None),
                runs_dir,
                folders=folders,
            )
            for split in splits
        }  # fmt: skip
        figures = dict(_figures(found, purpose, task, published))
        said = _about(made, purpose, task, figures)
        if purpose.rival:
            _write_rival(made / RIVAL, purpose.rival, task, folders)
        write_json(made / ABOUT, as_dict(said))
        for split, evaluated in found.items():
            name = RECORD_FILE if split == origin["split"] else f"record-{split}.json"
            write_json(made / name, evaluated.record)
        write_text(made / "README.md", card(said, found[origin["split"]].record, task))
        if (size := size_of(made)) > MOST_BYTES:
            raise ConfigError(
                f"the model takes {size:,} bytes, {MOST_BYTES:,} fit",
                where=purpose.name,
                remedy="ship fewer seeds, or a smaller network",
            )
    return target


def _records(runs: Sequence[Path]) -> list[Record]:
    """Return the records of runs that make one model: one row, finished, on real data."""
    records = [read_record(run / RECORD_FILE) for run in runs]
    if not records:
        raise ConfigError("no run is named", where="RUN")
    same = ("task", "dataset", "split", "protocol", "backbone", "head", "strategy", "recipe")
    for run, record in zip(runs, records, strict=True):
        if record.get("kind") or record["dataset"]["simulated"]:
            raise ResultError("it is no run on real data", where=run, remedy="ship another")
        for key in same:
            told, first = _comparable(record[key]), _comparable(records[0][key])
            if told != first:
                raise ConfigError(
                    f"its {key} is another than that of {records[0]['run_id']}",
                    where=run,
                    remedy="ship the seeds of one row",
                )
    seeds = [record["seed"] for record in records]
    if len({*seeds}) < len(seeds):
        raise ConfigError("two runs have one seed", where="RUN", remedy="name each seed once")
    return records


def _comparable(value: Any) -> Any:
    """Return what settings say, without what a run found out."""
    if not isinstance(value, Mapping):
        return value
    found_out = ("converged", "weights_sha256", "parameters", "partly_read")
    return {k: v for k, v in value.items() if k not in found_out}


def _write_model(
    made: Path, runs: Sequence[Path], records: Sequence[Record], task: Task, folders: list[Path]
) -> None:
    """Write the model's files, in half precision, and its `predictor.json`."""
    saved = read_predictor(runs[0])
    several = len(runs) > 1
    for number, run in enumerate(runs):
        place = made / member_folder(number) if several else made
        load_predictor(run)  # whole and undamaged
        shutil.copytree(model_folder(run), place, dirs_exist_ok=True)
        (place / "predictor.json").unlink()
    for path in sorted(made.rglob("*.safetensors")):
        _halve(path)
    origin = {**origin_of(records[0], runs[0]), "runs": [r["run_id"] for r in records]}
    seen = training_data(origin, records[0], made, folders)
    if seen.known != "sequences" or seen.hashes is None:
        raise ResultError(
            f"what trained it is not known: {seen.lacking}", where=runs[0],
            remedy="ship it where its data are",
        )  # fmt: skip
    np.save(made / HASHES, np.sort(seen.hashes), allow_pickle=False)
    described = {**saved, "files": file_digests(made)}
    if several:
        described |= {"members": len(runs)}
    write_json(made / "predictor.json", described)
    write_json(made / "predictor.json", described | _tuned(made, records[0], task, folders))


def _halve(path: Path) -> None:
    """Round the weights of a file to float16; they load as float32 numbers."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(path, "pt") as file:
        kept = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        metadata = file.metadata()
    halves = {name: t.half() if t.is_floating_point() else t for name, t in kept.items()}
    save_file(halves, path, metadata=metadata)
    path.chmod(0o644)  # for whoever installs the package


def _tuned(made: Path, record: Record, task: Task, folders: list[Path]) -> dict[str, Any]:
    """Return what validation chooses for what is packaged, as `predictor.json` has it."""
    predictor = load_predictor(made)
    data = data_of_task(
        FittedModel(predictor, record, {}, made), task.name, split=record["split"]["name"],
        fold=record["split"]["fold"], folders=folders,
    )  # fmt: skip
    cut = task.answer.decodes or POLICIES[predictor.length].truncates
    tuning, _, _ = validate(
        predictor.fitted,
        data.split.validation,
        task,
        decoder=record["recipe"].get("decoder"),
        max_bases=predictor.max_bases if cut else None,
    )
    return dict(task.answer.to_predictor(tuning, task.labels))


def _origin(made: Path, records: Sequence[Record], name: str) -> dict[str, Any]:
    """Return what records say of where the model comes from."""
    first = origin_of(records[0], made, name)
    return {**first, "runs": [record["run_id"] for record in records], "sha256": model_digest(made)}


def _figures(
    found: Mapping[str, Evaluated], purpose: Purpose, task: Task, published: Sequence[Found]
) -> Iterator[tuple[str, Figures]]:
    """Yield the model's figures on every test part, with those of rows beside and differences."""
    metric = task.main_metric.name
    by = Options(metric=metric, higher_is_better=task.main_metric.higher_is_better,
                 by=task.resampling)  # fmt: skip
    for split, evaluated in found.items():
        own = Selected(purpose.name, (Found(evaluated.record, evaluated.folder),))
        for part, test in evaluated.record["tests"].items():
            beside, ahead = {}, {}
            for name, row in _rows(evaluated.record, part, purpose.beside, published).items():
                cells = [run.record["tests"][part]["metrics"][metric] for run in row.runs]
                cell = cell_of(metric, cells)
                assert cell is not None
                beside[name] = {"value": cell.mean, "low": cell.low, "high": cell.high}
                [pair] = compare(load_aligned([own, row], part), by).pairs
                ahead[name] = {"value": pair.difference, "low": pair.low, "high": pair.high}
            model = {key: test["metrics"][metric][key] for key in ("value", "low", "high")}
            yield f"{split}/{part}", Figures(test["n"], model, beside, ahead)


def _rows(
    record: Record, part: str, names: Sequence[str], published: Sequence[Found]
) -> dict[str, Selected]:
    """Return the published rows on a test part, by the names of those that there are."""
    board = comparability_key(record, part)
    known = [
        run
        for run in published
        if run.record.get("kind") is None
        and part in run.record["tests"]
        and comparability_key(run.record, part) == board
        and not flaws_of([run.record])
    ]
    found = {}
    for name in names:
        with suppress(ResultError):
            found[name] = select(name, known, _of_today)
    return found


def _refuse_missing(
    record: Record, purpose: Purpose, task: Task, published: Sequence[Found]
) -> None:
    """Refuse rows without a record on a split, before anything is evaluated.

    Raises:
        ConfigError: if the rival is none of the rows, or a split is not of the task.
        ResultError: if a row stands on none of the test parts of a split, or the rival not on all.
    """
    if purpose.rival and purpose.rival not in purpose.beside:
        raise ConfigError(
            f"no figures of '{purpose.rival}' stand beside", where="--rival",
            remedy=f"add --beside {purpose.rival}",
        )  # fmt: skip
    for split in (record["split"]["name"], *purpose.splits):
        if split not in task.splits:
            raise ConfigError(
                f"the task {task.name} has no split '{split}'", where="--split",
                remedy=did_you_mean(split, list(task.splits)),
            )  # fmt: skip
        other = split != record["split"]["name"]
        parts = dict.fromkeys(task.splits[split].tests if other else record["tests"])
        fold = None if other else record["split"]["fold"]
        looked = {**record, "split": {"name": split, "fold": fold}, "tests": parts}
        found = {part: _rows(looked, part, purpose.beside, published) for part in parts}
        for name in purpose.beside:
            lacking = [part for part in parts if name not in found[part]]
            if len(lacking) == len(parts) or (lacking and name == purpose.rival):
                raise ResultError(
                    f"no published row '{name}' has records of recipe {RECIPE_VERSION}, or one "
                    f"that no recipe changes, on {split}/{lacking[0]}",
                    where="--beside",
                    remedy="run it, or import its runs, or leave it out",
                )


def _of_today(record: Record) -> bool:
    return bool(record["recipe_version"] == RECIPE_VERSION)


def _about(made: Path, purpose: Purpose, task: Task, figures: Mapping[str, Figures]) -> About:
    """Return what is said of the model; whether it is above its rival, differences say."""
    sign = 1 if task.main_metric.higher_is_better else -1
    ends = [
        sign * (end or 0.0)
        for each in figures.values()
        if purpose.rival
        for end in (each.ahead[purpose.rival]["low"], each.ahead[purpose.rival]["high"])
    ]
    features = getattr(getattr(load_predictor(made).fitted, "reader", None), "features", ())
    return About(
        name=purpose.name,
        title=purpose.title,
        task=task.key,
        metric=task.main_metric.name,
        figures=figures,
        licence=f"AGPL-3.0-or-later. Data: {task.dataset.licence}. Cite {task.dataset.citation}.",
        not_for=purpose.not_for,
        rival=purpose.rival,
        above=all(end > 0 for end in ends),
        needs="RNA" if features or (purpose.rival or "").startswith("vienna") else None,
        without=purpose.without,
    )


def _write_rival(folder: Path, name: str, task: Task, folders: list[Path]) -> None:
    """Write the model of a baseline that learns nothing, as a run of it does.

    Raises:
        ConfigError: if the baseline learns from data.
    """
    config = compose([f"task={task.name}", "preset=bench", f"backbone={name}"], folders)
    entry = BACKBONES.get(name)
    empty = FitContext(task, config, (), (), Dataset(task.dataset.name, {}), folder)
    try:
        fitted, report = resolve(entry.fit)(empty, config.backbone)  # type: ignore[union-attr]
    except Exception as error:  # whatever learning from nothing raises
        raise ConfigError(
            f"'{name}' cannot stand in for it: it learns from data", where="--rival"
        ) from error
    folder.mkdir()
    fitted.save(folder)
    write_json(
        folder / "predictor.json",
        {
            "task": task.key,
            "backbone": name,
            "kind": "baseline",
            "protocol": "clean",
            "level": task.level,
            "problem": task.problem,
            **task.answer.to_predictor(fitted.decoding, task.labels),
            "length": config.task.length,
            "max_bases": report.max_bases,
            "token_budget": None,
            "files": file_digests(folder),
        },
    )
