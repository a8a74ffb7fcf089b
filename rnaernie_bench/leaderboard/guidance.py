"""What RNA types are worth: type-guided rows against the same training without types."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnaernie_bench.leaderboard.contrasts import RANDOM_TYPES, UNGUIDED, Contrast, in_words
from rnaernie_bench.leaderboard.rows import Cell, Row
from rnaernie_bench.leaderboard.settings import settings_of
from rnaernie_bench.leaderboard.tables import Table, TaskInfo
from rnaernie_bench.results.record import Record, ended_by

STRATEGY = "type_guided"
SOURCES = ("none", "predicted", "random", "oracle")


@dataclass(frozen=True)
class Line:
    """One way to choose types, over its seeds."""

    types: str
    """One of `SOURCES`."""
    k: int
    seeds: int
    score: Cell
    against_none: Contrast | None = None
    against_random: Contrast | None = None
    """Predicted types against random ones of the same k, where both are there."""


@dataclass(frozen=True)
class Guidance:
    """Trainings that differ in nothing but whose types they read, and how many."""

    backbone: str
    base: str
    head: str
    recipe: str
    part: str
    n: int
    """Test items."""
    metric: str
    lines: tuple[Line, ...]
    quality: Mapping[str, Any] | None
    """The record's `types` of a run with predicted ones."""


def guidance(tables: Sequence[Table], records: Mapping[str, Record]) -> list[Guidance]:
    """Bring the type-guided rows of tables together with those without types.

    Args:
        tables: with their contrasts (`kept.with_statistics`); each task's default test part counts.
        records: by run id.

    Returns:
        One for each training that was done both without and with types.
    """
    reports = []
    for table in tables:
        if table.key.part != table.task.default_part:
            continue
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in table.rows:
            settings = settings_of(records[row.run_ids[0]])
            if settings["strategy.name"] == STRATEGY:
                for own in ("strategy.k", "strategy.types", "strategy.predictor"):
                    settings.pop(own, None)
                groups[json.dumps(settings, sort_keys=True)].append(row)
        reports += [_guidance(table, rows, records) for _, rows in sorted(groups.items())]
    return [report for report in reports if report is not None]


def _guidance(table: Table, rows: list[Row], records: Mapping[str, Record]) -> Guidance | None:
    def strategy(row: Row) -> dict[str, Any]:
        found: dict[str, Any] = records[row.run_ids[0]]["strategy"]
        return {"types": "none", "k": 1, **found}

    # Without types, the strategy that they guide is the same training.
    known = {row.run_ids: row for row in table.rows}
    plain = {c.reference for row in rows for c in row.contrasts if c.kind == UNGUIDED}
    rows = [*rows, *(known[ids] for ids in plain if known[ids] not in rows)]
    rows.sort(key=lambda row: (SOURCES.index(strategy(row)["types"]), strategy(row)["k"]))
    if len(rows) < 2 or strategy(rows[0])["types"] != "none":
        return None
    first = records[rows[-1].run_ids[0]]
    runs = [records[run_id] for row in rows for run_id in row.run_ids]
    lines = []
    for row in rows:
        contrasts = {contrast.kind: contrast for contrast in row.contrasts}
        lines.append(
            Line(
                types=strategy(row)["types"],
                k=strategy(row)["k"],
                seeds=len(row.seeds),
                score=row.metrics[table.task.main_metric],
                against_none=contrasts.get(UNGUIDED),
                against_random=contrasts.get(RANDOM_TYPES),
            )
        )
    return Guidance(
        backbone=first["backbone"]["name"],
        base=first["strategy"]["base"],
        head=first["head"],
        recipe="trained until converged"
        if all(ended_by(run) in ("converged", "optimum") for run in runs)
        else table.budget,
        part=table.key.part,
        n=table.n,
        metric=table.task.main_metric,
        lines=tuple(lines),
        quality=next((run["types"] for run in runs if run.get("types")), None),
    )


