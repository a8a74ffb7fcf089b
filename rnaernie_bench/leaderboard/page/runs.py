"""The runs of a row: configuration, provenance, and how each did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.leaderboard.page.answers import LEAST_ITEMS, ReadAnswers, family_accuracy
from rnaernie_bench.leaderboard.page.breakdowns import Heat
from rnaernie_bench.leaderboard.page.confusions import Confusion, confusion
from rnaernie_bench.leaderboard.page.validation import Curves, validation_curves
from rnaernie_bench.leaderboard.rows import Cell, Row, cell_of, mean_of_all
from rnaernie_bench.leaderboard.settings import settings_of
from rnaernie_bench.results.record import Record

FIGURES = ("precision", "recall", "f1")

HARDEST = 16
"""Families shown, those with the lowest accuracy."""


@dataclass(frozen=True)
class PartView:
    """How the runs of a row did on one test part."""

    name: str
    n: int
    truncated: int
    metrics: Mapping[str, Cell | None]
    """None unless every run has it."""
    classes: Mapping[str, tuple[int, tuple[float | None, ...]]]
    """Items, and precision, recall and F1 of each class, means over runs."""
    confusion: Confusion | None
    families: Heat | None


@dataclass(frozen=True)
class RunView:
    """The runs of one row: their settings, where they come from, and how they did."""

    row: Row
    anchor: str
    task: str
    trials: int
    settings: Mapping[str, Any]
    provenance: tuple[tuple[str, str], ...]
    seeds_header: tuple[str, ...]
    seeds: tuple[tuple[str, ...], ...]
    """A line a run."""
    parts: tuple[PartView, ...]
    curves: Curves | None = None


def run_view(
    row: Row,
    records: Mapping[str, Record],
    read: ReadAnswers,
    metric: str,
    cells: Mapping[str, Mapping[str, Cell]],
) -> RunView:
    """Return what the page shows of the runs of `row`.

    Args:
        row: of any of the tables that its runs stand in.
        records: by run id.
        read: what the runs answered.
        metric: the main metric of their task.
        cells: by test part, what the tables show of the row.
    """
    runs = [records[run_id] for run_id in row.run_ids]
    first, task, split = runs[0], runs[0]["task"], runs[0]["split"]
    fold = f", fold {split['fold']}" if split["fold"] else ""
    return RunView(
        row=row,
        anchor=f"run-{wording.anchor(*row.run_ids)}",
        task=f"{task['name']}@{task['version']}, split {split['name']}{fold}, "
        f"protocol {first['protocol']}",
        trials=max(int(run["selection"]["trials"]) for run in runs),
        settings=settings_of(first),
        provenance=tuple(_provenance(runs)),
        seeds_header=_seeds_header(runs, metric),
        seeds=tuple(tuple(_seed_line(run, runs, metric)) for run in runs),
        parts=tuple(_part(runs, part, read, cells.get(part, {})) for part in first["tests"]),
        curves=validation_curves(runs),
    )


def _seeds_header(runs: Sequence[Record], metric: str) -> tuple[str, ...]:
    scores = (f"{wording.metric_label(metric)}, {part}" for part in runs[0]["tests"])
    return ("run", "seed", *scores, "train", *_selected(runs), "weights")


def _seed_line(run: Record, runs: Sequence[Record], metric: str) -> Iterator[str]:
    """Yield a run's id and seed, its scores, and how its training ended."""
    yield run["run_id"]
    yield str(run["seed"])
    for part in runs[0]["tests"]:
        found = run["tests"].get(part, {}).get("metrics", {}).get(metric)
        yield wording.figure(found and found["value"])
    yield wording.duration(run["cost"]["train_s"])
    for name in _selected(runs):
        value = run["selection"].get(name)
        short = f"{value:.4g}" if isinstance(value, float) else wording.setting(value)
        yield "–" if value is None else short
    yield (run["backbone"]["weights_sha256"] or "–")[:12]


def _selected(runs: Sequence[Record]) -> list[str]:
    """Return the names of what validation chose, in any of the runs."""
    return sorted({name for run in runs for name in run["selection"]} - {"metric", "trials"})


def _provenance(runs: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """Yield where the runs come from; what differs between them is listed."""

    def distinct(values: Iterable[str]) -> str:
        return ", ".join(dict.fromkeys(values))

    dataset, split = runs[0]["dataset"], runs[0]["split"]
    yield "data set", dataset["name"]
    yield "data fingerprint", dataset["fingerprint"]
    yield "training items", f"{split['n_train']:,}"
    yield "validation items", f"{split['n_validation']:,}"
    yield "finished", distinct(run["created"] for run in runs)
    yield "git commit", distinct(run["git_commit"] or "unknown" for run in runs)
    for name in dict.fromkeys(name for run in runs for name in run["environment"]):
        yield name, distinct(wording.setting(run["environment"].get(name)) for run in runs)
    files = [next(iter(run["tests"].values()))["predictions"] for run in runs]
    yield "predictions", distinct(f"{file['path']} ({file['sha256'][:12]})" for file in files)


def _part(
    runs: Sequence[Record], part: str, read: ReadAnswers, cells: Mapping[str, Cell]
) -> PartView:
    test: Mapping[str, Any] = runs[0]["tests"][part]
    having = [run for run in runs if part in run["tests"]]
    tests = [run["tests"][part] for run in having]
    return PartView(
        name=part,
        n=test["n"],
        truncated=test["n_truncated"],
        metrics={
            name: cells.get(name) or cell_of(name, [each["metrics"].get(name) for each in tests])
            for name in test["metrics"]
        },
        classes=_classes([each.get("per_class") or {} for each in tests]),
        confusion=confusion(having, part),
        families=_families(having, part, read),
    )


def _classes(
    tables: Sequence[Mapping[str, Any]],
) -> dict[str, tuple[int, tuple[float | None, ...]]]:
    """Return by class its items, and mean precision, recall and F1, None where one is undefined."""
    entries: dict[str, list[Mapping[str, Any]]] = {}
    for table in tables:
        for name, entry in table.items():
            entries.setdefault(name, []).append(entry)
    return {
        name: (
            found[0]["support"],
            tuple(mean_of_all([entry[k] for entry in found]) for k in FIGURES),
        )
        for name, found in entries.items()
    }


def _families(runs: Sequence[Record], part: str, read: ReadAnswers) -> Heat | None:
    """Return the families that the runs do worst on."""
    found = [answers for answers in (read(run["run_id"]) for run in runs) if answers]
    if not found or len(found) < len(runs):
        return None
    scores, measure = [family_accuracy(answers, part) for answers in found], found[0].measure
    sizes = scores[0][1]
    means = {
        name: sum(share[name] for share, _ in scores) / len(scores)
        for name, items in sizes.items()
        if items >= LEAST_ITEMS
    }
    hardest = sorted(means, key=lambda name: (means[name], name))[:HARDEST]
    if not hardest:
        return None
    return Heat(
        f"{measure[0].upper()}{measure[1:]} in the hardest families",
        f"Families with {LEAST_ITEMS} items or more, mean over seeds.",
        tuple((name, f"{sizes[name]:,}") for name in hardest),
        ((measure, "", tuple(means[name] for name in hardest)),),
    )
