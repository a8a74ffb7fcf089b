"""From tables and records to what the templates of the page show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace

from rnaernie_bench.leaderboard.across import across_tasks
from rnaernie_bench.leaderboard.folds import FoldTable, over_folds
from rnaernie_bench.leaderboard.page import breakdowns, charts, confusions, tables, wording
from rnaernie_bench.leaderboard.page.answers import ReadAnswers
from rnaernie_bench.leaderboard.page.views import (
    Board,
    FoldsView,
    Ranks,
    ReferenceView,
    RunView,
    TableView,
    TaskView,
)
from rnaernie_bench.leaderboard.references import Published, Reference, published
from rnaernie_bench.leaderboard.rendering import caveats_of
from rnaernie_bench.leaderboard.tables import Row, Table, digest_of
from rnaernie_bench.leaderboard.tied import TESTED, Statistics
from rnaernie_bench.results.record import ComparabilityKey, Record

MOST_ROWS = 50
"""Of a longer table the page shows the best rows and every baseline, a page of its own all."""


@dataclass(frozen=True)
class Sources:
    """What views are made from, beside the tables."""

    records: Mapping[str, Record]
    """By run id."""
    statistics: Statistics
    references: Callable[[str], Sequence[Reference]]
    """Figures published elsewhere, by the name of the task."""
    read: ReadAnswers
    addresses: Mapping[tuple[str, ...], str]
    """By run ids, where a row's runs are shown."""


def table_view(table: Table, sources: Sources, *, base: str, first: bool) -> TableView:
    """Return a table with all of its rows, as its own page shows it.

    Args:
        table: the table.
        sources: what is shown beside it.
        base: what links to runs begin with.
        first: whether it is the first of its split, whose costs those of others repeat.
    """
    key, task, records, read = table.key, table.task, sources.records, sources.read
    called = tables.row_names(table)

    def link(row: Row) -> tuple[str, str]:
        return called[row.run_ids], sources.addresses[row.run_ids]

    listed, ticks = tables.rows(table, records, lambda row: sources.addresses[row.run_ids])
    heats = (
        breakdowns.by_class(table.rows, records, key.part, link),
        breakdowns.by_column(table.rows, records, key.part, task.main_metric, link),
        breakdowns.by_family(table.rows, read, key.part, link),
        breakdowns.by_length(table.rows, read, key.part, link),
        breakdowns.by_kind(table.rows, records, key.part, link),
        breakdowns.by_identity(table.rows, records, key.part, link),
    )
    drawn = (
        *charts.cost_charts(table, MOST_ROWS, every=first),
        charts.learning_curves(table, records),
    )
    return TableView(
        anchor=f"table-{wording.anchor(*astuple(key))}",
        key=key.task,
        title=task.title,
        part=key.part,
        split=f"{key.split}, fold {key.fold}" if key.fold else key.split,
        protocol=key.protocol,
        n=table.n,
        facts=tuple(_facts(table)),
        simulated=table.simulated,
        metric=tables.main_name(table),
        help=wording.metric_help(task.main_metric),
        finding=tables.finding(table),
        columns=tables.columns(table),
        ticks=ticks,
        rows=tuple(listed),
        base=base,
        tested=any(row.tied for row in listed),
        left_out=0,
        href="",
        duels=tables.duels(table, sources.statistics.get(digest_of(table, records))),
        confusions=confusions.multiples(table, records, link),
        heats=tuple(heat for heat in heats if heat),
        charts=tuple(chart for chart in drawn if chart),
        caveats=tuple(caveats_of(table)),
    )


def _facts(table: Table) -> list[str]:
    better = "higher" if table.task.higher_is_better else "lower"
    facts = [
        wording.plural(table.n, "test item"),
        f"{tables.main_name(table)}, {better} is better",
        f"data fingerprint {table.key.dataset[:12]}",
    ]
    if table.budget:
        facts.append(f"budget of trained rows: {table.budget}")
    if table.untested:
        facts.append(f"{TESTED[0].lower()}{TESTED[1:]}")
    return facts


def best_of(view: TableView, folder: str) -> TableView:
    """Return what the main page shows of a table; a longer one has a page in `folder`."""
    shown = tuple(row for row in view.rows if row.place <= MOST_ROWS or row.baseline)
    left_out = len(view.rows) - len(shown)
    return replace(
        view,
        rows=shown,
        base=f"{folder}/",
        left_out=left_out,
        href=f"{folder}/{view.anchor}.html" if left_out else "",
    )


