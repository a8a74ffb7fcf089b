"""Where rows do well and badly: by class from their records, by family from their predictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean

import numpy as np
import numpy.typing as npt

from rnaernie_bench.errors import ResultError
from rnaernie_bench.results.folds import FoldTable
from rnaernie_bench.results.kinds import LOWER_IS_BETTER
from rnaernie_bench.results.leaderboard import Row
from rnaernie_bench.results.page import wording
from rnaernie_bench.results.page.views import Confusion, Heat
from rnaernie_bench.results.predictions import predictions_digest, read_predictions
from rnaernie_bench.results.record import Record
from rnaernie_bench.results.structures import StructurePredictions
from rnaernie_bench.structure.scores import bands as length_bands

MOST_ROWS = 12
"""The best rows are broken down."""

MOST_FAMILIES, LEAST_ITEMS = 16, 10
"""How many families are shown, and how many items a family needs."""

LENGTH_EDGES = (75, 100, 150, 200, 300, 400)
"""Where bands of length begin, nt."""

Href = Callable[[Row], str]


@dataclass(frozen=True, eq=False)
class Answers:
    """How right a run got each item."""

    groups: npt.NDArray[np.str_]
    """Shape (n,); empty where unknown."""
    right: npt.NDArray[np.float64]
    """Shape (n,): 0 or 1, or the F1 of a structure, nan where it is undefined."""
    parts: Mapping[str, npt.NDArray[np.bool_]]
    """Shape (n,) each."""
    measure: str = "accuracy"
    """What the mean of `right` is."""
    bands: npt.NDArray[np.str_] | None = None
    """Shape (n,): the band of length of a structure; None where lengths are not kept."""


ReadAnswers = Callable[[str], Answers | None]
"""The answers of a run by its id; None where its predictions are not at hand."""

Cut = Callable[[Answers, str], tuple[dict[str, float], dict[str, int]]]
"""The mean of `right` and the number of items, by set of items of a test part."""


def no_answers(run_id: str) -> Answers | None:
    """Return None: what a run answered is not asked for."""
    return None


def answers_reader(records: Mapping[str, Record], folders: Mapping[str, Path]) -> ReadAnswers:
    """Return a reader of what runs answered, which remembers the latest.

    Args:
        records: by run id.
        folders: by run id, where its predictions lie.

    Raises:
        ResultError: (when called) predictions are not those that their record names, or damaged.
    """

    @lru_cache(maxsize=256)
    def read(run_id: str) -> Answers | None:
        named = next(iter(records[run_id]["tests"].values()))["predictions"]
        path = folders[run_id] / named["path"] if run_id in folders else None
        if path is None or not path.is_file():
            return None
        if predictions_digest(path) != named["sha256"]:
            raise ResultError(
                "not the file the record was made with (its SHA-256 differs)",
                where=path,
                remedy="restore it from a backup, or repeat the run",
            )
        found = read_predictions(path)
        bands = None
        if isinstance(found, StructurePredictions):
            bands = np.array(length_bands(found.counts["length"], LENGTH_EDGES), np.str_)
        groups = np.array(found.groups, np.str_)
        return Answers(groups, found.right, found.parts, found.measure, bands)

    return read


def by_class(
    rows: Sequence[Row], records: Mapping[str, Record], part: str, href: Href
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
                wording.row_name(row.backbone, row.strategy),
                href(row),
                tuple(_mean([run[name]["f1"] for run in runs if name in run]) for name in support),
            )
            for row, runs in zip(shown, tables, strict=True)
        ),
    )  # fmt: skip


def by_column(
    rows: Sequence[Row], records: Mapping[str, Record], part: str, metric: str, href: Href
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
    named = metric if metric not in LOWER_IS_BETTER else "pearson"
    if named not in metrics:
        return None
    return Heat(
        f"{wording.metric_label(named)} by column",
        "Mean over seeds." + _cut(rows),
        tuple((name, "") for name in names),
        tuple(
            (
                wording.row_name(row.backbone, row.strategy),
                href(row),
                tuple(_mean([run[name][named] for run in runs]) for name in names),
            )
            for row, runs in zip(shown, tables, strict=True)
        ),
    )  # fmt: skip


def by_family(rows: Sequence[Row], read: ReadAnswers, part: str, href: Href) -> Heat | None:
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
        chosen, rows, shares, sizes, href,
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


def by_length(rows: Sequence[Row], read: ReadAnswers, part: str, href: Href) -> Heat | None:
    """Return the F1 of structures by band of length, mean over seeds; None for other items."""
    found = _shares(rows, read, part, length_accuracy)
    if found is None or not found[1]:
        return None
    shares, sizes, measure = found
    order = dict.fromkeys(length_bands(np.array([0, *LENGTH_EDGES]), LENGTH_EDGES))
    chosen = [name for name in order if sizes.get(name)]
    caption = f"Bands of length in nt. Mean over seeds.{_cut(rows)}"
    return _heat(f"{measure} by length", caption, chosen, rows, shares, sizes, href)


def by_kind(
    rows: Sequence[Row], records: Mapping[str, Record], part: str, href: Href
) -> Heat | None:
    """Return the F1 of nested and pseudoknotted pairs, mean over seeds; None where none is told."""
    caption = "Pairs in and outside the largest part without crossings, each judged alone; items: "
    caption += "sequences where prediction or reference has such a pair, those of the first row."
    return _told(rows, records, part, href, "pairs", "F1 by kind of pair", caption)


def by_identity(
    rows: Sequence[Row], records: Mapping[str, Record], part: str, href: Href
) -> Heat | None:
    """Return the F1 by band of identity to train, mean over seeds; None where none is told."""
    caption = "Bands of the identity to the nearest training sequence (1 - edits / longer length)."
    return _told(rows, records, part, href, "identity", "F1 by identity to train", caption)


def _told(
    rows: Sequence[Row],
    records: Mapping[str, Record],
    part: str,
    href: Href,
    name: str,
    title: str,
    caption: str,
) -> Heat | None:
    """Return the F1 of sets that records tell apart, of the rows that do; None if none does."""
    told = [
        (row, [records[i]["tests"][part].get("breakdown", {}).get(name) for i in row.run_ids])
        for row in rows[:MOST_ROWS]
    ]
    shown = [(row, runs) for row, runs in told if all(runs)]
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
        shares, sizes, href,
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
    href: Href,
) -> Heat:
    return Heat(
        title,
        caption,
        tuple((name, f"{sizes[name]:,}") for name in chosen),
        tuple(
            (
                wording.row_name(row.backbone, row.strategy),
                href(row),
                tuple(share.get(name) for name in chosen),
            )
            for row, share in zip(rows, shares, strict=False)
        ),
    )


def family_accuracy(answers: Answers, part: str) -> tuple[dict[str, float], dict[str, int]]:
    """Return how right each named family of a test part is on the mean, and its items."""
    return _means(answers, answers.groups, part)


def length_accuracy(answers: Answers, part: str) -> tuple[dict[str, float], dict[str, int]]:
    """Return how right each band of length of a test part is on the mean, and its items."""
    return ({}, {}) if answers.bands is None else _means(answers, answers.bands, part)


def _means(
    answers: Answers, sets: npt.NDArray[np.str_], part: str
) -> tuple[dict[str, float], dict[str, int]]:
    inside = answers.parts[part] & (sets != "") & ~np.isnan(answers.right)
    names, index = np.unique(sets[inside], return_inverse=True)
    items = np.bincount(index, minlength=len(names))
    right = np.bincount(index, weights=answers.right[inside], minlength=len(names))
    labels = [str(name) for name in names]
    return (
        dict(zip(labels, (right / items).tolist(), strict=True)),
        dict(zip(labels, items.tolist(), strict=True)),
    )


def confusion(runs: Sequence[Record], part: str) -> Confusion | None:
    """Return the confusion matrix of some runs put together; None if a record has none."""
    tests = [record["tests"][part] for record in runs]
    if not all(test.get("confusion") and test.get("per_class") for test in tests):
        return None
    counts = np.sum([test["confusion"] for test in tests], axis=0)
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares = np.rint(100 * counts / totals).astype(int)
    rows = zip(counts.tolist(), shares.tolist(), strict=True)
    return Confusion(
        tuple(tests[0]["per_class"]),
        tuple(tuple(zip(line, row, strict=True)) for line, row in rows),
    )


def classes(
    runs: Sequence[Record], part: str
) -> tuple[tuple[str, str, tuple[float, float, float]], ...]:
    """Return name, items, and mean precision, recall and F1 of every class."""
    tables = [record["tests"][part].get("per_class") or {} for record in runs]
    figures: dict[str, list[Mapping[str, float]]] = defaultdict(list)
    for table in tables:
        for name, entry in table.items():
            figures[name].append(entry)
    return tuple(
        (
            name,
            f"{entries[0]['support']:,}",
            (
                fmean([e["precision"] for e in entries]),
                fmean([e["recall"] for e in entries]),
                fmean([e["f1"] for e in entries]),
            ),
        )
        for name, entries in figures.items()
    )


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _cut(rows: Sequence[Row]) -> str:
    return f" The {MOST_ROWS} best rows." if len(rows) > MOST_ROWS else ""
