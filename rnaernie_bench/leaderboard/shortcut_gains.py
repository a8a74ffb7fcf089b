"""What rows gain over the best shortcut of their table, where a task declares shortcuts."""

from __future__ import annotations

from rnaernie_bench.leaderboard.tables import Row, Table


def best_shortcut(table: Table) -> Row | None:
    """Return the best row of a baseline that the task declares a shortcut, if there is one."""
    rows = (row for row in table.compared if row.backbone in table.task.shortcuts)
    return next(rows, None)  # rows are ordered, the best first


def shortcut_gains(table: Table) -> dict[tuple[str, ...], float]:
    """Return by run ids what each row gains in the main metric over the best shortcut.

    Above 0 is better, regardless of the direction of the metric. Shortcuts and controls are left
    out.
    """
    shortcut = best_shortcut(table)
    if shortcut is None:
        return {}
    metric = table.task.main_metric
    sign = 1 if table.task.higher_is_better else -1
    return {
        row.run_ids: sign * (row.metrics[metric].mean - shortcut.metrics[metric].mean)
        for row in table.compared
        if row.backbone not in table.task.shortcuts
    }


def gain_sentences(table: Table) -> list[str]:
    """Return one sentence on what rows gain over the best shortcut, or nothing."""
    shortcut, found = best_shortcut(table), shortcut_gains(table)
    if shortcut is None or not found:
        return []
    metric = table.task.main_metric
    each = [
        f"{row.backbone}, {row.strategy}{f' ({row.notes})' if row.notes else ''} "
        f"{found[row.run_ids]:+.3f}"
        for row in table.compared
        if row.run_ids in found
    ]
    best = f"{shortcut.backbone}, {shortcut.metrics[metric].mean:.3f}"
    return [f"Gain in {metric} over the best shortcut ({best}): {'; '.join(each)}."]
