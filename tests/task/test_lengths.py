"""Length policies: which level offers which, and what they do with a long sequence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.task import lengths
from rnaernie_bench.task.lengths import POLICIES, LengthPolicy, policies_of, remedy


@pytest.mark.parametrize(
    ("level", "problem", "expected"),
    [
        ("sequence", "multiclass", ["error", "truncate", "window"]),
        ("token", "binary", ["error"]),
        ("contact", "binary", ["error", "unpaired"]),
        ("contact", "regression", ["error"]),
        ("pair", "binary", ["error", "truncate"]),
    ],
)
def test_what_a_level_offers(level: str, problem: Problem, expected: list[str]) -> None:
    assert list(policies_of(LEVELS.get(level), problem)) == expected


def test_what_is_done_with_a_long_sequence() -> None:
    read = {name: policy.pieces("ACGUA", 3, 0, 1) for name, policy in POLICIES.items()}
    assert read["truncate"] == ["ACG"]
    assert read["window"] == ["ACG", "GUA"]
    assert {name for name, policy in POLICIES.items() if policy.reads} == {"truncate", "window"}


def test_a_refusal_names_the_other_policies() -> None:
    assert remedy(["error"]) == "cut it"
    assert remedy(["error", "truncate"]) == (
        "cut it, or set task.length=truncate, which reads its first bases only"
    )


def test_a_policy_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    last = LengthPolicy(
        "reads its last bases only",
        lambda level, problem: not level.per_base,
        pieces=lambda sequence, size, overlap, step: [sequence[-size:]],
        truncates=True,
    )
    monkeypatch.setattr(lengths, "POLICIES", {**POLICIES, "last": last})
    assert policies_of(LEVELS.get("pair"), "binary") == ("error", "truncate", "last")
    assert dataclasses.replace(last, refuses=True).reads is False


def test_the_page_names_every_policy() -> None:
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    (row,) = [line for line in page.splitlines() if line.startswith("| `task.length`")]
    assert [name for name in POLICIES if f"`{name}`" not in row] == []
