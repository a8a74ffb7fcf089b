"""From records to files: one page, and where there are many rows a folder of further pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from pathlib import Path

from rnaernie_bench.errors import BenchError
from rnaernie_bench.files import atomic_folder, write_text
from rnaernie_bench.results.across import across_tasks
from rnaernie_bench.results.collection import no_collection
from rnaernie_bench.results.folds import over_folds
from rnaernie_bench.results.leaderboard import Row, Table
from rnaernie_bench.results.page import breakdowns, charts, runs, tables, wording
from rnaernie_bench.results.page.processes import spread
from rnaernie_bench.results.page.templating import SCRIPT, STYLE, Templates
from rnaernie_bench.results.page.views import (
    Board,
    Ranks,
    ReferenceView,
    RunView,
    TableView,
    TaskView,
)
from rnaernie_bench.results.record import Record
from rnaernie_bench.results.references import Reference, references_for
from rnaernie_bench.results.rendering import caveats_of
from rnaernie_bench.results.tied import TESTED, Statistics, table_digest

INLINE_RUNS = 60
"""Up to so many rows the page holds everything; beyond, run pages are files of their own."""

MOST_ROWS = 50
"""Of a longer table the page shows the best rows and every baseline, a page of its own all."""

LEAST_PAGES = 300
"""From so many pages on they are written by several processes."""

MARKER = STYLE
"""A folder with this file was written by us and may be replaced."""


@dataclass(frozen=True)
class Evidence:
    """What tables do not hold."""

    records: Sequence[Record]
    folders: Mapping[str, Path] = field(default_factory=dict)
    """By run id, where predictions lie; runs without are not broken down by family."""
    statistics: Statistics = field(default_factory=dict)
    references: Callable[[str], Sequence[Reference]] = references_for
    """Figures published elsewhere, by the name of the task."""


@dataclass(frozen=True)
class Pages:
    """A built page: its HTML and, if there are many rows, the pages beside it by file name."""

    main: str
    further: Mapping[str, Callable[[], str]]
    """Rendered one by one when written: together they may be large."""


def prediction_folders(records: Sequence[Record], *roots: Path) -> dict[str, Path]:
    """Return by run id the folder that holds a run's predictions; runs without are left out.

    Args:
        records: imported ones or those of runs.
        roots: the folder of results, and perhaps that of runs.
    """
    found = {}
    for record in records:
        name = next(iter(record["tests"].values()))["predictions"]["path"]
        task, run_id = record["task"]["name"], record["run_id"]
        places = [
            root / task / place for root in roots for place in (record["split"]["name"], run_id)
        ]
        folder = next((place for place in places if (place / name).is_file()), None)
        if folder:
            found[run_id] = folder
    return found


@no_collection()
def write_page(
    path: Path,
    found: Sequence[Table],
    evidence: Evidence,
    *,
    protocol: str = "",
    limits: Sequence[str] = (),
) -> Path:
    """Write the leaderboard to `path`: equal records, equal bytes.

    Many rows have pages of their own in a folder beside it: of `index.html`, in `index-details`.

    Args:
        path: the page to write.
        found: the tables, as `leaderboard.build` gives them.
        evidence: what else is shown.
        protocol: what the protocol demands, in one paragraph.
        limits: what the figures do not show, a sentence each.

    Returns:
        `path`.

    Raises:
        ResultError: predictions are not those that their record names.
        BenchError: a file cannot be written, or the folder holds something else.
    """
    folder = path.with_name(f"{path.stem}-details")
    pages = build_pages(found, evidence, folder.name, protocol=protocol, limits=limits)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise BenchError(
            "the folder holds other files", where=folder, remedy="move it, or choose another name"
        )
    if pages.further:
        with atomic_folder(folder, replace=True) as temporary:

            def write(name: str) -> None:
                text = pages.further[name]()
                (temporary / name).write_text(text, encoding="utf-8", newline="\n")

            spread(write, list(pages.further), least=LEAST_PAGES)
    elif folder.is_dir():
        with atomic_folder(folder, replace=True):
            pass
        folder.rmdir()
    write_text(path, pages.main)
    return path


def build_pages(
    found: Sequence[Table],
    evidence: Evidence,
    folder: str,
    *,
    protocol: str = "",
    limits: Sequence[str] = (),
) -> Pages:
    """Build the leaderboard without writing it; `folder` is where further pages will lie."""
    records = {record["run_id"]: record for record in evidence.records}
    read = breakdowns.answers_reader(records, evidence.folders)
    rows = {row.run_ids: (row, table) for table in reversed(found) for row in table.rows}
    inline = len(rows) <= INLINE_RUNS

    # Of many rows the predictions of the best ones are read: it takes longer than all the rest.
    best = {row.run_ids for table in found for row in table.rows[: breakdowns.MOST_ROWS]}

    def run_of(run_ids: tuple[str, ...]) -> RunView:
        row, table = rows[run_ids]
        answers = read if inline or run_ids in best else breakdowns.no_answers
        return runs.run_view(row, records, answers, table.task.main_metric)

    def whole_of(number: int) -> TableView:
        return _table(found[number], records, evidence, read, inline=inline)

    numbers = range(len(found))
    whole = list(map(whole_of, numbers)) if inline else spread(whole_of, numbers, least=2)
    views = whole if inline else [_best(view, folder) for view in whole]
    task_views = _tasks(found, views, evidence)
    shown = sorted(rows, key=lambda ids: (rows[ids][1].key, rows[ids][0].backbone, ids))
    board = Board(
        title="RNA language models, compared",
        counts=", ".join(
            (
                wording.plural(len(records), "run"),
                wording.plural(len(rows), "row"),
                wording.plural(len(found), "table"),
                wording.plural(len(task_views), "task"),
            )
        ),
        protocol=protocol,
        limits=tuple(limits),
        tasks=task_views,
        ranks=_ranks(found),
        runs=tuple(run_of(ids) for ids in shown) if inline else (),
        filters=_filters(views),
    )
    templates = Templates()
    main = templates.render("index.html.jinja", board=board)
    if inline:
        return Pages(main, {})
    further: dict[str, Callable[[], str]] = {STYLE: lambda: templates.css}
    further[SCRIPT] = lambda: templates.javascript
    home = f"../{folder.removesuffix('-details')}.html"

    def table_page(view: TableView) -> str:
        chosen = {"table": replace(view, base=""), "filters": _filters([view])}
        return templates.render("table_page.html.jinja", **chosen, board=board, home=home)

    def run_page(run_ids: tuple[str, ...]) -> str:
        run = run_of(run_ids)
        return templates.render("run_page.html.jinja", run=run, board=board, home=home)

    for view, complete in zip(views, whole, strict=True):
        if view.left_out:
            further[Path(view.href).name] = partial(table_page, complete)
    for ids in shown:
        further[_run_file(rows[ids][0])] = partial(run_page, ids)
    return Pages(main, further)


def _run_file(row: Row) -> str:
    return f"run-{wording.anchor(*row.run_ids)}.html"


def _table(
    table: Table,
    records: Mapping[str, Record],
    evidence: Evidence,
    read: breakdowns.ReadAnswers,
    *,
    inline: bool,
) -> TableView:
    """Return a table with all of its rows, as its own page shows it."""
    key, task = table.key, table.task

    def href(row: Row) -> str:
        name = _run_file(row)
        return Path(name).stem if inline else name

    listed, ticks = tables.rows(table, records, href)
    tests = evidence.statistics.get(
        table_digest(
            key,
            [records[run_id] for row in table.compared for run_id in row.run_ids],
            task.main_metric,
            by=task.by,
        )
    )
    anchor = f"table-{wording.anchor(*astuple(key))}"
    heats = (
        breakdowns.by_class(table.rows, records, key.part, href),
        breakdowns.by_column(table.rows, records, key.part, task.main_metric, href),
        breakdowns.by_family(table.rows, read, key.part, href),
        breakdowns.by_length(table.rows, read, key.part, href),
        breakdowns.by_kind(table.rows, records, key.part, href),
        breakdowns.by_identity(table.rows, records, key.part, href),
    )
    drawn = (*charts.cost_charts(table, MOST_ROWS), charts.learning_curves(table, records))
    better = "higher" if task.higher_is_better else "lower"
    fold = f", fold {key.fold}" if key.fold else ""
    facts = [
        f"{wording.plural(table.n, 'test item')}",
        f"{tables.main_name(table)}, {better} is better",
    ]
    facts += [f"data {key.dataset[:12]}"]
    if table.budget:
        facts.append(f"budget of trained rows: {table.budget}")
    if table.untested:
        facts.append(f"{TESTED[0].lower()}{TESTED[1:]}")
    return TableView(
        anchor=anchor,
        key=key.task,
        title=task.title,
        part=key.part,
        split=f"{key.split}{fold}",
        protocol=key.protocol,
        n=table.n,
        facts=tuple(facts),
        simulated=table.simulated,
        metric=tables.main_name(table),
        finding=tables.finding(table),
        columns=tables.columns(table),
        ticks=ticks,
        rows=tuple(listed),
        base="#" if inline else "",
        tested=any(row.tied for row in listed),
        left_out=0,
        href="",
        duels=tables.duels(table, tests),
        heats=tuple(heat for heat in heats if heat),
        charts=tuple(chart for chart in drawn if chart),
        caveats=tuple(caveats_of(table)),
    )


def _best(view: TableView, folder: str) -> TableView:
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


def _tasks(
    found: Sequence[Table], views: Sequence[TableView], evidence: Evidence
) -> tuple[TaskView, ...]:
    """Group the tables by task and data, in their order."""
    groups: dict[tuple[str, bool], list[TableView]] = {}
    for view in views:
        groups.setdefault((view.key, view.simulated), []).append(view)
    folds = over_folds(found)
    return tuple(
        TaskView(
            anchor=f"task-{wording.anchor(key, str(simulated))}",
            name=key,
            title=f"{'Simulated data: ' if simulated else ''}{group[0].title}",
            tables=tuple(group),
            folds=tuple(
                breakdowns.by_fold(table)
                for table in folds
                if (table.key.task, table.simulated) == (key, simulated)
            ),
            references=tuple(
                reference_view(reference)
                for reference in evidence.references(key.partition("@")[0])
                if not simulated
            ),
        )
        for (key, simulated), group in groups.items()
    )


def reference_view(reference: Reference) -> ReferenceView:
    """Return how a figure published elsewhere is shown."""
    return ReferenceView(
        model=reference.model,
        split=reference.split,
        metric=wording.metric_label(reference.metric),
        value=f"{reference.value:.4g}",
        source=reference.source,
        citation=reference.citation,
        url=reference.url if reference.url.startswith(("https://", "http://")) else "",
        note=reference.note,
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


def _filters(views: Sequence[TableView]) -> dict[str, tuple[str, ...]]:
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
