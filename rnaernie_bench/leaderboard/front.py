"""The front table: of each task the best control, small network, pre-trained and external model.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rnaernie_bench.leaderboard.plain import says, shows_not
from rnaernie_bench.leaderboard.rows import Row
from rnaernie_bench.leaderboard.tables import Table
from rnaernie_bench.leaderboard.text import escaped

CLAIM = (
    "Validation chooses a row, the test part is shown, with its 95 % interval over seeds and "
    "items; of external rows the test part alone is known. Rows of a line that share a letter are "
    "not told apart (p > 0.05 after Holm's correction); one without has too few seeds for a test. "
    "A dash: no row that counts."
)


def _is_control(table: Table, row: Row) -> bool:
    solved = row.kind == "baseline" and not row.seeded
    return row.backbone in table.task.shortcuts or solved


def _is_network(table: Table, row: Row) -> bool:
    if row.kind == "baseline":
        return not _is_control(table, row)
    return row.kind == "encoder" and not row.pretrained


GROUPS: Mapping[str, Callable[[Table, Row], bool]] = {
    "best control": _is_control,
    "best network without pre-training": _is_network,
    "best pre-trained": lambda table, row: row.kind == "encoder" and row.pretrained,
    "best external": lambda table, row: row.kind == "external",
}
"""By heading, which rows compete for a column."""


def leaders(table: Table) -> dict[str, Row]:
    """Return by heading the row that stands for its group; groups without a sound row are left out.

    Validation chooses; where a row of a group has none, the test part does.
    """
    sign = 1 if table.task.higher_is_better else -1
    found = {}
    for heading, belongs in GROUPS.items():
        group = [row for row in table.compared if not row.flaws and belongs(table, row)]
        validated = all(row.validation is not None for row in group)

        def score(row: Row, validated: bool = validated) -> float:
            test = row.metrics[table.task.main_metric].mean
            return sign * (row.validation if validated and row.validation is not None else test)

        if group:
            found[heading] = max(group, key=score)
    return found


@dataclass(frozen=True)
class Line:
    """A task in the front table."""

    table: Table
    leaders: Mapping[str, Row]
    says: str
    shows_not: str

    def shown(self, heading: str) -> str:
        """Return a cell: name, figure, interval and letters."""
        row = self.leaders.get(heading)
        if row is None:
            return "–"
        cell = row.metrics[self.table.task.main_metric]
        ends = "" if cell.low is None else f" [{cell.low:.3f}, {cell.high:.3f}]"
        letters = self.table.letters.get(row.run_ids, "")
        strategy = "" if row.strategy in ("baseline", "external") else f" {row.strategy}"
        return f"{row.backbone}{strategy} {cell.mean:.3f}{ends} {letters}".rstrip()


def front(tables: Sequence[Table]) -> list[Line]:
    """Return a line a task: its default split and test part; of several folds, a split without.

    Args:
        tables: in the order of the leaderboard.
    """
    chosen: dict[str, Table] = {}
    for table in tables:
        if table.simulated or table.task.earlier or table.key.part != table.task.default_part:
            continue
        known = chosen.setdefault(table.key.task, table)
        if known.key.fold and not table.key.fold:  # a fold has a part of the items
            chosen[table.key.task] = table
    return [Line(table, leaders(table), says(table), shows_not(table)) for table in chosen.values()]


def as_markdown(lines: Sequence[Line]) -> str:
    """Return the table and the sentences of its boards, ending in a line break; nothing of none."""
    if not lines:
        return ""
    header = ["task", "split, part", "metric", *GROUPS]
    rows = [header, [":---"] * len(header)]
    for line in lines:
        key, task = line.table.key, line.table.task
        better = "" if task.higher_is_better else ", lower is better"
        cells = [f"`{key.task.partition('@')[0]}`", f"`{key.split}`, `{key.part}`"]
        shown = [escaped(line.shown(heading)) for heading in GROUPS]
        rows.append([*cells, f"{task.main_metric}{better}", *shown])
    grid = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    told = "\n".join(
        f"- `{line.table.key.task.partition('@')[0]}`: {escaped(f'{line.says} {line.shows_not}')}"
        for line in lines
    )
    return f"{grid}\n\n{CLAIM}\n\n{told}\n"
