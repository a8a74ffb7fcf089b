"""What a board says, in a sentence that follows from its contrasts, and what it does not show.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence

from rnaernie_bench.leaderboard.contrasts import ALONE, SHORTCUT, UNTRAINED, Contrast, by_how_much
from rnaernie_bench.leaderboard.rows import Row
from rnaernie_bench.leaderboard.tables import Table

Made = tuple[Row, Contrast]


def says(table: Table) -> str:
    """Return what the declared contrasts of a table come to: controls first, then pre-training."""
    made = [(row, contrast) for row in table.compared for contrast in row.contrasts]
    if not made:
        return "No row of this board can be tested yet."
    against = [pair for pair in made if pair[1].kind in (SHORTCUT, ALONE)]
    twins = [pair for pair in made if pair[1].kind == UNTRAINED]
    parts = [_of_controls(table, against)] if against else []
    parts.append(_of_pretraining(twins))
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def shows_not(table: Table) -> str:
    """Return what the figures of a table do not show: the first caveat of its task."""
    if table.simulated:
        return "What this does not show: anything of real RNA, for the data is simulated."
    first, *_ = (*table.task.caveats, "the task declares no caveat.")
    return f"What this does not show: {first}"


def _of_controls(table: Table, made: Sequence[Made]) -> str:
    names = {row.run_ids: row.backbone for row in table.rows}
    control = names.get(made[0][1].reference, "the best control")
    ahead = [pair for pair in made if pair[1].claim == "beats"]
    if ahead:
        row, contrast = ahead[0]  # rows come best first
        more = f" (and {len(ahead) - 1} more)" if len(ahead) > 1 else ""
        lead = by_how_much(contrast)
        return f"the best control, {control}, is beaten by {_named(row)}{more}, {lead}"
    if not any(contrast.p_holm is not None for _, contrast in made):
        return f"nothing is tested against the best control, {control}, yet"
    return f"nothing here is shown to beat the best control, {control}"


def _of_pretraining(made: Sequence[Made]) -> str:
    tested = [pair for pair in made if pair[1].p_holm is not None]
    if not tested:
        return "what pre-training is worth is not tested yet"
    for verb, claim in (("pays for", "beats"), ("costs", "trails")):
        found = [pair for pair in tested if pair[1].claim == claim]
        if found:
            row, contrast = max(found, key=lambda pair: abs(pair[1].gain))
            share = f"{len(found)} of {len(tested)} rows tested, most for {_named(row)}"
            return f"pre-training {verb} {share}, {by_how_much(contrast)}"
    return f"pre-training is not shown to pay for any of {len(tested)} rows tested"


def _named(row: Row) -> str:
    return row.backbone if row.strategy == "baseline" else f"{row.backbone} {row.strategy}"
