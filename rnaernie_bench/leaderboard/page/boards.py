"""From tables and records to what the templates of the page show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from rnaernie_bench.leaderboard.across import across_tasks
from rnaernie_bench.leaderboard.extra_tables import limits_of
from rnaernie_bench.leaderboard.folds import FoldTable, over_folds
from rnaernie_bench.leaderboard.front import CLAIM, GROUPS, front
from rnaernie_bench.leaderboard.page import breakdowns, charts, confusions, tables, wording
from rnaernie_bench.leaderboard.page.answers import ReadAnswers
from rnaernie_bench.leaderboard.page.elsewhere import computed_elsewhere
from rnaernie_bench.leaderboard.plain import says, shows_not
from rnaernie_bench.leaderboard.references import Published, Reference, published
from rnaernie_bench.leaderboard.rendering import caveats_of, undefined_in
from rnaernie_bench.leaderboard.rows import Cell, Row
from rnaernie_bench.leaderboard.tables import Table
from rnaernie_bench.results.record import ComparabilityKey, Record

MOST_ROWS = 50
"""Of a longer table the page shows the best rows and every baseline, a page of its own all."""


@dataclass(frozen=True)
class Sources:
    """What views are made from, beside the tables."""

    records: Mapping[str, Record]
    """By run id."""
    references: Callable[[str], Sequence[Reference]]
    """Figures published elsewhere, by the name of the task."""
    read: ReadAnswers
    addresses: Mapping[tuple[str, ...], str]
    """By run ids, where a row's runs are shown."""
    cells: Mapping[tuple[str, ...], Mapping[str, Mapping[str, Cell]]]
    """By run ids, test part and metric, what tables show."""


@dataclass(frozen=True)
class TableView:
    """A leaderboard table with its evidence."""

    table: Table
    anchor: str
    split: str
    """With the fold, if there is one."""
    finding: tables.Finding | None
    columns: tuple[tables.Column, ...]
    contrasts: tuple[str, ...]
    """Headings of the contrasts."""
    axis: tables.Axis
    rows: tuple[tables.RowView, ...]
    """Those that are shown."""
    base: str
    """What links to runs begin with."""
    href: str
    """The page of the whole table, if there is one."""
    confusions: tuple[confusions.Picture, ...]
    heats: tuple[breakdowns.Heat, ...]
    charts: tuple[charts.Chart, ...]
    caveats: tuple[str, ...]
    says: str
    shows_not: str


@dataclass(frozen=True)
class FoldsView:
    """A split with folds: the rows over all of them, and the table of each."""

    heat: breakdowns.Heat
    tables: tuple[TableView, ...]
    leads: bool = False
    """Whether it is the default split of its task, and so comes first."""


@dataclass(frozen=True)
class TaskView:
    """A task with its tables."""

    anchor: str
    title: str
    first: TableView
    """The default test part of the default split, or of its first fold."""
    finding: tables.Finding | None
    """Of that table, or over the folds that it is one of."""
    tables: tuple[TableView, ...]
    """All but those of folds."""
    folds: tuple[FoldsView, ...]
    references: tuple[Published, ...]


def table_view(table: Table, sources: Sources, *, base: str, first: bool) -> TableView:
    """Return a table with all of its rows, as its own page shows it.

    Args:
        table: the table.
        sources: what is shown beside it.
        base: what links to runs begin with.
        first: whether it is the first of its split, whose costs those of others repeat.
    """
    key, records = table.key, sources.records
    names = tables.row_names(table)

    def link(row: Row) -> tuple[str, str]:
        return names[row.run_ids], sources.addresses[row.run_ids]

    rows, axis = tables.rows(table, records, sources.addresses)
    return TableView(
        table=table,
        anchor=f"table-{wording.anchor(*astuple(key))}",
        split=f"{key.split}, fold {key.fold}" if key.fold else key.split,
        finding=tables.finding(table),
        columns=tables.columns(table),
        contrasts=tables.contrast_columns(table),
        axis=axis,
        rows=rows,
        base=base,
        href="",
        confusions=confusions.pictures(table, records, link),
        heats=tuple(breakdowns.heats(table, records, sources.read, link)),
        charts=(
            *charts.cost_charts(table, MOST_ROWS, every=first),
            *charts.learning_curves(table, records),
        ),
        caveats=(*undefined_in(table), *caveats_of(table)),
        says=says(table),
        shows_not=shows_not(table),
    )