def as_markdown(reports: Sequence[Guidance], task: TaskInfo, picture: str) -> str:
    """Return the page of a task: a table for each training, and what was found.

    Args:
        reports: what `guidance` gives.
        task: the task.
        picture: the file name of the plot beside the page.
    """
    blocks = [
        f"# Type guidance: {task.title}",
        "Built by `rnaernie-bench results build`; changes made by hand are lost.",
        "A sequence is read with `k` RNA types, which vote by their weights. *predicted*: the most "
        "probable types, by their probabilities; *random*: types drawn by a hash of the sequence, "
        "with equal weights; *oracle*: the type that follows from the label, a control that is "
        "never ranked; *none*: the same training without types. Copies share the token budget of a "
        "batch: where everything is trained, an epoch with `k` types has about `k` times the "
        "optimiser steps of one without, so that only random types are a fair comparison.",
        f"![score against the number of types]({picture})",
    ]
    for report in reports:
        blocks += [
            f"## {report.backbone}, {report.base}, head {report.head}",
            f"{report.metric} on {report.part} ({report.n:,} items)"
            f"{f', {report.recipe}' if report.recipe else ''}; mean over seeds with its 95 % "
            "interval. Contrasts are those of the leaderboard (docs/statistics.md).",
            "\n".join(_table_lines(report)),
            finding(report),
        ]
        if report.quality:
            blocks.append(_quality(report.quality))
    return "\n\n".join(blocks) + "\n"


def _table_lines(report: Guidance) -> Iterator[str]:
    header = ["types", "k", "seeds", report.metric, "95 % interval", "against none"]
    yield "| " + " | ".join([*header, "against random types"]) + " |"
    yield "|" + " --- |" * (len(header) + 1)
    for line in report.lines:
        control = line.types == "oracle"
        cells = [f"{line.types} [control]" if control else line.types]
        cells += ["-" if line.types == "none" else str(line.k), str(line.seeds)]
        score = line.score
        ends = "-" if score.low is None else f"[{score.low:.3f}, {score.high:.3f}]"
        cells += ["-" if score.undefined else f"{score.mean:.3f}", ends]
        for contrast in (line.against_none, line.against_random):
            cells.append("-" if contrast is None else in_words(contrast))
        yield "| " + " | ".join(cells) + " |"


def finding(report: Guidance) -> str:
    """Return in a sentence or two whether predicted types helped, by the claims of contrasts.

    Better than none is not enough: random types cost the same steps and copies.
    """
    predicted = [line for line in report.lines if line.types == "predicted"]
    if not predicted:
        return "No run with predicted types."
    against_none = [line.against_none for line in predicted if line.against_none]
    if not against_none:
        return "Nothing is tested yet: run `rnaernie-bench results build`."
    if all(contrast.missing for contrast in against_none):
        return f"No claim can be made: {against_none[0].missing}."
    better, worse, beyond = (
        [line.k for line in predicted if (found := getattr(line, against)) and found.claim == claim]
        for against, claim in (
            ("against_none", "beats"), ("against_none", "trails"), ("against_random", "beats"),
        )
    )  # fmt: skip
    helping = [k for k in better if k in beyond]
    if helping:
        return f"Predicted types help: better than none and than random types at {_ks(helping)}."
    if better:
        return (
            f"Better than none at {_ks(better)}, but not significantly better than random types: "
            "the gain is that of reading copies, not of predicting types."
        )
    if worse:
        text = f"Predicted types do not help: worse than none at {_ks(worse)}."
    else:
        text = "Predicted types do not help: no difference from none is significant."
    if beyond:
        return f"{text} They are better than random types at {_ks(beyond)}."
    return f"{text} At no k are they significantly better than random types."


def _ks(values: Sequence[int]) -> str:
    return "k = " + ", ".join(map(str, values))


def _quality(types: Mapping[str, Any]) -> str:
    """Return how well the types were predicted, where that is known."""
    sentences = []
    for part, words in (("validation", "validation items"), ("held_out", "held-out families")):
        figures = types.get(part)
        if figures:
            ece = figures["ece"]
            calibration = "" if ece is None else f", calibration error {ece:.3f}"
            sentences.append(
                f"{figures['n']:,} {words}: accuracy {figures['accuracy']:.3f}, among the first "
                f"three {figures['top3_accuracy']:.3f}{calibration}"
            )
    return f"How well types are predicted: {'; '.join(sentences)}." if sentences else ""
