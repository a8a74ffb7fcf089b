"""From tables to files: one page, or a page with a folder of further ones where rows are many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.core.files import atomic_folder, write_text
from rnaernie_bench.core.gc_pause import no_collection
from rnaernie_bench.leaderboard.explanations import LIMITS, PROTOCOL
from rnaernie_bench.leaderboard.page import breakdowns, wording
from rnaernie_bench.leaderboard.page.answers import answers_reader, no_answers
from rnaernie_bench.leaderboard.page.boards import (
    Sources,
    TableView,
    best_of,
    board,
    filters,
    table_view,
)
from rnaernie_bench.leaderboard.page.processes import spread
from rnaernie_bench.leaderboard.page.runs import RunView, run_view
from rnaernie_bench.leaderboard.page.templating import SCRIPT, STYLE, Templates
from rnaernie_bench.leaderboard.references import Reference, references_for
from rnaernie_bench.leaderboard.rows import Cell, Row
from rnaernie_bench.leaderboard.tables import Table
from rnaernie_bench.results.record import ComparabilityKey, Record

INLINE_ROWS = 60
"""Up to so many rows one file holds everything; beyond, there are pages beside it."""

ROWS_A_PAGE = 10
"""The runs of so many rows stand on a page: the strategies of a backbone."""

MARKER = STYLE
"""A folder with this file was written by us and may be replaced."""

RowOf = tuple[Row, Table]
"""A row, and the first of the tables that it stands in."""


@dataclass(frozen=True)
class Evidence:
    """What tables do not hold."""

    records: Sequence[Record]
    folders: Mapping[str, Path] = field(default_factory=dict)
    """By run id, where predictions lie; runs without are not broken down by family."""
    references: Callable[[str], Sequence[Reference]] = references_for
    """Figures published elsewhere, by the name of the task."""


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


def fits_one_file(found: Sequence[Table]) -> bool:
    """Return whether the page of these tables needs no others beside it."""
    return len({row.run_ids for table in found for row in table.rows}) <= INLINE_ROWS


@no_collection()
def one_page(found: Sequence[Table], evidence: Evidence) -> str:
    """Return the leaderboard as one page, however long: equal records, equal text.

    Args:
        found: the tables, as `leaderboard.build` gives them.
        evidence: what else is shown.

    Raises:
        ResultError: predictions are not those that their record names.
    """
    rows = _rows(found)
    sources = _sources(found, evidence, {ids: _anchor(row) for ids, (row, _) in rows.items()})
    first = _first_of_splits(found)
    views = [table_view(table, sources, base="#", first=table.key in first) for table in found]
    runs = [_run_view(of, sources) for of in rows.values()]
    return _main_page(Templates(), found, views, runs, sources)


@no_collection()
def write_page(path: Path, found: Sequence[Table], evidence: Evidence) -> Path:
    """Write the leaderboard to `path`: equal records, equal bytes.

    Many rows have pages of their own in a folder beside it: of `index.html`, in `index-details`.

    Args:
        path: the page to write.
        found: the tables, as `leaderboard.build` gives them.
        evidence: what else is shown.

    Returns:
        `path`.

    Raises:
        ResultError: predictions are not those that their record names.
        BenchError: a file cannot be written, or the folder holds something else.
    """
    folder = path.with_name(f"{path.stem}-details")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARKER).is_file():
        raise BenchError(
            "the folder has other files", where=folder, remedy="move it, or choose another name"
        )
    if fits_one_file(found):
        text = one_page(found, evidence)
        if folder.is_dir():
            with atomic_folder(folder, replace=True):
                pass
            folder.rmdir()
    else:
        with atomic_folder(folder, replace=True) as temporary:
            text = _pages(found, evidence, temporary, path.name, folder.name)
    write_text(path, text)
    return path


def _pages(found: Sequence[Table], evidence: Evidence, folder: Path, home: str, base: str) -> str:
    """Write the pages beside the main one into `folder`, and return the main one.

    Tables and pages of runs are one list of work, so that processes are made once.
    """
    templates, home = Templates(), f"../{home}"
    pages = _run_pages(found)
    addresses = {
        row.run_ids: f"{name}#{_anchor(row)}" for name, of in pages.items() for row, _ in of
    }
    sources = _sources(found, evidence, addresses)
    first = _first_of_splits(found)
    # Of many rows the predictions of the best ones are read: it takes longer than all the rest.
    best = {row.run_ids for table in found for row in table.rows[: breakdowns.MOST_ROWS]}
    unread = replace(sources, read=no_answers)

    def write(name: str, text: str) -> None:
        (folder / name).write_text(text, encoding="utf-8", newline="\n")

    def write_table(table: Table) -> TableView:
        whole = table_view(table, sources, base="", first=table.key in first)
        shown = best_of(whole, base)
        if shown.href:
            parts = {"view": whole, "filters": filters([whole]), "home": home}
            write(Path(shown.href).name, templates.render("table_page.html.jinja", **parts))
        return shown

    def write_runs(name: str) -> None:
        runs = [_run_view(of, sources if of[0].run_ids in best else unread) for of in pages[name]]
        write(name, templates.render("run_page.html.jinja", runs=runs, home=home))

    names = list(pages)

    def work(number: int) -> TableView | None:
        if number < len(found):
            return write_table(found[number])
        write_runs(names[number - len(found)])
        return None

    done = spread(work, range(len(found) + len(names)), least=2)
    write(STYLE, templates.css)
    write(SCRIPT, templates.javascript)
    views = [view for view in done if view is not None]
    return _main_page(templates, found, views, (), sources)


def _main_page(
    templates: Templates,
    found: Sequence[Table],
    views: Sequence[TableView],
    runs: Sequence[RunView],
    sources: Sources,
) -> str:
    words = {"protocol": PROTOCOL, "limits": LIMITS, "runs": runs}
    return templates.render("index.html.jinja", **words, **board(found, views, sources))


def _sources(
    found: Sequence[Table], evidence: Evidence, addresses: Mapping[tuple[str, ...], str]
) -> Sources:
    records = {record["run_id"]: record for record in evidence.records}
    read = answers_reader(records, evidence.folders)
    cells: dict[tuple[str, ...], dict[str, Mapping[str, Cell]]] = {}
    for table in found:
        for row in table.rows:
            cells.setdefault(row.run_ids, {})[table.key.part] = row.metrics
    return Sources(records, evidence.references, read, addresses, cells)


def _rows(found: Sequence[Table]) -> dict[tuple[str, ...], RowOf]:
    """Return all rows by run ids: by split, the best of each backbone's first."""
    rows = {row.run_ids: (row, table) for table in reversed(found) for row in table.rows}
    places = {ids: place for place, ids in enumerate(i for t in found for i in _ids(t))}
    order = sorted(rows, key=lambda ids: (_split(rows[ids]), rows[ids][0].backbone, places[ids]))
    return {ids: rows[ids] for ids in order}


