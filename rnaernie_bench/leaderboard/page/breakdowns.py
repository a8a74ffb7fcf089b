"""Where rows do well and badly: by class from their records, by family from their predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

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
from rnaernie_bench.leaderboard.rows import Row
from rnaernie_bench.leaderboard.tables import Table
from rnaernie_bench.results.record import Record
from rnaernie_bench.structure.scores import bands as length_bands

MOST_ROWS = 12
"""The best rows are broken down."""

MOST_FAMILIES = 16
"""So many families are shown."""

Link = Callable[[Row], tuple[str, str]]
"""What a row is called, and where its runs are shown."""

Shares = Mapping[str, float | None]
"""By class, family or another set of items."""


@dataclass(frozen=True)
class Heat:
    """Shares from 0 to 1, by model (row) and class or family (column)."""

    title: str
    caption: str
    columns: tuple[tuple[str, str], ...]
    """Name and what stands below it."""
    rows: tuple[tuple[str, str, tuple[float | None, ...]], ...]
    """Name, where its runs are shown (after the table's `base`), and the shares."""


def heats(
    table: Table, records: Mapping[str, Record], read: ReadAnswers, link: Link
) -> Iterator[Heat]:
    """Yield what is known of sets of test items, by record or by predictions.

    Args:
        table: the table.
        records: by run id, those of its rows.
        read: the predictions of a run.
        link: what a row is called, and where its runs are shown.
    """
    rows, part = table.rows, table.key.part
    # Of errors, which have no shade, the correlation is shown.
    metric = table.task.main_metric if table.task.higher_is_better else "pearson"
    found = (
        by_record(rows, records, part, link, ("per_class",), "f1", "F1 by class"),
        by_record(
            rows, records, part, link, ("per_column",), metric,
            f"{wording.metric_label(metric)} by column",
        ),
        by_family(rows, read, part, link),
        by_length(rows, read, part, link),
        by_record(
            rows, records, part, link, ("breakdown", "pairs"), "f1", "F1 by kind of pair",
            "Pairs in and outside the largest part without crossings, scored separately; items: "
            "sequences where prediction or reference has such a pair, those of the first row. ",
        ),
        by_record(
            rows, records, part, link, ("breakdown", "identity"), "f1", "F1 by identity to train",
            "Bands of the identity to the nearest training sequence (1 - edits / longer length). ",
        ),
    )  # fmt: skip
    return (heat for heat in found if heat)


def by_record(
    rows: Sequence[Row],
    records: Mapping[str, Record],
    part: str,
    link: Link,
    place: Sequence[str],
    metric: str,
    title: str,
    caption: str = "",
) -> Heat | None:
    """Return a metric by sets of items or columns that records tell apart, mean over seeds.

    Args:
        rows: best first; those whose records have no such sets are left out.
        records: by run id.
        part: the test part.
        link: what a row is called, and where its runs are shown.
        place: the keys below the test part under which a record keeps the sets.
        metric: the metric.
        title: of the table.
        caption: a sentence with a space behind it.

    Returns:
        None if no record has the metric.
    """

    def sets(run_id: str) -> Any:
        found: Any = records[run_id]["tests"][part]
        for key in place:
            found = (found or {}).get(key)
        return found

    recorded = [(row, list(map(sets, row.run_ids))) for row in rows[:MOST_ROWS]]
    recorded = [(row, runs) for row, runs in recorded if all(runs)]
    if not recorded:
        return None
    sizes = {
        name: entry.get("support", entry.get("n")) for name, entry in recorded[0][1][0].items()
    }
    shares: list[tuple[Row, Shares]] = []
    for row, runs in recorded:
        values = {name: [run.get(name, {}).get(metric) for run in runs] for name in sizes}
        shares.append((row, {k: fmean(v) for k, v in values.items() if None not in v}))
    if not any(share for _, share in shares):
        return None
    return _heat(title, caption, rows, sizes, shares, link)


def by_family(rows: Sequence[Row], read: ReadAnswers, part: str, link: Link) -> Heat | None:
    """Return how right rows are in the families on which they differ most, mean over seeds.

    None unless the predictions of all rows are at hand and name families.
    """
    shares, sizes, measure = _by_predictions(rows, read, part, family_accuracy)
    large = [name for name, items in sizes.items() if items >= LEAST_ITEMS]
    # An error has no shade.
    if len(shares) < 2 or not large or measure.startswith("negative"):
        return None

    def disagreement(name: str) -> tuple[float, str]:
        values = [share.get(name) or 0.0 for _, share in shares]
        return min(values) - max(values), name

    chosen = sorted(large, key=disagreement)[:MOST_FAMILIES]
    return _heat(
        f"{measure[0].upper()}{measure[1:]} by family",
        f"The {len(chosen)} families, of {len(large):,} with {LEAST_ITEMS} items or more, on which "
        "rows differ most. ",
        rows, {name: sizes[name] for name in chosen}, shares, link,
    )  # fmt: skip


def by_length(rows: Sequence[Row], read: ReadAnswers, part: str, link: Link) -> Heat | None:
    """Return the F1 of structures by band of length, mean over seeds; None for other items."""
    shares, sizes, measure = _by_predictions(rows, read, part, length_accuracy)
    order = dict.fromkeys(length_bands(np.array([0, *LENGTH_EDGES]), LENGTH_EDGES))
    chosen = {name: sizes[name] for name in order if sizes.get(name)}
    if not chosen:
        return None
    return _heat(f"{measure} by length", "Bands of length in nt. ", rows, chosen, shares, link)


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


def _by_predictions(
    rows: Sequence[Row],
    read: ReadAnswers,
    part: str,
    means: Callable[[Answers, str], tuple[dict[str, float], dict[str, int]]],
) -> tuple[list[tuple[Row, Shares]], Mapping[str, int], str]:
    """Return how right each row is in each set of items, their sizes, and what that is called.

    There are no rows where predictions are missing.
    """
    shares: list[tuple[Row, Shares]] = []
    sizes: Mapping[str, int] = {}
    measure = ""
    for row in rows[:MOST_ROWS]:
        answers = [found for found in map(read, row.run_ids) if found]
        if len(answers) < len(row.run_ids):
            return [], {}, ""
        runs = [means(found, part) for found in answers]
        sizes, measure = runs[0][1], answers[0].measure
        shares.append((row, {name: fmean(run[name] for run, _ in runs) for name in sizes}))
    return shares, sizes, measure


def _heat(
    title: str,
    caption: str,
    rows: Sequence[Row],
    sizes: Mapping[str, int | None],
    shares: Sequence[tuple[Row, Shares]],
    link: Link,
) -> Heat:
    more = f" The {MOST_ROWS} best rows." if len(rows) > MOST_ROWS else ""
    return Heat(
        title,
        f"{caption}Mean over seeds.{more}",
        tuple((name, "" if size is None else f"{size:,}") for name, size in sizes.items()),
        tuple((*link(row), tuple(map(share.get, sizes))) for row, share in shares),
    )
