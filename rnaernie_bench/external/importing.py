"""Files of others' predictions made into a record, which stands beside those of runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from rnaernie_bench import __version__
from rnaernie_bench.core import environment
from rnaernie_bench.core.errors import ConfigError, ResultError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.data.items import Dataset, Split
from rnaernie_bench.data.protocols import protocol_of
from rnaernie_bench.data.tables import open_file
from rnaernie_bench.evaluation.evaluate import scored_part
from rnaernie_bench.evaluation.relatives import nearest_training
from rnaernie_bench.external.matching import Matcher
from rnaernie_bench.external.said import Said
from rnaernie_bench.external.source import Reading, Source
from rnaernie_bench.external.structures import (
    FILE_COLUMNS,
    Structures,
    is_structures,
    structure_rows,
    structures_reader,
)
from rnaernie_bench.external.units import Units, units_reader
from rnaernie_bench.results.predictions import (
    Predictions,
    hash_ids,
    predictions_digest,
    predictions_entry,
    write_predictions,
)
from rnaernie_bench.results.record import (
    RECIPE_VERSION,
    SCHEMA_VERSION,
    Record,
    identity_of,
    run_id_of,
)
from rnaernie_bench.results.store import (
    publishable,
    read_record,
    record_path,
    stands_already,
    store,
)
from rnaernie_bench.structure.scores import summarise
from rnaernie_bench.task.task import Task


@dataclass(frozen=True)
class Imported:
    """What became of files."""

    record: Record
    path: Path
    """Where the record lies."""
    new: bool
    """Whether it was not there before."""


def import_predictions(
    files: Sequence[Path],
    source: Source,
    reading: Reading,
    *,
    task: Task,
    dataset: Dataset,
    split: Split,
    parts: Sequence[str] = (),
    results_dir: Path,
) -> Imported:
    """Make a record of predictions, whole or not at all.

    Args:
        files: all of one model: tables (CSV, TSV, Parquet), structure files, or folders of these.
        source: where they come from.
        reading: how they are read.
        task: what they answer.
        dataset: that of the task.
        split: whose test parts they are of.
        parts: those test parts; empty for all.
        results_dir: where the record is stored.

    Raises:
        ConfigError: settings do not go together, or there is no such test part or column.
        DataError: a file cannot be read, or does not fit the test items; naming place and remedy.
        ResultError: they do not define the main metric of the task, or another record of these
            files is there.
    """
    unknown = [part for part in parts if part not in split.tests]
    if unknown:
        raise ConfigError(
            f"the split {split.name} has no test part '{unknown[0]}'", where="--part",
            remedy=did_you_mean(unknown[0], list(split.tests)),
        )  # fmt: skip
    split = replace(split, tests={p: split.tests[p] for p in parts or split.tests})
    items = tuple({item.id: item for part in split.tests.values() for item in part}.values())
    reader, matcher = _read(files, reading, task, items)
    counts = matcher.finish(reading.allow_missing)
    kept = [item for item in items if item.id in matcher.found]
    said = reader.finish(kept, [matcher.found[item.id] for item in kept])
    ids = [item.id for item in kept]
    predictions = Predictions(
        answer=task.answer,
        ids=hash_ids(ids),
        groups=[item.group for item in kept],
        truth=said.truth,
        predicted=said.predicted,
        parts={
            name: np.isin(ids, [item.id for item in part]) for name, part in split.tests.items()
        },
    )
    record = _record(source, reader, task, dataset, split, counts, said.selected)
    record["external"]["files"] = [
        {"sha256": digest, "bytes": size} for digest, size in _digests(files)
    ]
    nearest = nearest_training(task, dataset, split) if task.answer.decodes else None
    for name, part in split.tests.items():
        record["tests"][name] = _test(predictions, name, task, reader, said, nearest, kept)
        if missing := len(part) - record["tests"][name]["n"]:
            record["tests"][name]["n_missing"] = missing
    record["run_id"] = run_id_of(identity_of(record))
    return _stored(record, predictions, results_dir)


def _read(
    files: Sequence[Path], reading: Reading, task: Task, items: Sequence[Any]
) -> tuple[Structures | Units, Matcher]:
    """Read all files, row by row."""
    reader: Structures | Units | None = None
    matcher: Matcher | None = None
    for file in files:
        columns, rows = _opened(file, reading, task)
        found = structures_reader(reading, columns) if task.decodes else units_reader(
            task, reading, columns
        )  # fmt: skip
        identity, sequences = _who(reading, columns, task)
        by_id = identity is not None
        if reader is None or matcher is None:
            reader, matcher = found, Matcher(items, by_id)
        elif matcher.by_id != by_id or reader.tells != found.tells:
            raise ConfigError(
                "its columns are others than those of the first file", where=file,
                remedy="give files of one layout",
            )  # fmt: skip
        reader = found
        for where, row in rows:
            name = None if identity is None else str(row[identity]).strip()
            told = tuple(str(row[column]).strip() for column in sequences)
            chosen = matcher.items_of(where, name, told)
            if chosen:
                matcher.add(where, chosen, reader.read(row, chosen[0], where))
    if reader is None or matcher is None:
        raise ConfigError("no file is named", where="predictions", remedy="name one")
    return reader, matcher


def _opened(
    file: Path, reading: Reading, task: Task
) -> tuple[tuple[str, ...], Iterable[tuple[str, Mapping[str, Any]]]]:
    if task.decodes and is_structures(file):
        return FILE_COLUMNS, structure_rows(file)
    table = open_file(file, header=reading.header)
    return table.columns, table.placed()


def _who(
    reading: Reading, columns: Sequence[str], task: Task
) -> tuple[str | None, tuple[str, ...]]:
    """Return the column of ids, None where sequences alone count, and those of sequences.

    Raises:
        ConfigError: there are neither.
    """
    partners = task.level_entry.partners
    usual = partners or ("sequence",)
    named = reading.sequences or tuple(name for name in usual if name in columns)
    for name in (*reading.sequences, *filter(None, [reading.id])):
        if name not in columns:
            raise ConfigError(
                f"there is no column '{name}'",
                where="columns",
                remedy=did_you_mean(name, list(columns)),
            )
    if len(named) not in (0, len(usual)):
        raise ConfigError(
            f"an item has {len(usual)} sequence{'s' * (len(usual) > 1)}", where="--sequence",
            remedy="name as many columns",
        )  # fmt: skip
    identity = reading.id or ("id" if "id" in columns else None)
    if reading.match == "sequence":
        identity = None
    if (reading.match == "id" and identity is None) or (identity is None and not named):
        wanted = "an id" if reading.match == "id" else f"an id, or {' and '.join(usual)}"
        raise ConfigError(
            f"no column tells which item a row is of; there are {', '.join(columns)}",
            where="predictions",
            remedy=f"name the column of {wanted}, with --id or --sequence",
        )
    return identity, named


def _record(
    source: Source,
    reader: Structures | Units,
    task: Task,
    dataset: Dataset,
    split: Split,
    counts: Mapping[str, int],
    selected: Mapping[str, float],
) -> Record:
    """Return the record without its tests."""
    told = {
        name: value
        for name in ("address", "commit", "licence", "citation", "training")
        if (value := getattr(source, name))
    }
    return {
        "schema": SCHEMA_VERSION,
        "run_id": "",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "finished",
        "task": {
            "name": task.name, "version": task.version, "level": task.level,
            "problem": task.problem,
        },
        "dataset": {
            "name": dataset.name, "fingerprint": dataset.fingerprint,
            "simulated": dataset.simulated,
        },
        "split": {
            "name": split.name, "fold": split.fold, "n_train": len(split.train),
            "n_validation": len(split.validation),
        },
        "protocol": protocol_of(task.splits[split.name], None),
        "backbone": {
            "name": source.name,
            "kind": "external",
            "init": None,
            "weights_sha256": None,
            "parameters": source.parameters,
            "options": reader.reading.options,
        },
        "head": None,
        "strategy": {"name": "external"},
        "recipe": {"budget": {}, "converged": None},
        "recipe_version": RECIPE_VERSION,
        "seed": source.seed,
        "selection": {"metric": None, "trials": 0, **selected},
        "external": {
            "files": [],
            "gives": reader.gives,
            "items": dict(counts),
            **told,
            "selection": source.selection,
            **({"caveats": list(source.caveats)} if source.caveats else {}),
        },
        "validation": {"n": 0, "metrics": {}},
        "tests": {},
        "cost": dict.fromkeys(("train_s", "items_per_s", "peak_rss_mb", "peak_gpu_mb")),
        "environment": {"rnaernie_bench": __version__},
        "git_commit": environment.git_commit(),
    }  # fmt: skip


def _test(
    predictions: Predictions,
    part: str,
    task: Task,
    reader: Structures | Units,
    said: Said,
    nearest: Any,
    items: Sequence[Any],
) -> dict[str, Any]:
    """Return what the record has of a test part, without its predictions."""
    inside = predictions.parts[part]
    if not inside.any():
        raise ResultError(
            f"nothing is predicted of the test part '{part}'", where="predictions",
            remedy="name the parts they are of with --part",
        )  # fmt: skip
    identities = None
    if nearest is not None:
        sequences = [item.sequence for item, used in zip(items, inside, strict=True) if used]
        identities = nearest.of(sequences)[:, 0]
    found = scored_part(predictions, part, task, identities, reader.tells)
    main = task.main_metric.name
    if main not in found["metrics"]:
        raise ResultError(
            f"{reader.gives} do not define {main}, the main metric of {task.name}",
            where="predictions",
            remedy="give " + _what_defines(main),
        )
    resolved = {}
    if said.one_partner is not None and reader.reading.partners == "all":
        one, every = said.one_partner[inside], said.predicted[inside]
        mean = summarise(one).mean
        resolved["one_partner"] = {
            "n": int((one["predicted"] < every["predicted"]).sum()),
            "metrics": {k: None if math.isnan(v) else float(v) for k, v in mean.items()},
        }
    n = int(inside.sum())
    unread = {"n_unread": 0} if task.answer.decodes else {}
    return {"n": n, "n_truncated": 0, **unread, **found, **resolved}


def _what_defines(metric: str) -> str:
    from rnaernie_bench.external.said import TELLS
    from rnaernie_bench.metrics.registry import METRICS

    needs = METRICS.get(metric).needs
    return " or ".join(gives for gives, tells in TELLS.items() if needs in tells)


def _digests(files: Sequence[Path]) -> Iterator[tuple[str, int]]:
    """Yield digest and size of each file; those of a folder by their names."""
    for path in files:
        members = sorted(path.rglob("*")) if path.is_dir() else [path]
        for member in filter(Path.is_file, members):
            yield predictions_digest(member), member.stat().st_size


_UNSTABLE = ("created", "environment", "git_commit")
"""What differs between two imports of the same files."""


def _stored(record: Record, predictions: Predictions, results_dir: Path) -> Imported:
    """Write record and predictions into the folder of results, unless they are there."""
    with TemporaryDirectory(prefix="rnaernie-bench-") as name:
        path = Path(name) / f"{record['run_id']}.parquet"
        write_predictions(path, predictions)
        for test in record["tests"].values():
            test["predictions"] = predictions_entry(path, test["n"])
        record, kept = publishable(record, path.parent)
    target = record_path(record, results_dir)
    if target.exists():
        there = read_record(target)
        record |= {key: there[key] for key in _UNSTABLE if key in there}
    present = stands_already(record, results_dir)
    if not present:
        store(record, kept, results_dir)
    return Imported(record, target, not present)
