"""What the templates show, already in words: no template computes, no computation writes HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

STRIP_WIDTH, STRIP_PAD = 200, 6
"""Size of a drawn interval and the room at its ends, in CSS pixels."""


@dataclass(frozen=True)
class Value:
    """A figure as shown, and the number that a column is sorted by."""

    text: str
    number: float | None = None


@dataclass(frozen=True)
class Column:
    """A column of figures."""

    label: str
    help: str
    group: str
    """`score`, `metric` or `cost`: where rules are drawn between columns."""


@dataclass(frozen=True)
class Strip:
    """An interval drawn in a table cell; positions in pixels."""

    mean: float
    low: float | None
    high: float | None
    seeds: tuple[float, ...]


@dataclass(frozen=True)
class Tick:
    """A labelled position of the axis above the strips."""

    label: str
    x: float


@dataclass(frozen=True)
class RowView:
    """A row of a leaderboard table."""

    place: int
    backbone: str
    strategy: str
    baseline: bool
    marks: tuple[str, ...]
    """Short words beside the name, such as `baseline` or `reproduced`."""
    notes: str
    href: str
    """Where its runs are shown, after the table's `base`."""
    score: Value
    spread: str
    interval: str
    strip: Strip
    tied: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Finding:
    """What a table says, before the evidence."""

    leader: str
    score: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Duel:
    """One cell of the matrix of paired tests: the row against the column."""

    verdict: str
    """`better`, `worse`, `tied` or `self`."""
    text: str
    help: str


@dataclass(frozen=True)
class Duels:
    """Every row against every other."""

    names: tuple[str, ...]
    cells: tuple[tuple[Duel, ...], ...]
    caption: str


@dataclass(frozen=True)
class Heat:
    """Shares from 0 to 1, by model (row) and class or family (column)."""

    title: str
    caption: str
    columns: tuple[tuple[str, str], ...]
    """Name and what stands below it."""
    rows: tuple[tuple[str, str, tuple[float | None, ...]], ...]
    """Name, where its runs are shown (after the table's `base`), and the shares."""


@dataclass(frozen=True)
class Multiple:
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


@dataclass(frozen=True)
class Multiples:
    """Confusion matrices of several rows beside each other."""

    title: str
    levels: tuple[int, ...]
    """Percentages of the true class from which on a cell is a shade darker."""
    items: tuple[Multiple, ...]


@dataclass(frozen=True)
class Chart:
    """A picture and what it says in words."""

    title: str
    caption: str
    svg: Markup


@dataclass(frozen=True)
class TableView:
    """A leaderboard table with its evidence."""

    anchor: str
    key: str
    title: str
    part: str
    split: str
    protocol: str
    n: int
    facts: tuple[str, ...]
    simulated: bool
    metric: str
    help: str
    """What the metric is, if its name does not say so."""
    finding: Finding | None
    columns: tuple[Column, ...]
    ticks: tuple[Tick, ...]
    rows: tuple[RowView, ...]
    base: str
    """What links to runs begin with."""
    tested: bool
    left_out: int
    """Rows that stand on the table's own page only."""
    href: str
    """That page, if there is one."""
    duels: Duels | None
    confusions: Multiples | None
    heats: tuple[Heat, ...]
    charts: tuple[Chart, ...]
    caveats: tuple[str, ...]


@dataclass(frozen=True)
class Ranks:
    """Rows ranked over several tasks."""

    tasks: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    """Name and average rank, best first."""
    wins: tuple[tuple[str, ...], ...]
    chart: Chart
    caption: str


@dataclass(frozen=True)
class ReferenceView:
    """The figures of one publication in one metric: a line a model, a column a split."""

    source: str
    metric: str
    citation: str
    url: str
    """Empty unless it is a web address."""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Confusion:
    """Items by true class (row) and predicted class (column), over all seeds."""

    labels: tuple[str, ...]
    rows: tuple[tuple[tuple[int, int], ...], ...]
    """Count, and the percentage of the true class."""


@dataclass(frozen=True)
class PartView:
    """How the runs of a row did on one test part."""

    name: str
    n: int
    truncated: int
    metrics: tuple[tuple[str, str, str, str], ...]
    """Name, mean, interval over items, interval over seeds."""
    classes: tuple[tuple[str, str, tuple[float, float, float]], ...]
    """Name, items, and precision, recall and F1."""
    confusion: Confusion | None
    families: Heat | None


@dataclass(frozen=True)
class RunView:
    """The runs of one row: their settings, where they come from, and how they did."""

    name: str
    anchor: str
    backbone: str
    strategy: str
    notes: str
    """What tells the row apart from others of this name."""
    task: str
    headline: tuple[tuple[str, str], ...]
    settings: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]
    seeds_header: tuple[str, ...]
    seeds: tuple[tuple[str, ...], ...]
    """A line a run."""
    parts: tuple[PartView, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True)
class FoldsView:
    """A split with folds: the rows over all of them, and the table of each."""

    heat: Heat
    tables: tuple[TableView, ...]


@dataclass(frozen=True)
class TaskView:
    """A task with its tables."""

    anchor: str
    name: str
    title: str
    first: TableView
    """Its finding is that of the task."""
    tables: tuple[TableView, ...]
    """All but those of folds."""
    folds: tuple[FoldsView, ...]
    references: tuple[ReferenceView, ...]


@dataclass(frozen=True)
class Board:
    """All of it."""

    title: str
    counts: str
    protocol: str
    limits: tuple[str, ...]
    tasks: tuple[TaskView, ...]
    ranks: Ranks | None
    runs: tuple[RunView, ...]
    filters: Mapping[str, tuple[str, ...]]
    """By label, the choices of a filter; those with one choice are left out."""