def board(
    found: Sequence[Table],
    views: Sequence[TableView],
    runs: Sequence[RunView],
    sources: Sources,
    *,
    protocol: str,
    limits: Sequence[str],
) -> Board:
    """Return all of the main page.

    Args:
        found: the tables.
        views: what is shown of each.
        runs: those on the page itself.
        sources: what is shown beside them.
        protocol: what the protocol demands.
        limits: what the figures do not show, a sentence each.
    """
    tasks = _tasks(found, views, sources)
    counts = (
        wording.plural(len(sources.records), "run"),
        wording.plural(len(sources.addresses), "row"),
        wording.plural(len(found), "table"),
        wording.plural(len(tasks), "task"),
    )
    return Board(
        title="RNA language models, compared",
        counts=", ".join(counts),
        protocol=protocol,
        limits=tuple(limits),
        tasks=tasks,
        ranks=_ranks(found),
        runs=tuple(runs),
        filters=filters(views),
    )


def _tasks(
    found: Sequence[Table], views: Sequence[TableView], sources: Sources
) -> tuple[TaskView, ...]:
    """Group the tables by task and data, in their order; those of folds stand together."""
    groups: dict[tuple[str, bool], list[tuple[Table, TableView]]] = {}
    for table, view in zip(found, views, strict=True):
        groups.setdefault((view.key, view.simulated), []).append((table, view))
    return tuple(
        _task(key, simulated, group, sources) for (key, simulated), group in groups.items()
    )


def _task(
    key: str, simulated: bool, group: Sequence[tuple[Table, TableView]], sources: Sources
) -> TaskView:
    first = group[0][1]
    alone, folds = list(group), []
    for whole in over_folds([table for table, _ in group]):
        inside = [pair for pair in alone if _split(pair[0]) == _split(whole)]
        folds.append(FoldsView(breakdowns.by_fold(whole), tuple(view for _, view in inside)))
        alone = [pair for pair in alone if _split(pair[0]) != _split(whole)]
    references = () if simulated else sources.references(key.partition("@")[0])
    return TaskView(
        anchor=f"task-{wording.anchor(key, str(simulated))}",
        name=key,
        title=f"{'Simulated data: ' if simulated else ''}{first.title}",
        first=first,
        tables=tuple(view for _, view in alone),
        folds=tuple(folds),
        references=tuple(map(_reference_view, published(references))),
    )


def _split(table: Table | FoldTable) -> ComparabilityKey:
    return replace(table.key, fold="", part="")


def _reference_view(found: Published) -> ReferenceView:
    """Return how figures published elsewhere are shown."""
    first = found.first
    return ReferenceView(
        source=first.source,
        metric=wording.metric_label(first.metric),
        citation=first.citation,
        url=first.url if first.url.startswith(("https://", "http://")) else "",
        columns=found.splits,
        rows=tuple((model, tuple(map(wording.figure, values))) for model, values in found.rows),
        notes=found.notes,
    )


def _ranks(found: Sequence[Table]) -> Ranks | None:
    """Return ranks over tasks; None for fewer than two."""
    across = across_tasks(found)
    if across is None:
        return None
    shown = range(min(len(across.rows), tables.MOST_DUELS))
    ranked = [(wording.row_name(*across.rows[i]), across.average_ranks[i]) for i in shown]
    return Ranks(
        tasks=across.tasks,
        rows=tuple((name, f"{rank:.2f}") for name, rank in ranked),
        wins=tuple(
            tuple("" if i == j else f"{100 * across.win_rates[i][j]:.0f} %" for j in shown)
            for i in shown
        ),
        chart=charts.rank_chart(ranked, across.critical_difference),
        caption="Share of tasks on which the row beats the column; ties count half.",
    )


def filters(views: Sequence[TableView]) -> dict[str, tuple[str, ...]]:
    """Return the choices of every filter that has a choice."""
    choices = {
        "task": {view.key for view in views},
        "split": {view.split for view in views},
        "part": {view.part for view in views},
        "protocol": {view.protocol for view in views},
        "backbone": {row.backbone for view in views for row in view.rows},
        "strategy": {row.strategy for view in views for row in view.rows},
    }
    return {name: tuple(sorted(values)) for name, values in choices.items() if len(values) > 1}
