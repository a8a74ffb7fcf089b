"""What is shown for reading after the tables: folds, ranks over tasks, figures of others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rnaernie_bench.leaderboard.across import Across
from rnaernie_bench.leaderboard.folds import FoldTable, over_folds
from rnaernie_bench.leaderboard.references import Reference, published
from rnaernie_bench.leaderboard.tables import Table

MOST_RIVALS = 20
"""Over tasks every row is shown, beside the share of tasks on which it beats the best of them."""


@dataclass(frozen=True)
class Block:
    """A heading, lines, a grid, and lines under it."""

    title: str
    facts: Sequence[str]
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    caveats: Sequence[str] = ()


def extra_tables(
    tables: Sequence[Table], references: Sequence[Reference], across: Across | None
) -> list[Block]:
    """Return what is shown for reading after the tables."""
    folds = [_folds(table) for table in over_folds(tables)]
    return [*folds, *([_ranks(across)] if across else []), *_external(references)]


def _folds(table: FoldTable) -> Block:
    simulated = "SIMULATED DATA: " if table.simulated else ""
    return Block(
        f"{simulated}{table.task.title} ({table.key.task}), split {table.key.split}: all folds",
        [
            f"{table.task.main_metric} on each fold's test part, protocol {table.key.protocol}. "
            "mean: over folds, each counted once; pooled: each counted by its items, which are "
            "given in brackets."
        ],
        ["backbone", "strategy", "mean", "pooled", *(f"{name} ({n:,})" for name, n in table.folds)],
        [
            [
                f"{row.backbone} [baseline]" if row.baseline else row.backbone,
                row.strategy,
                *map(_score, (row.mean, row.pooled, *row.scores)),
            ]
            for row in table.rows
        ],
    )


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _ranks(across: Across) -> Block:
    names = ["/".join(name) for name in across.rows]
    places = [str(place) for place in range(1, len(names) + 1)]
    rivals = places[:MOST_RIVALS]
    return Block(
        f"Over {len(across.tasks)} tasks",
        [
            f"Average ranks by the main metric on {', '.join(across.tasks)}; those that lie less "
            f"than {across.critical_difference:.2f} apart do not differ (Nemenyi, 5 % level).",
            "Under a number, the share of tasks on which the row beats the row of that number.",
        ],
        ["", "row", "average rank", *rivals],
        [
            [place, name, f"{rank:.2f}", *(f"{rate:.2f}" for rate in rates[: len(rivals)])]
            for place, name, rank, rates in zip(
                places, names, across.average_ranks, across.win_rates, strict=True
            )
        ],
        [f"- {sentence}" for sentence in limits_of(across)],
    )


def limits_of(across: Across) -> list[str]:
    """Return what ranks over tasks do not show, a sentence each."""
    found = []
    if len(across.tasks) < 10:
        found.append("Ten tasks or more are needed for the test; read the contrasts of each.")
    if across.left_out:
        names = ", ".join(map("/".join, across.left_out))
        found.append(f"Not ranked, as they lack one of the tasks: {names}.")
    if across.other_tasks:
        lacking = ", ".join(across.other_tasks)
        found.append(f"Left out, as they lack the pre-trained model of most tasks: {lacking}.")
    return found


def _external(references: Sequence[Reference]) -> Iterator[Block]:
    """Yield a block a task, source and metric: models by data set and split."""
    for found in published(references):
        first = found.first
        yield Block(
            f"External: {first.source}, {first.metric}, beside {first.task}",
            [f"Published figures, not ranked with ours. {first.citation}, {first.url}"],
            ["model", *found.splits],
            [[model, *map(_score, values)] for model, values in found.rows],
            [f"- {note}" for note in found.notes],
        )
