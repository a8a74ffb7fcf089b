"""Tied groups as `results build` left them in `statistics.json`; standard library only.

Each entry is found by a digest of all that it was computed from. After a record is added or
replaced its table has another digest, and no marks until `results build` is run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.results.record import ComparabilityKey, Record

STATISTICS_FILE = "statistics.json"
"""In the folder of results."""

MOST_TESTED, MOST_BASELINES = 30, 10
"""Of a longer table the best rows are tested, and the best baselines: pairs grow by the square."""

TESTED = f"Tested are the {MOST_TESTED} best rows and the {MOST_BASELINES} best baselines"
"""What is said beside a longer table."""

METHOD = 1
"""Raised by hand when the tests give other figures for equal records."""

Statistics = Mapping[str, Mapping[str, Any]]
"""Digest -> what was found for the table."""


def table_digest(
    key: ComparabilityKey, records: Sequence[Record], metric: str, *, by: str = "item"
) -> str:
    """Return what identifies the paired tests of a table: 16 hexadecimal digits.

    Args:
        key: what the records share.
        records: those of the table, in any order; each is known by its id and the digest of its
            predictions.
        metric: the metric compared.
        by: what is resampled.
    """
    runs = sorted((r["run_id"], r["tests"][key.part]["predictions"]["sha256"]) for r in records)
    identity = [METHOD, metric, by, key.task, key.dataset, key.split, key.fold, key.part]
    text = json.dumps([*identity, key.protocol, runs])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_statistics(results_dir: Path) -> Statistics:
    """Return the cached tests of `results_dir`; none if they were never computed.

    Raises:
        ResultError: the file is damaged.
    """
    path = results_dir / STATISTICS_FILE
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["tables"])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultError(
            "the cached tests cannot be read",
            where=path,
            remedy="delete the file and run `rnaernie-bench results build`",
        ) from error


def tied_marks(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the letters of each row, by its first run id; rows that share one are tied."""
    return marks([[rows[0] for rows in group] for group in entry["tied_groups"]])


def marks(groups: Sequence[Sequence[Any]]) -> dict[Any, str]:
    """Return the letters, or from 27 groups on the numbers, of each member of `groups`."""
    few = len(groups) <= len(ascii_lowercase)
    found: dict[Any, str] = {}
    for index, group in enumerate(groups):
        for member in group:
            name = ascii_lowercase[index] if few else f" {index + 1}"
            found[member] = (found.get(member, "") + name).strip()
    return found
