"""Leaderboard tables as text, Markdown, CSV and JSON, and the page of the results folder."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from rnaernie_bench.core.files import write_text
from rnaernie_bench.leaderboard.across import Across, across_tasks
from rnaernie_bench.leaderboard.contrasts import ALONE, REFERENCES, SHORTCUT, in_words, kinds_among
from rnaernie_bench.leaderboard.elsewhere import CAVEAT
from rnaernie_bench.leaderboard.extra_tables import Block, extra_tables
from rnaernie_bench.leaderboard.front import as_markdown, front
from rnaernie_bench.leaderboard.plain import says, shows_not
from rnaernie_bench.leaderboard.references import Reference, references_for
from rnaernie_bench.leaderboard.rows import Cell, Row
from rnaernie_bench.leaderboard.tables import Table
from rnaernie_bench.leaderboard.text import escaped, printable

FORMATS = ("table", "md", "front", "csv", "json")

LEGEND = (
    "Mean ± standard deviation over seeds; in brackets the 95 % interval of the mean over seeds "
    "and test items, over items alone where there is one run."
)

CONTRASTS = (
    "Columns `against ...`: by how much a row is better, with its 95 % interval over seeds and "
    "items. What it beats or trails has p <= 0.05 after Holm's correction in its table, with five "
    "seeds or more a side, none of them cut short (docs/statistics.md)."
)

PUBLISHED = (
    "A test part chose the epoch of every row, and items that fill no batch were not scored: the "
    "figures are too high, and not comparable with those of protocol clean."
)
UNCHOSEN = (
    "Nothing was trained, and no validation part chose among rows: the best of many settings of a "
    "model is the best on these very items."
)
SIMULATED = "The data is simulated: the figures say nothing about real RNA."

CONTROLS = (
    "A control uses what it has to predict, such as an RNA type that follows from the label: "
    "it is listed below the others, and is neither ranked nor tested against them."
)

_COSTS = ("parameters", "train_s", "items_per_s", "peak_rss_mb", "peak_gpu_mb", "trials")
_HEADERS = {"train_s": "train s", "items_per_s": "items/s", "peak_rss_mb": "RAM MB",
            "peak_gpu_mb": "GPU MB"}  # fmt: skip


def render(
    tables: Sequence[Table],
    format: str,
    *,
    references: Sequence[Reference] = (),
    across: Across | None = None,
) -> str:
    """Render `tables` in one of `FORMATS`, ending in a line break.

    `table`, `md` and `front`, a line a task, are for reading and round; `csv` and `json` are for
    programs and do not. CSV holds one line a row and metric, and no ranks over tasks.

    Args:
        tables: in the order they are shown.
        format: one of `FORMATS`.
        references: published figures of others, shown after the tables.
        across: ranks over tasks.

    Raises:
        KeyError: the format is unknown.
    """
    if format == "csv":
        return _as_csv(tables, references)
    if format == "json":
        return _as_json(tables, references, across)
    if format == "front":
        return as_markdown(front(tables))
    renderers = {"table": _as_text, "md": _as_markdown}
    return renderers[format](tables, references, across)


def references_of(tables: Sequence[Table]) -> list[Reference]:
    """Return the published figures that belong to the tasks of `tables`, simulated data apart."""
    real = dict.fromkeys(task_name(table) for table in tables if not table.simulated)
    return [reference for name in real for reference in references_for(name)]


def task_name(table: Table) -> str:
    """Return the name of a table's task, without its version."""
    return table.key.task.partition("@")[0]


def build_results(
    results_dir: Path,
    tables: Sequence[Table],
    *,
    records: int,
    protocol: str = "",
    limits: Sequence[str] = (),
) -> Path:
    """Rebuild `results_dir/README.md` from tables: equal records, equal bytes.

    Args:
        results_dir: the folder of imported records.
        tables: what `leaderboard.build` makes of them, with the letters of tied groups.
        records: how many they are.
        protocol: what the protocol demands, in one paragraph.
        limits: what the figures do not show, a sentence each.

    Returns:
        The path of the page.

    Raises:
        BenchError: the page cannot be written.
    """
    runs = "1 record" if records == 1 else f"{records} records"
    shown = _as_markdown(tables, references_of(tables), across_tasks(tables))
    blocks = [
        "# Results",
        f"Built by `rnaernie-bench results build` from the {runs} beside this page; "
        "changes made by hand are lost.",
        protocol,
        as_markdown(front(tables)).rstrip("\n"),
        shown.rstrip("\n"),
    ]
    if limits:
        blocks += ["## What the figures do not show", "\n".join(f"- {limit}" for limit in limits)]
    path = results_dir / "README.md"
    write_text(path, "\n\n".join(filter(None, blocks)) + "\n")
    return path