def best_of(view: TableView, folder: str) -> TableView:
    """Return what the main page shows of a table; a longer one has a page in `folder`."""
    shown = tuple(row for row in view.rows if row.place <= MOST_ROWS or row.row.kind != "encoder")
    href = f"{folder}/{view.anchor}.html" if len(shown) < len(view.rows) else ""
    return replace(view, rows=shown, base=f"{folder}/", href=href)


def board(found: Sequence[Table], views: Sequence[TableView], sources: Sources) -> dict[str, Any]:
    """Return what the template of the main page shows, save the runs.

    Args:
        found: the tables.
        views: what is shown of each.
        sources: what is shown beside them.
    """
    groups: dict[tuple[str, bool], list[TableView]] = {}
    for view in views:
        groups.setdefault((view.table.key.task, view.table.simulated), []).append(view)
    across = across_tasks(found)
    counts = {
        "run": len(sources.records),
        "row": len(sources.addresses),
        "table": len(found),
        "task": len(groups),
    }
    return {
        "counts": ", ".join(wording.plural(number, thing) for thing, number in counts.items()),
        "tasks": [_task(group, sources) for group in groups.values()],
        "front": front(found),
        "front_groups": tuple(GROUPS),
        "front_claim": CLAIM,
        "across": across,
        "ranks": across and charts.rank_chart(across, tables.MOST_RANKED),
        "most_ranks": tables.MOST_RANKED,
        "limits_of_ranks": limits_of(across) if across else [],
        "filters": filters(views),
    }


def _task(group: Sequence[TableView], sources: Sources) -> TaskView:
    """Return a task from its tables; those of folds stand together."""
    first, alone, folds = group[0], list(group), []
    finding = first.finding
    key, simulated = first.table.key.task, first.table.simulated
    for whole in over_folds([view.table for view in group]):
        inside = tuple(view for view in alone if _split(view.table) == _split(whole))
        leads = whole.key.split == whole.task.default_split
        finding = tables.finding_over_folds(whole) if leads else finding
        folds.append(FoldsView(breakdowns.by_fold(whole), inside, leads))
        alone = [view for view in alone if _split(view.table) != _split(whole)]
    told = computed_elsewhere([view.table for view in group])
    if finding and told:
        finding = finding._replace(sentences=(told, *finding.sentences))
    references = () if simulated else sources.references(key.partition("@")[0])
    return TaskView(
        anchor=f"task-{wording.anchor(key, str(simulated))}",
        title=f"{'Simulated data: ' if simulated else ''}{first.table.task.title}",
        first=first,
        finding=finding,
        tables=tuple(alone),
        folds=tuple(folds),
        references=tuple(published(references)),
    )


def _split(table: Table | FoldTable) -> ComparabilityKey:
    return replace(table.key, fold="", part="")


def filters(views: Sequence[TableView]) -> dict[str, list[str]]:
    """Return by label the choices of every filter that has a choice."""
    rows = [view.row for table in views for view in table.rows]
    choices = {
        "task": {view.table.key.task for view in views},
        "split": {view.split for view in views},
        "part": {view.table.key.part for view in views},
        "protocol": {view.table.key.protocol for view in views},
        "backbone": {row.backbone for row in rows},
        "strategy": {row.strategy for row in rows},
    }
    return {name: sorted(values) for name, values in choices.items() if len(values) > 1}
