"""The result record: its schema, its identity, and what it may be compared with."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rnaernie_bench.core.documents import parse_json
from rnaernie_bench.core.errors import ResultError

SCHEMA_VERSION = 1
"""The number of the record schema written by this version."""

RECIPE_VERSION = 2
"""Raised by hand whenever training, decoding or metrics change the numbers of equal settings."""

Record = dict[str, Any]
"""A record as JSON gives it; `schema.json` says what it holds."""

_RESTORE = "restore it from a backup, or repeat the run"

ENDS = {
    "converged": "converged",
    "optimum": "solved to the optimum",
    "steps": "ended by its limit on steps",
    "interrupted": "ended by its limit on minutes",
    "untrained": "nothing was trained",
}
"""How fitting ended, see `ended_by`, in words."""

UPGRADES: Mapping[int, Callable[[Record], Record]] = {}
"""Old schema -> what makes a record of the next one of it. The only place where that is known."""


@dataclass(frozen=True, order=True)
class ComparabilityKey:
    """What two figures must share to stand in one table."""

    task: str
    """Name and version, as in `ncrna_cls@1`."""
    dataset: str
    """Fingerprint of the data."""
    split: str
    fold: str
    """Empty where the split has no folds."""
    part: str
    """Name of the test part."""
    protocol: str
    declared: str = ""
    """Digest of what a task declares of figures; empty if it comes with the package."""


def is_control(record: Mapping[str, Any]) -> bool:
    """Return whether a run was given what it had to find out: shown, but never ranked or tested."""
    return bool(record["strategy"].get("types") == "oracle")


def comparability_key(record: Mapping[str, Any], part: str) -> ComparabilityKey:
    """Return what the figures of `record` on test part `part` may be compared with.

    Raises:
        ResultError: the record has no such test part.
    """
    if part not in record["tests"]:
        raise ResultError(
            f"has no test part {part!r}",
            where=f"record {record['run_id']}",
            remedy=f"it has {', '.join(record['tests']) or 'none'}",
        )
    return ComparabilityKey(
        task=f"{record['task']['name']}@{record['task']['version']}",
        dataset=record["dataset"]["fingerprint"],
        split=record["split"]["name"],
        fold=record["split"]["fold"] or "",
        part=part,
        protocol=record["protocol"],
        declared=record["task"].get("declared", ""),
    )


def run_id_of(identity: Mapping[str, Any]) -> str:
    """Return the 12 hexadecimal digits that name a run.

    They are the first of the SHA-256 of the canonical JSON of `identity`: keys sorted, no spaces,
    floats by `repr`. The order of keys does not matter; the type of a number does (1 is not 1.0).

    Raises:
        ValueError: `identity` holds a NaN or an infinity.
    """
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def identity_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the run id of `record` is the hash of, as the record states it.

    It holds whatever version of the recipe made the record, as `config.identity.identity` does for
    the version of today.
    """
    task, backbone, split = record["task"], record["backbone"], record["split"]
    options = {"name": backbone["name"], **backbone.get("options", {})}
    if backbone["kind"] == "encoder":
        options["init"] = backbone["init"]
    # Random and fixed weights follow from options and seed.
    weights = backbone["weights_sha256"] if backbone["init"] in ("pretrained", None) else None
    if weights is not None:  # wherever they came from, they are what they are
        for address in ("source", "revision", "model"):
            options.pop(address, None)
    return {
        "task": f"{task['name']}@{task['version']}",
        **({"declared": task["declared"]} if "declared" in task else {}),
        "dataset": record["dataset"]["fingerprint"],
        "split": split["name"],
        "fold": split["fold"],
        "protocol": record["protocol"],
        "backbone": {**options, "weights_sha256": weights},
        "head": record["head"],
        "strategy": record["strategy"],
        "recipe": {key: value for key, value in record["recipe"].items() if key != "converged"},
        "recipe_version": record["recipe_version"],
        "seed": record["seed"],
        **_of_files(record),
        **_of_model(record),
    }