def _title(table: Table) -> str:
    fold = f", fold {table.key.fold}" if table.key.fold else ""
    simulated = "SIMULATED DATA: " if table.simulated else ""
    published = "AS_PUBLISHED: " if table.key.protocol == "as_published" else ""
    title = f"{table.task.title} ({table.key.task}), test part {table.key.part}{fold}"
    return f"{simulated}{published}{title}"


def _facts(table: Table) -> list[str]:
    """Return the lines that stand above a table: what is compared, and under which budget."""
    better = "higher" if table.task.higher_is_better else "lower"
    facts = [
        f"{says(table)} {shows_not(table)}",
        f"Split {table.key.split}, {table.n:,} test items, protocol {table.key.protocol}, "
        f"data {table.key.dataset[:12]}; sorted by {table.metrics[0]} ({better} is better).",
    ]
    if table.budget:
        facts.append(f"Budget of every trained row: {table.budget}.")
    if table.seed_sd:
        facts.append(f"Runs of a row typically differ by {table.seed_sd:.3f} (standard deviation).")
    return facts


def caveats_of(table: Table) -> list[str]:
    """Return what the figures of a table do not show, a sentence each."""
    chosen = [PUBLISHED] if table.key.protocol == "as_published" else []
    chosen += [UNCHOSEN] if table.key.protocol == "zero_shot" else []
    data = [SIMULATED] if table.simulated else table.task.caveats
    imported = [CAVEAT] if any(row.kind == "external" for row in table.rows) else []
    return [*chosen, *data, *imported]


def _legend(tables: Sequence[Table]) -> str:
    rows = [row for table in tables for row in table.rows]
    legend = f"{LEGEND} {CONTRASTS}" if any(row.contrasts for row in rows) else LEGEND
    return f"{legend} {CONTROLS}" if any(row.control for row in rows) else legend


def _cells(table: Table) -> tuple[list[str], list[list[str]]]:
    """Return the header and the cells of a table for reading, without empty columns."""
    costs = [cost for cost in _COSTS if any(getattr(row, cost) is not None for row in table.rows)]
    noted = any(row.notes for row in table.rows)
    main, *further = table.metrics
    kinds = kinds_among([contrast for row in table.rows for contrast in row.contrasts])
    header = ["backbone", "strategy", "seeds", main, "95 % interval"]
    header += [f"against {REFERENCES[kind]}{_named(table, kind)}" for kind in kinds] + [*further]
    header += [_HEADERS.get(cost, cost) for cost in costs] + ["provenance"] + ["notes"] * noted
    lines = []
    for row in table.rows:
        marked = row.kind in ("baseline", "external")
        name = f"{row.backbone} [{row.kind}]" if marked else row.backbone
        cell = row.metrics[main]
        strategy = f"{row.strategy} [control]" if row.control else row.strategy
        line = [name, strategy, str(len(row.seeds)), _figure(cell), _interval(cell)]
        told = {contrast.kind: in_words(contrast) for contrast in row.contrasts}
        line += [told.get(kind, "-") for kind in kinds]
        line += [_figure(row.metrics.get(metric)) for metric in further]
        line += [_quantity(getattr(row, cost)) for cost in costs]
        line += [row.provenance] + [row.notes] * noted
        lines.append(line)
    return header, lines


def _named(table: Table, kind: str) -> str:
    """Return the reference of a kind in brackets, where all rows have the same one."""
    found = {c.reference for row in table.rows for c in row.contrasts if c.kind == kind}
    names = [row.backbone for row in table.rows if row.run_ids in found]
    return f" ({names[0]})" if len(found) == 1 and kind in (SHORTCUT, ALONE) else ""


def _figure(cell: Cell | None) -> str:
    if cell is None or cell.undefined:
        return "-"
    return f"{cell.mean:.3f}" if cell.sd is None else f"{cell.mean:.3f} ± {cell.sd:.3f}"


def _interval(cell: Cell) -> str:
    return "-" if cell.low is None or cell.high is None else f"[{cell.low:.3f}, {cell.high:.3f}]"


def _quantity(value: float | None) -> str:
    """Show a cost to three digits, or to the unit where it is larger."""
    if value is None:
        return "-"
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def aligned(header: Sequence[str], lines: Sequence[Sequence[str]], words: Collection[str]) -> str:
    """Return a table for a terminal; columns headed by one of `words` are flushed left."""
    widths = [max(map(len, column)) for column in zip(header, *lines, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if name in words else text.rjust(width)
            for name, text, width in zip(header, line, widths, strict=True)
        ).rstrip()
        for line in [header, ["-" * width for width in widths], *lines]
    )


