"""The runs of a row: configuration, provenance, and how each did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.leaderboard.page.answers import LEAST_ITEMS, ReadAnswers, family_accuracy
from rnaernie_bench.leaderboard.page.confusions import confusion
from rnaernie_bench.leaderboard.page.views import Heat, PartView, RunView
from rnaernie_bench.leaderboard.settings import settings_of
from rnaernie_bench.leaderboard.tables import Row, cell_of
from rnaernie_bench.results.record import Record

HARDEST = 16
"""Families shown, those with the lowest accuracy."""


def run_view(row: Row, records: Mapping[str, Record], read: ReadAnswers, metric: str) -> RunView:
    """Return what the page shows of the runs of `row`.

    Args:
        row: of any of the tables that its runs stand in.
        records: by run id.
        read: what the runs answered.
        metric: the main metric of their task.
    """
    runs = [records[run_id] for run_id in row.run_ids]
    first = runs[0]
    task, split = first["task"], first["split"]
    fold = f", fold {split['fold']}" if split["fold"] else ""
    header, seeds = _seeds(runs, metric)
    return RunView(
        name=wording.row_name(row.backbone, row.strategy),
        anchor=f"run-{wording.anchor(*row.run_ids)}",
        backbone=row.backbone,
        strategy=row.strategy,
        notes=row.notes,
        task=f"{task['name']}@{task['version']}, split {split['name']}{fold}, "
        f"protocol {first['protocol']}",
        headline=(
            ("parameters", wording.count(row.parameters)),
            ("training", wording.duration(row.train_s)),
            ("throughput", f"{wording.count(row.items_per_s)} items/s"),
            ("peak memory", wording.memory(row.peak_rss_mb)),
            ("trials", str(max(int(run["selection"]["trials"]) for run in runs))),
        ),
        settings=tuple((name, wording.setting(v)) for name, v in settings_of(first).items()),
        provenance=tuple(_provenance(runs)),
        seeds_header=header,
        seeds=seeds,
        parts=tuple(_part(runs, part, read) for part in first["tests"]),
        commands=tuple(f"rnaernie-bench results reproduce {row.run_ids[0]}" for _ in runs[:1]),
    )


def _seeds(
    runs: Sequence[Record], metric: str
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return a line a run: its id and seed, its scores, how its training ended."""
    parts = list(runs[0]["tests"])
    chosen = sorted(
        name
        for name in {name for run in runs for name in run["selection"]}
        if name not in ("metric", "trials")
    )
    label = wording.metric_label(metric)
    header = ("run", "seed", *(f"{label}, {part}" for part in parts), "train", *chosen, "weights")
    lines = [
        (
            run["run_id"],
            str(run["seed"]),
            *(wording.figure(_score(run, part, metric)) for part in parts),
            wording.duration(run["cost"]["train_s"]),
            *(_short(run["selection"].get(name)) for name in chosen),
            (run["backbone"]["weights_sha256"] or "–")[:12],
        )
        for run in runs
    ]
    return header, tuple(lines)


def _score(run: Record, part: str, metric: str) -> float | None:
    found = run["tests"].get(part, {}).get("metrics", {}).get(metric)
    return None if found is None else float(found["value"])


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "–" if value is None else wording.setting(value)


def _provenance(runs: Sequence[Record]) -> Iterator[tuple[str, str]]:
    """Yield where the runs come from; what differs between them is listed."""
    dataset, split = runs[0]["dataset"], runs[0]["split"]
    yield "data set", dataset["name"]
    yield "data fingerprint", dataset["fingerprint"]
    yield "training items", f"{split['n_train']:,}"
    yield "validation items", f"{split['n_validation']:,}"
    yield "finished", _distinct([run["created"] for run in runs])
    yield "git commit", _distinct([run["git_commit"] or "unknown" for run in runs])
    names = {name: None for run in runs for name in run["environment"]}
    for name in names:
        yield name, _distinct([wording.setting(run["environment"].get(name)) for run in runs])
    files = [next(iter(run["tests"].values()))["predictions"] for run in runs]
    yield "predictions", _distinct([f"{file['path']} ({file['sha256'][:12]})" for file in files])


def _distinct(values: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def _part(runs: Sequence[Record], part: str, read: ReadAnswers) -> PartView:
    test: Mapping[str, Any] = runs[0]["tests"][part]
    having = [run for run in runs if part in run["tests"]]
    return PartView(
        name=part,
        n=test["n"],
        truncated=test["n_truncated"],
        metrics=tuple(_metric(having, part, name) for name in test["metrics"]),
        classes=_classes(having, part),
        confusion=confusion(having, part),
        families=_families(having, part, read),
    )


def _metric(runs: Sequence[Record], part: str, name: str) -> tuple[str, str, str, str]:
    """Return a metric's name, mean, interval over items, and interval over seeds."""
    cell = cell_of([run["tests"][part]["metrics"].get(name) for run in runs])
    label = wording.metric_label(name)
    if cell is None:  # not every run has it
        return label, wording.figure(None), "", ""
    items = wording.interval(cell.low, cell.high)
    return (
        label,
        wording.figure(cell.mean),
        items,
        wording.interval(cell.seeds_low, cell.seeds_high),
    )


def _classes(
    runs: Sequence[Record], part: str
) -> tuple[tuple[str, str, tuple[float, float, float]], ...]:
    """Return name, items, and mean precision, recall and F1 of every class."""
    tables = [run["tests"][part].get("per_class") or {} for run in runs]
    names = dict.fromkeys(name for table in tables for name in table)
    return tuple(_class(name, [table[name] for table in tables if name in table]) for name in names)


def _class(
    name: str, entries: Sequence[Mapping[str, Any]]
) -> tuple[str, str, tuple[float, float, float]]:
    precision, recall, f1 = (
        sum(entry[figure] for entry in entries) / len(entries)
        for figure in ("precision", "recall", "f1")
    )
    return name, f"{entries[0]['support']:,}", (precision, recall, f1)


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
