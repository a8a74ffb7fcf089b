"""What a task's tables say of models that were computed elsewhere, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnaernie_bench.leaderboard.contrasts import ALONE
from rnaernie_bench.leaderboard.page import wording
from rnaernie_bench.leaderboard.rows import Row
from rnaernie_bench.leaderboard.tables import Table


def computed_elsewhere(tables: Sequence[Table]) -> str:
    """Say which imported models beat the best shortcut, by test part and fold.

    Only what `results build` tested is told (`contrasts.ALONE`).

    Args:
        tables: of one task.

    Returns:
        A sentence; empty where there is nothing to say.
    """
    tested = [table for table in tables if any(_tested(row) for row in table.rows)]
    if not tested:
        return ""
    names = {row.backbone for table in tested for row in table.rows if _tested(row)}
    parts = [_of_part(table) for table in tested if not table.key.fold]
    folds = [table for table in tested if table.key.fold]
    told = "; ".join([*parts, *([_of_folds(folds)] if folds else [])])
    models = "The one model" if len(names) == 1 else f"Of {len(names)} models"
    return f"{models} computed elsewhere, model against model: {told}."


def _tested(row: Row) -> bool:
    return any(contrast.kind == ALONE and contrast.p_holm is not None for contrast in row.contrasts)


def _ahead(table: Table) -> list[str]:
    """Return the names of the rows that beat the best shortcut."""
    return [
        row.backbone
        for row in table.compared
        if any(contrast.kind == ALONE and contrast.claim for contrast in row.contrasts)
    ]


def _of_part(table: Table) -> str:
    metric = table.task.main_metric
    rows = [row for row in table.compared if _tested(row)]
    reference = next(c.reference for c in rows[0].contrasts if c.kind == ALONE)
    shortcut = next(row for row in table.rows if row.run_ids == reference)
    against = f"{shortcut.backbone} ({wording.figure(shortcut.metrics[metric].mean)})"
    where = f"on {table.key.split}, {table.key.part},"
    best, score = rows[0].backbone, wording.figure(rows[0].metrics[metric].mean)
    if ahead := _ahead(table):
        return (
            f"{where} {wording.listed(ahead, 8)} beat{_s(ahead)} {against}, and {best} has {score}"
        )
    return f"{where} none beats {against}: the best, {best}, has {score}"


def _of_folds(tables: Sequence[Table]) -> str:
    """Tell on which folds a model is ahead, those with the same models together."""
    by_names: dict[tuple[str, ...], list[str]] = {}
    for table in tables:
        by_names.setdefault(tuple(_ahead(table)), []).append(table.key.fold)

    def sentences() -> Iterator[str]:
        for names, folds in sorted(by_names.items(), key=lambda entry: not entry[0]):
            subject = f"{wording.listed(names, 8)} beat{_s(names)}" if names else "none beats"
            yield f"{subject} the best shortcut on {wording.listed(sorted(folds), 12)}"

    return f"of {len(tables)} folds, " + ", ".join(sentences())


def _s(names: Sequence[str]) -> str:
    return "s" if len(names) == 1 else ""
