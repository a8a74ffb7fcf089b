"""What is taken for what: matrices of counts, and small pictures of those of the best rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.leaderboard.page.breakdowns import Link
from rnaernie_bench.leaderboard.rows import Row
from rnaernie_bench.leaderboard.tables import Table
from rnaernie_bench.results.record import Record

MOST_NETWORKS, LEAST_DRAWN = 5, 3
"""So many networks are drawn, each in its best row, and beside them the best baseline; where there
are few networks, further baselines."""

SHADES = (2, 5, 10, 25, 50, 75)
"""Percentages of a true class from which on a cell is a shade darker; below, it is left empty."""

SIDE, LEAST_CELL, MOST_CELL = 168, 8, 28
"""Side of a picture, and the smallest and largest cell that is drawn for it, in CSS pixels."""

LETTER = 5.6
"""Width of a letter beside a picture, in CSS pixels; names are cut to `LONGEST` letters."""

LONGEST = 16


@dataclass(frozen=True)
class Confusion:
    """Items by true class (row) and predicted class (column), over all seeds."""

    labels: tuple[str, ...]
    rows: tuple[tuple[tuple[int, int], ...], ...]
    """Count, and the percentage of the true class."""


@dataclass(frozen=True)
class Picture:
    """A confusion matrix as a small picture, a unit a cell."""

    name: str
    href: str
    """Where its runs are shown, after the table's `base`."""
    summary: str
    """What it shows, in words."""
    labels: tuple[str, ...]
    """Of the classes, cut to fit."""
    margin: int
    """Room for the labels, in CSS pixels."""
    cell: int
    """Side of a cell, in CSS pixels."""
    shades: tuple[tuple[str, str], ...]
    """Class of the style, such as `right s3`, and the path of all cells that have it."""


def confusion(runs: Sequence[Record], part: str) -> Confusion | None:
    """Return the confusion matrix of some runs put together; None if a record has none."""
    tests = [record["tests"][part] for record in runs]
    if not all(test.get("confusion") and test.get("per_class") for test in tests):
        return None
    # Plain integers: made into arrays, matrices of a dozen classes take four times as long.
    counts = [
        [sum(cells) for cells in zip(*lines, strict=True)]
        for lines in zip(*(test["confusion"] for test in tests), strict=True)
    ]
    return Confusion(tuple(tests[0]["per_class"]), tuple(map(_shares, counts)))


def _shares(line: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return each count of a true class with its percentage."""
    total = sum(line) or 1
    return tuple((count, round(100 * count / total)) for count in line)


def pictures(table: Table, records: Mapping[str, Record], link: Link) -> tuple[Picture, ...]:
    """Return the confusions of the best rows as small pictures, of those that have any.

    Args:
        table: the table.
        records: by run id, those of its rows.
        link: what a row is called, and where its runs are shown.
    """
    return tuple(
        _picture(*link(row), found)
        for row in _chosen(table)
        if (found := confusion([records[run_id] for run_id in row.run_ids], table.key.part))
    )


def _chosen(table: Table) -> list[Row]:
    """Return the best row of each of the best networks, and of the best baselines."""
    best: dict[str, Row] = {}
    for row in table.compared:
        best.setdefault(row.backbone, row)
    networks = [row for row in best.values() if row.kind != "baseline"][:MOST_NETWORKS]
    baselines = [row for row in best.values() if row.kind == "baseline"]
    baselines = baselines[: max(1, LEAST_DRAWN - len(networks))]
    return [row for row in best.values() if row in networks or row in baselines]


def _picture(name: str, href: str, found: Confusion) -> Picture:
    """Return what is drawn of a matrix: of each shade, the cells that have it."""
    size = len(found.labels)
    cell = max(LEAST_CELL, min(MOST_CELL, SIDE // size))
    shades: dict[str, list[str]] = {}
    for y, line in enumerate(found.rows):
        for x, (_, percent) in enumerate(line):
            shade = sum(percent >= least for least in SHADES)
            if shade:
                kind = f"{'right' if x == y else 'wrong'} s{shade}"
                shades.setdefault(kind, []).append(f"M{x} {y}h1v1h-1z")
    labels = tuple(wording.short(label, LONGEST) for label in found.labels)
    return Picture(
        name=name,
        href=href,
        summary=_in_words(found),
        labels=labels,
        margin=round(LETTER * max(map(len, labels))) + 6,
        cell=cell,
        shades=tuple(sorted((kind, "".join(cells)) for kind, cells in shades.items())),
    )


def _in_words(found: Confusion) -> str:
    """Say how much is right, and which class is most often taken for another."""
    right = sum(line[index][0] for index, line in enumerate(found.rows))
    total = sum(count for line in found.rows for count, _ in line)
    words = f"{100 * right / max(total, 1):.0f} % right"
    wrong = [
        (percent, -y, -x)
        for y, line in enumerate(found.rows)
        for x, (_, percent) in enumerate(line)
        if x != y and percent
    ]
    if not wrong:
        return words
    percent, y, x = max(wrong)
    return f"{words}; most often mistaken: {found.labels[-y]} for {found.labels[-x]}, {percent} %"
