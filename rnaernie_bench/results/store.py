"""Records on disk: run folders, the folder of results they are imported into, and its checks.

A run lies in `<runs>/<task>/<run_id>/` with `record.json` and `predictions.parquet`; imported, its
record is `<results>/<task>/<split>/<run_id>.json`, with the predictions of all seeds of its row in
one file beside it, and the items of rows in another (`results.shared`). Records imported earlier
have `<run_id>.parquet` each.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.core.documents import read_whole
from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import visible, write_json
from rnaernie_bench.core.gc_pause import no_collection
from rnaernie_bench.results.checks import prediction_problems, predictions_of
from rnaernie_bench.results.record import (
    Record,
    is_evaluation,
    parse_record,
    validate_record,
)

if TYPE_CHECKING:
    from rnaernie_bench.results.predictions import Predictions

RECORD_FILE = "record.json"
"""Name of the record in a run folder."""

MARK_SUFFIX = ".reproduced.json"
"""Ends the name of what stands beside a record that was reproduced."""

MOST_BYTES = 1 << 24
"""Of a record: those of a thousand classes have half as many."""

MIN_PREFIX = 6
"""The fewest letters of a run id that may stand for it."""


def read_record(path: Path) -> Record:
    """Read the record at `path`, and check it.

    Raises:
        ResultError: the file is missing, damaged, or no valid record.
    """
    try:
        text = read_whole(path, MOST_BYTES).decode()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ResultError(
            f"no record can be read: {reason}",
            where=path,
            remedy="restore it from a backup, or repeat the run",
        ) from error
    record = parse_record(text, where=path)
    validate_record(record, where=path)
    return record


def record_paths(folder: Path) -> list[Path]:
    """Return the files of the imported records in `folder`, in order; a missing one has none."""
    found = sorted(visible(folder, "*/*/*.json"), key=attrgetter("parts"))  # paths compare slowly
    return [path for path in found if not path.name.endswith(MARK_SUFFIX)]


def read_records(folder: Path) -> list[Record]:
    """Read every imported record, ordered by path; a missing folder holds none.

    Raises:
        ResultError: a record is not valid, or two of one id differ.
    """
    paths = record_paths(folder)
    records = _read_all(paths)
    seen: dict[str, int] = {}
    for index, record in enumerate(records):
        first = seen.setdefault(record["run_id"], index)
        if first != index and records[first] != record:
            raise ResultError(
                f"another record of run {record['run_id']} than {paths[first]}",
                where=paths[index],
                remedy="delete the one that is not wanted, and its predictions",
            )
    return records


def read_runs(runs_dir: Path) -> list[Record]:
    """Read the record of every finished run, ordered by path; unfinished ones are passed over.

    Raises:
        ResultError: a record is not valid.
    """
    paths = sorted(visible(runs_dir, f"*/*/{RECORD_FILE}"))
    return [record for record in _read_all(paths) if record["status"] == "finished"]


def _read_all(paths: Iterable[Path]) -> list[Record]:
    """Read records; twenty thousand of them take a third longer if the collector looks on."""
    with no_collection():
        return [read_record(path) for path in paths]


def find_run(name: str, runs_dir: Path) -> Path:
    """Find the folder of the run that a user names.

    Args:
        name: a run folder, a run id, or the first 6 or more letters of one.
        runs_dir: where runs are looked for.

    Raises:
        ResultError: no run has that name, or several.
    """
    folder = Path(name)
    if (folder / RECORD_FILE).is_file():
        return folder
    runs = sorted(path for path in runs_dir.glob("*/*/") if re.fullmatch("[0-9a-f]{12}", path.name))
    found = [path for path in runs if len(name) >= MIN_PREFIX and path.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ResultError(
            f"{name!r} matches several runs: {_listed(found)}",
            where=runs_dir,
            remedy="write more letters",
        )
    if folder.is_dir():
        raise ResultError(
            f"the folder has no {RECORD_FILE}",
            where=folder,
            remedy="name the folder of a finished run",
        )
    near = [path for path in runs if path.name[:3] == name[:3]] or runs
    raise ResultError(
        f"there is no run {name!r}",
        where=runs_dir,
        remedy=f"give a run folder, an id or at least {MIN_PREFIX} letters of one"
        + (f": {_listed(near)}" if near else "; the folder has no runs"),
    )


def find_record(name: str, results_dir: Path) -> Path:
    """Find the imported record of the run that a user names.

    Args:
        name: a run id, or the first 6 or more letters of one.
        results_dir: the folder of results.

    Raises:
        ResultError: no record has that name, or several.
    """
    paths = record_paths(results_dir)
    found = [path for path in paths if len(name) >= MIN_PREFIX and path.stem.startswith(name)]
    if len(found) == 1:
        return found[0]
    what = f"{name!r} matches several records" if found else f"there is no record {name!r}"
    raise ResultError(
        what,
        where=results_dir,
        remedy=f"give a run id or at least {MIN_PREFIX} letters of one; `results import` brings "
        "runs here",
    )


def _listed(runs: list[Path], most: int = 8) -> str:
    """Name runs as `task/run_id`, the first few of them."""
    names = [f"{path.parent.name}/{path.name}" for path in runs]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def import_run(run_dir: Path, results_dir: Path) -> Path:
    """Copy the record and the predictions of a finished run into the folder of results.

    Importing a run again changes nothing.

    Returns:
        The path of the imported record.

    Raises:
        ResultError: the record is invalid, unfinished or on simulated data, its predictions are
            not those it names, or another record with its id is already there.
        BenchError: the folder of results cannot be written.
    """
    record, predictions = publishable(read_record(run_dir / RECORD_FILE), run_dir)
    target = record_path(record, results_dir)
    sound = stands_already(record, results_dir) and not any(
        prediction_problems(read_record(target), target.parent)
    )
    if not sound:
        store(record, predictions, results_dir)
    return target


def publishable(record: Record, folder: Path) -> tuple[Record, Predictions]:
    """Return a record as a folder of results holds it, and what its run predicted.

    The numbers of a run have as few bits as its figures need (`shared.compacted`); those of a
    record that was published before are as they are.

    Args:
        record: as its run left it, or imported before.
        folder: where its predictions lie.

    Raises:
        ResultError: the record is invalid, unfinished or on simulated data, or its predictions are
            not those it names.
    """
    from rnaernie_bench.results.shared import compacted, content_digest, is_shared, shared_name

    run_folder = (folder / RECORD_FILE).exists()
    where = folder / (RECORD_FILE if run_folder else f"{record.get('run_id')}.json")
    validate_record(record, where=where)
    problem = next(unfit(record), None) or next(prediction_problems(record, folder), None)
    if problem:
        raise ResultError(problem, where=where, remedy="only sound, finished runs are published")
    record = copy.deepcopy(record)
    predictions = predictions_of(record, folder)
    if not is_shared(next(iter(record["tests"].values()))["predictions"]["path"]):
        predictions = compacted(predictions, record["tests"])
        named = {"path": shared_name(record), "sha256": content_digest(predictions)}
        for test in record["tests"].values():
            test["predictions"] |= named
    return record, predictions


def record_path(record: Record, results_dir: Path) -> Path:
    """Return where a record lies in a folder of results; its predictions are in the same folder."""
    return (
        results_dir / record["task"]["name"] / record["split"]["name"] / f"{record['run_id']}.json"
    )


def stands_already(record: Record, results_dir: Path) -> bool:
    """Return whether a record is in a folder of results, wherever its predictions stand there.

    Raises:
        ResultError: another one with its id is.
    """
    target = record_path(record, results_dir)
    if not target.exists():
        return False
    if not same_run(read_record(target), record):
        raise ResultError(
            f"another record of run {record['run_id']} is already there",
            where=target,
            remedy="delete it and its predictions first if the new one is to replace it",
        )
    return True


def same_run(record: Record, other: Record) -> bool:
    """Return whether two records tell the same of one run; their predictions may be elsewhere."""
    return _without_files(record) == _without_files(other)


def _without_files(record: Record) -> Record:
    tests = {
        part: {key: value for key, value in test.items() if key != "predictions"}
        for part, test in record["tests"].items()
    }
    return {**record, "tests": tests}


def store(record: Record, predictions: Predictions, results_dir: Path) -> None:
    """Write a record into a folder of results, and its predictions into the file of its row.

    The record is written last, so that a record there always has its predictions.

    Args:
        record: as `publishable` gives it.
        predictions: likewise.
        results_dir: the folder of results.

    Raises:
        ResultError: the runs of its row predict other items.
        BenchError: the folder cannot be written.
    """
    from rnaernie_bench.results.shared import add_run, shared_name

    target = record_path(record, results_dir)
    add_run(target.with_name(shared_name(record)), record["run_id"], predictions)
    write_json(target, record)


def validate_folder(results_dir: Path) -> list[str]:
    """Check every imported record and its predictions.

    Returns:
        One line a problem, naming the file; none if all is well.
    """
    return [f"{results_dir / path}: {what}" for path, what in folder_problems(results_dir)]


def folder_problems(results_dir: Path) -> Iterator[tuple[Path, str]]:
    """Yield the file, below `results_dir`, of everything that is wrong, and what it is."""
    paths = record_paths(results_dir)
    for path in paths:
        name = path.relative_to(results_dir)
        try:
            record = read_record(path)
        except ResultError as error:
            yield name, error.what
            continue
        found = (*unfit(record), *_misplaced(record, path))
        for problem in (*found, *prediction_problems(record, path.parent)):
            yield name, problem
    yield from _orphans(results_dir, paths)


def _orphans(results_dir: Path, paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Yield the predictions that no record names, and the items that no predictions name."""
    from rnaernie_bench.results.shared import ITEMS_SUFFIX, is_shared, items_of, runs_in

    known = set(paths)
    files = sorted(visible(results_dir, "*/*/*.parquet"))
    items = {path for path in files if path.name.endswith(ITEMS_SUFFIX)}
    needed = set()
    for path in files:
        if path in items:
            continue
        name = path.relative_to(results_dir)
        try:
            runs = runs_in(path) if is_shared(path.name) else (path.stem,)
            if is_shared(path.name) and (named := items_of(path)):
                needed.add(path.with_name(named))
        except ResultError as error:
            yield name, error.what
            continue
        lost = [run for run in runs if path.with_name(f"{run}.json") not in known]
        if len(lost) == len(runs):
            yield name, "predictions without a record"
        elif lost:
            yield name, f"predictions of runs without a record: {', '.join(lost)}"
    for path in sorted(items - needed):
        yield path.relative_to(results_dir), "items that no predictions name"


def unfit(record: Record) -> Iterator[str]:
    """Yield why a valid record may not be published."""
    if record["status"] != "finished":
        yield f"the run is not finished (status {record['status']!r})"
    if record["dataset"]["simulated"]:
        yield "the run is on simulated data, which is for demonstration only"
    if is_evaluation(record):
        yield "it is an evaluation of a model that the train part of the split did not teach"
    if record["dataset"].get("own"):
        yield "no task file declares its data, so that nobody else can look at them"


def _misplaced(record: Record, path: Path) -> Iterator[str]:
    """Yield how the place of a record contradicts it."""
    from rnaernie_bench.results.shared import shared_name

    place = (record["task"]["name"], record["split"]["name"], record["run_id"])
    if place != (path.parent.parent.name, path.parent.name, path.stem):
        yield f"the record belongs at {'/'.join(place)}.json"
    named = {shared_name(record), f"{record['run_id']}.parquet"}  # before rows shared a file
    for test in record["tests"].values():
        if test["predictions"]["path"] not in named:
            yield f"its predictions should be called {shared_name(record)}"
            return