_WORDS = {"backbone", "strategy", "provenance", "notes", "model", "row"}


def _as_text(
    tables: Sequence[Table], references: Sequence[Reference], across: Across | None
) -> str:
    def shown(block: Block) -> str:
        lines = [[printable(text) for text in line] for line in block.lines]
        grid = aligned(block.header, lines, _WORDS)
        return "\n".join([block.title, *block.facts, "", grid, *block.caveats])

    blocks = [shown(_block(table)) for table in tables]
    after = [shown(block) for block in extra_tables(tables, references, across)]
    return "\n\n".join([*blocks, _legend(tables), *after]) + "\n" if blocks else ""


def _as_markdown(
    tables: Sequence[Table], references: Sequence[Reference], across: Across | None
) -> str:
    def shown(block: Block) -> str:
        rows = [block.header, ["---"] * len(block.header), *block.lines]
        grid = "\n".join("| " + " | ".join(map(escaped, row)) + " |" for row in rows)
        parts = [f"## {block.title}", "\n".join(block.facts), grid, "\n".join(block.caveats)]
        return "\n\n".join(filter(None, parts))

    blocks = [shown(_block(table)) for table in tables]
    after = [shown(block) for block in extra_tables(tables, references, across)]
    return "\n\n".join([*blocks, _legend(tables), *after]) + "\n" if blocks else ""


def _block(table: Table) -> Block:
    sentences = [*undefined_in(table), *caveats_of(table)]
    return Block(_title(table), _facts(table), *_cells(table), [f"- {told}" for told in sentences])


def undefined_in(table: Table) -> list[str]:
    """Return which figures of a table are undefined, and why, a sentence a reason."""
    found: dict[str, list[str]] = {}
    for row in table.rows:
        for metric, cell in row.metrics.items():
            if cell.undefined:
                found.setdefault(cell.undefined, []).append(f"{metric} of {row.backbone}")
    return [f"A dash: {', '.join(names)} is {reason}." for reason, names in found.items()]


def _as_csv(tables: Sequence[Table], references: Sequence[Reference]) -> str:
    lines: list[dict[str, Any]] = [
        {"external": False}
        | _identity(table)
        | {name: value for name, value in _row_as_dict(row).items() if name not in _NESTED}
        | _flat_contrasts(row)
        | {
            "flaws": "; ".join(row.flaws),
            "seeds": " ".join(map(str, row.seeds)),
            "run_ids": " ".join(row.run_ids),
        }
        | {"metric": metric, **_cell_as_dict(cell)}
        for table in tables
        for row in table.rows
        for metric, cell in row.metrics.items()
    ]
    lines += [
        {
            "external": True,
            "task": reference.task,
            "split": reference.split,
            "backbone": reference.model,
            "metric": reference.metric,
            "mean": reference.value,
            "notes": f"{reference.source}, {reference.url}: {reference.note}",
        }
        for reference in references
    ]
    text = io.StringIO()
    if lines:
        writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    return text.getvalue()


def _as_json(
    tables: Sequence[Table], references: Sequence[Reference], across: Across | None
) -> str:
    shown = [
        _identity(table)
        | {
            "title": table.task.title,
            "n": table.n,
            "main_metric": table.task.main_metric,
            "higher_is_better": table.task.higher_is_better,
            "budget": table.budget,
            "caveats": table.task.caveats,
            "rows": [_row_as_dict(row) for row in table.rows],
        }
        for table in tables
    ]
    value = {
        "tables": shown,
        "across_tasks": dataclasses.asdict(across) if across else None,
        "external": [dataclasses.asdict(reference) for reference in references],
    }
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _identity(table: Table) -> dict[str, Any]:
    return dataclasses.asdict(table.key) | {"simulated": table.simulated}


_NESTED = ("metrics", "contrasts")


def _row_as_dict(row: Row) -> dict[str, Any]:
    cells = {metric: _cell_as_dict(cell) for metric, cell in row.metrics.items()}
    return dataclasses.asdict(row) | {"metrics": cells}


def _cell_as_dict(cell: Cell) -> dict[str, Any]:
    return dataclasses.asdict(cell) | ({"mean": None} if cell.undefined else {})


def _flat_contrasts(row: Row) -> dict[str, Any]:
    """Return the contrasts of a row as columns, empty where it has none of a kind."""
    found = {contrast.kind: contrast for contrast in row.contrasts}
    return {
        f"{kind}_{name}": getattr(found.get(kind), name, None)
        for kind in REFERENCES
        for name in ("gain", "low", "high", "p_holm", "claim")
    }
