"""A small board: two tasks, a hostile name, contrasts, learning curves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rnaernie_bench.leaderboard.contrasts import Contrast
from rnaernie_bench.leaderboard.page.build import Evidence
from rnaernie_bench.leaderboard.tables import Table, TaskInfo, build

HOSTILE = (
    '<img src=x onerror="document.title=1"> --></script><script>document.title=2</script> $\\q'
)
TASKS = {
    "ncrna_cls": TaskInfo(
        "ncRNA classes", "macro_f1", True, "deduplicated", ("accuracy",), ("See `full`.",)
    ),
    "other": TaskInfo("Another task", "macro_f1", True, "full"),
}
REFERENCE = SimpleNamespace(
    source="A paper", citation="Somebody 2020", url="javascript:alert(1)", model="Old net",
    task="ncrna_cls", split="theirs", metric="macro_f1", value=0.95, note="other data",
)  # fmt: skip


def evidence_of(records: list[dict[str, Any]], folders: dict[str, Path] | None = None) -> Evidence:
    """Return the evidence of `records`."""
    return Evidence(records, folders or {}, lambda task: (REFERENCE,) * (task == "ncrna_cls"))


def tables_of(evidence: Evidence) -> list[Table]:
    """Return the tables of the evidence's records; their best row beats the last by 0.1."""
    tables = []
    for table in build(evidence.records, tasks=TASKS):
        best, *others = table.rows
        if not others:
            tables.append(table)
            continue
        ids = best.run_ids, others[-1].run_ids
        told = Contrast("shortcut", *ids, 0.1, 0.05, 0.2, 0.001, 0.002, "beats")
        behind = replace(told, row=ids[1], reference=ids[0], gain=-0.1, claim="", missing="1 seed")
        rows = [replace(best, contrasts=(told,)), *others[:-1],
                replace(others[-1], contrasts=(behind,))]  # fmt: skip
        tables.append(replace(table, rows=tuple(rows)))
    return tables


@pytest.fixture
def records(make_record: Any) -> list[dict[str, Any]]:
    """Give the records of two tasks."""
    classes = {
        name: {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 2} for name in ("A", "B")
    }
    matrix = {"per_class": classes, "confusion": [[2, 0], [1, 1]]}
    tests = {"full": matrix, "deduplicated": matrix}
    made = [
        make_record(f1, seed=seed, tests=tests, backbone={"name": "net", "init": "pretrained"})
        for seed, f1 in enumerate((0.7, 0.8))
    ]
    made += [
        make_record(
            0.6,
            backbone={"name": "kmer", "kind": "baseline", "init": None, "parameters": 500},
            strategy={"name": "baseline"},
            cost={"train_s": 0.5, "items_per_s": 9000.0},
            tests=tests,
        ),
        make_record(0.2, backbone={"name": HOSTILE}, cost={"train_s": 50.0}, tests=tests),
    ]
    made += [
        make_record(
            f1,
            task={"name": "other"},
            backbone={"name": name, "init": "pretrained" if name == "net" else "random"},
            recipe={"train_fraction": fraction},
        )
        for name, fraction, f1 in (("net", 1.0, 0.5), ("net", 0.1, 0.3), (HOSTILE, 1.0, 0.4))
    ]
    made += [
        make_record(
            0.6,
            task={"name": "other"},
            backbone={"name": "kmer", "kind": "baseline", "init": None},
            strategy={"name": "baseline"},
        )
    ]
    return made
