"""Where rows do well and badly: by class from their records, by family from their predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import numpy as np

from rnaernie_bench.leaderboard.folds import FoldTable
from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.leaderboard.page.answers import (
    LEAST_ITEMS,
    LENGTH_EDGES,
    Answers,
    ReadAnswers,
    family_accuracy,
    length_accuracy,
)
from rnaernie_bench.leaderboard.page.views import Heat
from rnaernie_bench.leaderboard.tables import Row
from rnaernie_bench.metrics.registry import METRICS
from rnaernie_bench.results.record import Record
from rnaernie_bench.structure.scores import bands as length_bands

MOST_ROWS = 12
"""The best rows are broken down."""

MOST_FAMILIES = 16
"""So many families are shown."""

Link = Callable[[Row], tuple[str, str]]
"""What a row is called, and where its runs are shown."""

Cut = Callable[[Answers, str], tuple[dict[str, float], dict[str, int]]]
"""The mean of `right` and the number of items, by set of items of a test part."""


def by_class(
    rows: Sequence[Row], records: Mapping[str, Record], part: str, link: Link
) -> Heat | None:
    """Return the F1 of every class, mean over seeds; None if the records have none."""
    shown = rows[:MOST_ROWS]
    tables = [
        [records[run_id]["tests"][part].get("per_class") for run_id in r.run_ids] for r in shown
    ]
    if not shown or not all(table for runs in tables for table in runs):
        return None
    support = {name: entry["support"] for name, entry in tables[0][0].items()}
    return Heat(
        "F1 by class",
        "Mean over seeds." + _cut(rows),
        tuple((name, f"{items:,}") for name, items in support.items()),
        tuple(
            (
                *link(row),
                tuple(_mean([run[name]["f1"] for run in runs if name in run]) for name in support),
            )
            for row, runs in zip(shown, tables, strict=True)
        ),
    )  # fmt: skip


def by_column(
    rows: Sequence[Row], records: Mapping[str, Record], part: str, metric: str, link: Link
) -> Heat | None:
    """Return a metric of every column that is predicted, mean over seeds.

    Of columns of errors, it is the correlation; None if the records have no columns.
    """
    shown = rows[:MOST_ROWS]
    tables = [
        [records[run_id]["tests"][part].get("per_column") for run_id in r.run_ids] for r in shown
    ]
    if not shown or not all(table for runs in tables for table in runs):
        return None
    names, metrics = tuple(tables[0][0]), next(iter(tables[0][0].values()))
    named = metric if METRICS.get(metric).higher_is_better else "pearson"
    if named not in metrics:
        return None
    return Heat(
        f"{wording.metric_label(named)} by column",
        "Mean over seeds." + _cut(rows),
        tuple((name, "") for name in names),
        tuple(
            (
                *link(row),
                tuple(_mean([run[name][named] for run in runs]) for name in names),
            )
            for row, runs in zip(shown, tables, strict=True)
        ),
    )  # fmt: skip


def by_family(rows: Sequence[Row], read: ReadAnswers, part: str, link: Link) -> Heat | None:
    """Return how right rows are in the families on which they differ most, mean over seeds.

    None unless the predictions of all rows are at hand and name families.
    """
    found = _shares(rows, read, part, family_accuracy)
    if found is None:
        return None
    shares, sizes, measure = found
    if measure.startswith("negative"):  # an error has no shade
        return None
    large = [name for name, items in sizes.items() if items >= LEAST_ITEMS]
    if len(shares) < 2 or not large:
        return None

    def disagreement(name: str) -> tuple[float, str]:
        values = [row.get(name, 0.0) for row in shares]
        return min(values) - max(values), name

    chosen = sorted(large, key=disagreement)[:MOST_FAMILIES]
    return _heat(
        f"{measure[0].upper()}{measure[1:]} by family",
        f"The {len(chosen)} families, of {len(large):,} with {LEAST_ITEMS} items or more, on which "
        f"rows differ most. Mean over seeds.{_cut(rows)}",
        chosen, rows, shares, sizes, link,
    )  # fmt: skip


def by_fold(table: FoldTable) -> Heat:
    """Return the main metric of rows on each fold, and over all."""
    items = sum(n for _, n in table.folds)
    over = [("mean", f"{len(table.folds)} folds"), ("pooled", f"{items:,}")]
    return Heat(
        title=f"All folds of {table.key.split}",
        caption=f"{wording.metric_label(table.task.main_metric)}, protocol {table.key.protocol}. "
        "Mean: each fold counts once; pooled: each counts by its items.",
        columns=(*over, *((name, f"{n:,}") for name, n in table.folds)),
        rows=tuple(
            (wording.row_name(row.backbone, row.strategy), "", (row.mean, row.pooled, *row.scores))
            for row in table.rows
        ),
    )


def by_length(rows: Sequence[Row], read: ReadAnswers, part: str, link: Link) -> Heat | None:
    """Return the F1 of structures by band of length, mean over seeds; None for other items."""
    found = _shares(rows, read, part, length_accuracy)
    if found is None or not found[1]:
        return None
    shares, sizes, measure = found
    order = dict.fromkeys(length_bands(np.array([0, *LENGTH_EDGES]), LENGTH_EDGES))
    chosen = [name for name in order if sizes.get(name)]
    caption = f"Bands of length in nt. Mean over seeds.{_cut(rows)}"
    return _heat(f"{measure} by length", caption, chosen, rows, shares, sizes, link)


def by_kind(
    rows: Sequence[Row], records: Mapping[str, Record], part: str, link: Link
) -> Heat | None:
    """Return the F1 of nested and pseudoknotted pairs, mean over seeds, if records do."""
    caption = "Pairs in and outside the largest part without crossings, each judged alone; items: "
    caption += "sequences where prediction or reference has such a pair, those of the first row."
    return _by_set(rows, records, part, link, "pairs", "F1 by kind of pair", caption)


def by_identity(
    rows: Sequence[Row], records: Mapping[str, Record], part: str, link: Link
) -> Heat | None:
    """Return the F1 by band of identity to train, mean over seeds, if records do."""
    caption = "Bands of the identity to the nearest training sequence (1 - edits / longer length)."
    return _by_set(rows, records, part, link, "identity", "F1 by identity to train", caption)


def _by_set(
    rows: Sequence[Row],
    records: Mapping[str, Record],
    part: str,
    link: Link,
    name: str,
    title: str,
    caption: str,
) -> Heat | None:
    """Return the F1 of sets that records tell apart, of the rows that do; None if none does."""
    recorded = [
        (row, [records[i]["tests"][part].get("breakdown", {}).get(name) for i in row.run_ids])
        for row in rows[:MOST_ROWS]
    ]
    shown = [(row, runs) for row, runs in recorded if all(runs)]
    if not shown:
        return None
    sizes = {label: entry["n"] for label, entry in shown[0][1][0].items()}
    shares = [
        {
            label: fmean(run[label]["f1"] for run in runs)
            for label in sizes
            if all(run.get(label, {}).get("f1") is not None for run in runs)
        }
        for _, runs in shown
    ]
    return _heat(
        title, f"{caption} Mean over seeds.{_cut(rows)}", list(sizes), [row for row, _ in shown],
        shares, sizes, link,
    )  # fmt: skip


def _shares(
    rows: Sequence[Row], read: ReadAnswers, part: str, cut: Cut
) -> tuple[list[dict[str, float]], Mapping[str, int], str] | None:
    """Return how right each row is in each set of items, their sizes, and what that is called.

    None where predictions are missing, or there are no rows.
    """
    shares: list[dict[str, float]] = []
    sizes: Mapping[str, int] = {}
    measure = ""
    for row in rows[:MOST_ROWS]:
        answers = [found for found in map(read, row.run_ids) if found]
        if len(answers) < len(row.run_ids):
            return None
        runs = [cut(found, part) for found in answers]
        sizes, measure = runs[0][1], answers[0].measure
        shares.append({name: fmean(run[name] for run, _ in runs) for name in sizes})
    return (shares, sizes, measure) if shares else None


def _heat(
    title: str,
    caption: str,
    chosen: Sequence[str],
    rows: Sequence[Row],
    shares: Sequence[Mapping[str, float]],
    sizes: Mapping[str, int],
    link: Link,
) -> Heat:
    return Heat(
        title,
        caption,
        tuple((name, f"{sizes[name]:,}") for name in chosen),
        tuple(
            (
                *link(row),
                tuple(share.get(name) for name in chosen),
            )
            for row, share in zip(rows, shares, strict=False)
        ),
    )


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _cut(rows: Sequence[Row]) -> str:
    return f" The {MOST_ROWS} best rows." if len(rows) > MOST_ROWS else ""