def _of_files(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies imported predictions: their files, and the test parts they are of."""
    if not is_external(record):
        return {}
    files = [file["sha256"] for file in record["external"]["files"]]
    return {"files": files, "parts": list(record["tests"])}


def _of_model(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what identifies an evaluation besides: the files of its model, and the test parts."""
    if not is_evaluation(record):
        return {}
    return {"model": record["evaluation"]["model"]["sha256"], "parts": list(record["tests"])}


def is_evaluation(record: Mapping[str, Any]) -> bool:
    """Return whether a record is of a model that was fitted for something else (`evaluate`)."""
    return record.get("kind") == "evaluation"


def is_external(record: Mapping[str, Any]) -> bool:
    """Return whether the predictions of a record were made elsewhere, and imported."""
    return bool(record["backbone"]["kind"] == "external")


def is_incomplete(record: Mapping[str, Any], part: str) -> bool:
    """Return whether a test part has items that imported predictions lack: it is not ranked."""
    return bool(record["tests"][part].get("n_missing"))


def ended_by(record: Mapping[str, Any]) -> str:
    """Return how fitting ended: one of `ENDS`.

    Version 1 of the recipe ended by early stopping, a number of epochs, or minutes; a run that time
    interrupts now has no record.
    """
    selection = record["selection"]
    former = {
        "early_stopping": "converged",
        "max_epochs": "steps",
        "max_train_minutes": "interrupted",
    }
    found = str(selection.get("ended_by") or selection.get("stopped_by"))
    return former.get(found, found)


def parse_record(text: str, *, where: object = None) -> Record:
    """Return the record that `text` holds, as one of the schema of today.

    Only what every reader relies on is checked; `validate_record` checks all.

    Args:
        text: JSON.
        where: the file it was read from, for the message.

    Raises:
        ResultError: `text` is damaged, holds a number that is not finite, or no record of a schema
            that is known.
    """
    try:
        record = parse_json(text)
    except ValueError as error:
        raise ResultError(f"damaged record: {error}", where=where, remedy=_RESTORE) from error
    if "NaN" in text or "Infinity" in text:  # a name may hold the word
        for path, what in _not_finite(record, "$"):
            raise ResultError(f"damaged record: {path}: {what}", where=where, remedy=_RESTORE)
    schema = record.get("schema") if isinstance(record, dict) else None
    while isinstance(schema, int) and schema in UPGRADES:
        record = UPGRADES[schema](record)
        schema = record["schema"]
    if schema != SCHEMA_VERSION:
        raise ResultError(
            f"not a result record of schema {SCHEMA_VERSION} or an older one (its schema is "
            f"{schema!r})",
            where=where,
            remedy="move it elsewhere, or use the version of rnaernie-bench that wrote it",
        )
    return dict(record)


def record_digest(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a record says, however its file is laid out."""
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def validate_record(record: object, *, where: object = None) -> None:
    """Check `record` against schema 1 and for figures that contradict each other.

    Args:
        record: what is to be checked, as JSON gives it.
        where: the file it was read from, for the message.

    Raises:
        ResultError: names the first field that is wrong by its JSON path.
    """
    fault = next(faults(record), None)
    if fault:
        path, what = fault
        raise ResultError(
            f"not a valid result record: {path}: {what}",
            where=where,
            remedy=_RESTORE,
        )


def faults(record: object) -> Iterator[tuple[str, str]]:
    """Yield the JSON path of each wrong field and what is wrong with it, see `validate_record`."""
    yield from schema_faults(record, "schema.json")
    # What follows is reached only by records that have the right shape.
    assert isinstance(record, dict)
    for part, test in record["tests"].items():
        path = f"$.tests.{part}"
        if test["n_truncated"] > test["n"]:
            yield f"{path}.n_truncated", f"{test['n_truncated']} of {test['n']} items"
        for name, metric in test["metrics"].items():
            low, value, high = metric["low"], metric["value"], metric["high"]
            if (low is None) != (high is None) or (low is not None and low > high):
                yield f"{path}.metrics.{name}", f"low {low} and high {high} are no interval"
            elif low is not None and value is None:
                yield f"{path}.metrics.{name}", "an undefined value has an interval"
            elif record["recipe_version"] > 1 and low is not None and not low <= value <= high:
                yield f"{path}.metrics.{name}", f"{value} lies outside of its interval"
        confusion = test.get("confusion")
        if confusion is None:
            continue
        if any(len(row) != len(confusion) for row in confusion):
            yield f"{path}.confusion", "is not square"
        if (total := sum(map(sum, confusion))) != test["n"]:
            yield f"{path}.confusion", f"counts {total} of {test['n']} items"


def _not_finite(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield the NaNs and infinities in `value`: Python's JSON reads and writes them."""
    if isinstance(value, float) and not math.isfinite(value):
        yield path, f"{value} is not a finite number"
    elif isinstance(value, Mapping):
        for key, child in value.items():
            yield from _not_finite(child, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from _not_finite(child, f"{path}[{index}]")


def schema_faults(value: object, name: str) -> Iterator[tuple[str, str]]:
    """Yield the JSON path of a field that JSON or a published schema is against, and why, if any.

    Args:
        value: as JSON gives it.
        name: a file beside this module.
    """
    yield from _not_finite(value, "$")
    import fastjsonschema

    try:
        _validator(name)(value)
    except fastjsonschema.JsonSchemaValueException as error:
        yield str(error.name).replace("data", "$", 1), _told(error)


def _told(error: Any) -> str:
    if error.rule == "required":
        lacking = next(name for name in error.rule_definition if name not in error.value)
        return f"{lacking!r} is a required property"
    message: str = error.message.removeprefix(f"{error.name} ")
    message = message if isinstance(error.value, dict | list) else f"{error.value!r} {message}"
    return message if len(message) <= 160 else f"{message[:157]}..."


@cache
def _validator(name: str) -> Callable[[object], object]:
    # The leaderboard checks each record that it shows, so that a schema is made into code, once.
    import fastjsonschema

    schema = json.loads(Path(__file__).with_name(name).read_text("utf-8"))
    # Of 2020-12, the schemas use what was in draft 7.
    draft = {
        **schema,
        "$schema": "http://json-schema.org/draft-07/schema#",
        "dependencies": schema.get("dependentRequired", {}),  # as draft 7 calls it
    }
    made: Callable[[object], object] = fastjsonschema.compile(draft, use_default=False)
    return made