def _ids(table: Table) -> list[tuple[str, ...]]:
    return [row.run_ids for row in table.rows]


def _split(of: RowOf) -> ComparabilityKey:
    """Return what the tables of a row have in common."""
    return replace(of[1].key, part="")


def _first_of_splits(found: Sequence[Table]) -> set[ComparabilityKey]:
    """Return the keys of the tables that come first of their split."""
    first = {replace(table.key, part="", fold=""): table.key for table in reversed(found)}
    return set(first.values())


def _run_pages(found: Sequence[Table]) -> dict[str, list[RowOf]]:
    """Return the rows that each page of runs holds, by its name."""
    groups: dict[tuple[ComparabilityKey, str], list[RowOf]] = {}
    for of in _rows(found).values():
        groups.setdefault((_split(of), of[0].backbone), []).append(of)
    parts = [
        rows[start : start + ROWS_A_PAGE]
        for rows in groups.values()
        for start in range(0, len(rows), ROWS_A_PAGE)
    ]
    return {f"runs-{wording.anchor(*rows[0][0].run_ids)}.html": rows for rows in parts}


def _anchor(row: Row) -> str:
    return f"run-{wording.anchor(*row.run_ids)}"


def _run_view(of: RowOf, sources: Sources) -> RunView:
    row, table = of
    cells = sources.cells[row.run_ids]
    return run_view(row, sources.records, sources.read, table.task.main_metric, cells)
