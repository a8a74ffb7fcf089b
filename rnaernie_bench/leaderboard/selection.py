"""Rows to compare, as a user names them, with predictions that are theirs."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import visible
from rnaernie_bench.leaderboard.aligned import Aligned, Predicted
from rnaernie_bench.leaderboard.settings import is_seeded, settings_of, shown_as
from rnaernie_bench.results.checks import prediction_problems, predictions_of
from rnaernie_bench.results.predictions import Predictions
from rnaernie_bench.results.record import (
    Record,
    comparability_key,
    is_external,
    is_incomplete,
)
from rnaernie_bench.results.store import (
    MIN_PREFIX,
    RECORD_FILE,
    read_record,
    record_paths,
)


@dataclass(frozen=True)
class Found:
    """A finished run: its record, and the folder its predictions lie in."""

    record: Record
    folder: Path

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return str(self.record["run_id"])


@dataclass(frozen=True)
class Selected:
    """A row: runs that differ in their seeds only, or that the user put together."""

    name: str
    runs: tuple[Found, ...]


def find_records(results_dir: Path, runs_dir: Path) -> list[Found]:
    """Return every imported record and finished run, by id; an imported one stands for its run.

    Raises:
        ResultError: a record is not valid.
    """
    paths = [
        *sorted(visible(runs_dir, f"*/*/{RECORD_FILE}")),
        *record_paths(results_dir),
    ]
    found = [Found(read_record(path), path.parent) for path in paths]
    finished = {run.run_id: run for run in found if run.record["status"] == "finished"}
    return [finished[run_id] for run_id in sorted(finished)]


def select(
    name: str, found: Sequence[Found], usual: Callable[[Record], bool] = lambda record: True
) -> Selected:
    """Return the row that a user names.

    Args:
        name: a run folder; a run id or its first 6 letters or more; several of these joined by
            `+`, the seeds of one row; or a row of the leaderboard as BACKBONE or
            BACKBONE/STRATEGY, with all its seeds.
        found: the runs to choose from.
        usual: of several rows with one name, which records are meant, if that leaves one row.

    Raises:
        ResultError: nothing has that name, or several things have.
    """
    if _is_run(name) or "+" in name:
        runs = [named_run(part, found) for part in name.split("+")]
        return Selected(name, tuple(sorted(runs, key=_by_seed)))
    rows: dict[str, list[Found]] = defaultdict(list)
    for run in found:
        if name in _names(run.record):
            rows[_row_key(run.record)].append(run)
    meant = [runs for runs in rows.values() if usual(runs[0].record)]
    if len(rows) == 1 or len(meant) == 1:
        [runs] = rows.values() if len(rows) == 1 else meant
        return Selected(name, tuple(sorted(runs, key=_by_seed)))
    if rows:
        listed = "; ".join(
            f"{_describe(runs[0].record)}: {'+'.join(run.run_id for run in runs)}"
            for runs in rows.values()
        )
        raise ResultError(
            f"{name!r} stands for {len(rows)} rows",
            where="compare",
            remedy=f"choose with --task, or by their runs: {listed}",
        )
    known = sorted({"/".join(shown_as(run.record)) for run in found})
    raise ResultError(
        f"there is no run or row {name!r}",
        where="compare",
        remedy=f"rows are {', '.join(known)}" if known else "there are no records",
    )


def select_all(
    names: Sequence[str], found: Sequence[Found], usual: Callable[[Record], bool]
) -> list[Selected]:
    """Return the rows that a user names, see `select`.

    A name that stands for several rows means the one beside a row whose name stands for itself.

    Raises:
        ResultError: as `select` does.
    """
    rows: dict[str, Selected] = {}
    unclear: dict[str, ResultError] = {}
    for name in names:
        try:
            rows[name] = select(name, found, usual)
        except ResultError as error:
            unclear[name] = error
    for name, problem in unclear.items():
        if not rows:
            raise problem
        board = _shared(next(iter(rows.values())).runs[0].record)
        beside = [run for run in found if _shared(run.record) == board]
        try:
            rows[name] = select(name, beside, usual)
        except ResultError:
            raise problem from None
    return [rows[name] for name in names]


def _is_run(name: str) -> bool:
    folder = (Path(name) / RECORD_FILE).is_file()
    return folder or bool(re.fullmatch(f"[0-9a-f]{{{MIN_PREFIX},12}}", name))


def named_run(name: str, found: Sequence[Found], *, where: str = "compare") -> Found:
    """Return the run of a folder, an id or a prefix of one.

    Args:
        name: what the user wrote.
        found: the runs to choose from; a folder need not be among them.
        where: the command, for the message.

    Raises:
        ResultError: no run has that name, or several have.
    """
    folder = Path(name)
    if (folder / RECORD_FILE).is_file():
        return Found(read_record(folder / RECORD_FILE), folder)
    matching = [run for run in found if len(name) >= MIN_PREFIX and run.run_id.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        ids = ", ".join(run.run_id for run in matching)
        raise ResultError(
            f"{name!r} matches several runs: {ids}", where=where, remedy="write more letters"
        )
    raise ResultError(
        f"there is no run {name!r}",
        where=where,
        remedy=f"give a run folder, an id or at least {MIN_PREFIX} letters of one",
    )


def _names(record: Record) -> set[str]:
    """Return what a row may be called; `(random)` may be left out."""
    shown, strategy = shown_as(record)
    backbones = (shown, shown.replace(" (random)", ""))
    return {*backbones, *(f"{b}/{s}" for b in backbones for s in (strategy, strategy.split()[0]))}


def _row_key(record: Record) -> str:
    """Return what the runs of a row share."""
    keys = [dataclasses.asdict(comparability_key(record, part)) for part in record["tests"]]
    return json.dumps([keys, settings_of(record)], sort_keys=True)


def _describe(record: Record) -> str:
    backbone, strategy = shown_as(record)
    task, split = record["task"], record["split"]
    fold = f" fold {split['fold']}" if split["fold"] else ""
    return f"{backbone}/{strategy} on {task['name']}@{task['version']} {split['name']}{fold}"


def _by_seed(run: Found) -> tuple[int, str]:
    return run.record["seed"], run.run_id


def other_scores(
    rows: Sequence[Selected], found: Sequence[Found], part: str, metric: str
) -> list[list[float]]:
    """Return the scores of the runs of every other row of the board that `rows` stand on.

    They tell what seeds do there, so that an interval is that of the leaderboard.

    Args:
        rows: which are compared.
        found: all runs.
        part: the test part.
        metric: the metric; runs whose records lack it are left out.
    """
    named = {run.run_id for row in rows for run in row.runs}
    board = comparability_key(rows[0].runs[0].record, part)
    others: dict[str, list[Record]] = defaultdict(list)
    for run in found:
        shares = part in run.record["tests"] and comparability_key(run.record, part) == board
        if shares and run.run_id not in named:
            others[_row_key(run.record)].append(run.record)
    seeded = [records for records in others.values() if is_seeded(records, part)]
    figures = [[r["tests"][part]["metrics"].get(metric, {}) for r in records] for records in seeded]
    values = [[figure.get("value") for figure in row] for row in figures]
    return [[float(value) for value in row if value is not None] for row in values]


def load_aligned(rows: Sequence[Selected], part: str) -> Aligned:
    """Return what the runs of `rows` predicted for test part `part`, item by item.

    Where imported predictions lack items, they are those that all runs have.

    Raises:
        ResultError: a run stands in two rows; two runs may not be compared, or hold other items;
            or predictions are not those that their record names.
    """
    runs = [run for row in rows for run in row.runs]
    _refuse_repeats(runs)
    _refuse_strangers(runs, part)
    read = {run.run_id: _read(run) for run in runs}
    inside = {run_id: found.parts[part] for run_id, found in read.items()}
    if any(is_incomplete(run.record, part) for run in runs):
        held = [found.ids[inside[run_id]] for run_id, found in read.items()]
        inside = _of_all(read, inside, reduce(np.intersect1d, held))
    first, mask = read[runs[0].run_id], inside[runs[0].run_id]
    order = np.argsort(first.ids[mask])
    ids, truth = first.ids[mask][order], first.truth[mask][order]
    groups = [group for group, used in zip(first.groups, mask, strict=True) if used]
    found: dict[str, Predicted] = {}
    for run in runs:
        predictions, mask = read[run.run_id], inside[run.run_id]
        own = np.argsort(predictions.ids[mask])
        if not (
            np.array_equal(predictions.ids[mask][own], ids)
            and predictions.truth[mask][own].tobytes() == truth.tobytes()  # nan equals itself
            and predictions.answer is first.answer
            and predictions.predicted.dtype == first.predicted.dtype
        ):
            raise ResultError(
                f"its items in {part} are not those of run {runs[0].run_id}",
                where=f"record {run.run_id}",
                remedy="repeat the run",
            )
        found[run.run_id] = predictions.predicted[mask][own]
    scored = runs[0].record["tests"][part].get("scored")
    return Aligned(
        answer=first.answer,
        ids=ids,
        groups=[groups[index] for index in order],
        truth=truth,
        run_ids=[[run.run_id for run in row.runs] for row in rows],
        predicted=[[found[run.run_id] for run in row.runs] for row in rows],
        fixed=[not is_seeded([run.record for run in row.runs], part) for row in rows],
        columns=tuple(scored.values()) if scored else None,
    )


def _of_all(
    read: Mapping[str, Predictions], inside: Mapping[str, Any], common: npt.NDArray[np.uint64]
) -> dict[str, Any]:
    """Return by run which of its items are among those that all have.

    Raises:
        ResultError: there are none.
    """
    if not len(common):
        raise ResultError("the rows share no item", where="compare", remedy="name other rows")
    return {run_id: inside[run_id] & np.isin(found.ids, common) for run_id, found in read.items()}


def refuse_undefined(rows: Sequence[Selected], part: str, metric: str) -> None:
    """Refuse a metric that imported predictions do not define, such as accuracy of scores.

    Raises:
        ResultError: naming the run, and the metrics it has.
    """
    for run in (run for row in rows for run in row.runs if is_external(run.record)):
        has = run.record["tests"].get(part, {}).get("metrics", {metric: None})
        if metric not in has:
            raise ResultError(
                f"its predictions, {run.record['external']['gives']}, do not define {metric}",
                where=f"record {run.run_id}",
                remedy=f"choose one of {', '.join(has)}",
            )


def _refuse_repeats(runs: Sequence[Found]) -> None:
    ids = [run.run_id for run in runs]
    twice = sorted({run_id for run_id in ids if ids.count(run_id) > 1})
    if twice:
        raise ResultError(
            f"run {twice[0]} is named twice", where="compare", remedy="name rows that share no run"
        )


def _refuse_strangers(runs: Sequence[Found], part: str) -> None:
    """Raise an error that names the field in which two runs may not be compared."""
    comparability_key(runs[0].record, part)
    first = _shared(runs[0].record)
    for run in runs[1:]:
        other = _shared(run.record)
        for field, value in other.items():
            if value != first[field]:
                raise ResultError(
                    f"cannot be compared with {runs[0].run_id}: its {field} is {value or 'none'}, "
                    f"not {first[field] or 'none'}",
                    where=f"record {run.run_id}",
                    remedy="compare runs that share task, data, split, fold and protocol",
                )
        comparability_key(run.record, part)  # refuses a part that the run lacks


def _shared(record: Record) -> dict[str, str]:
    """Return what runs must share to be compared on any test part."""
    key = comparability_key(record, next(iter(record["tests"])))
    return dataclasses.asdict(dataclasses.replace(key, part=""))


def _read(run: Found) -> Predictions:
    """Return the predictions of a run, once they are known to be its own."""
    problem = next(prediction_problems(run.record, run.folder), None)
    if problem:
        raise ResultError(
            problem, where=f"record {run.run_id}", remedy="restore the file, or repeat the run"
        )
    return predictions_of(run.record, run.folder)
