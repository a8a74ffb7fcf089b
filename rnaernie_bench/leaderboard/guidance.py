"""What RNA types are worth: type-guided rows against the same training without types."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rnaernie_bench.leaderboard.comparison import Options, Pair, RowScore, compare
from rnaernie_bench.leaderboard.selection import Found, Selected, load_aligned
from rnaernie_bench.leaderboard.tables import TaskInfo, settings_of
from rnaernie_bench.results.record import comparability_key, ended_by, is_control

STRATEGY = "type_guided"
SOURCES = ("none", "predicted", "random", "oracle")


@dataclass(frozen=True)
class Line:
    """One way to choose types, over its seeds."""

    types: str
    """One of `SOURCES`."""
    k: int
    seeds: int
    score: RowScore
    against_none: Pair | None
    """This line minus `none`; None for `none` itself."""
    against_random: Pair | None
    """Predicted types minus random ones of the same k, where both are there."""


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


def guidance(found: Sequence[Found], task: TaskInfo) -> list[Guidance]:
    """Compare type-guided runs of a task, on its default test part, with those without types.

    The tests are those of `compare`, Holm's correction over all pairs of lines but controls.

    Args:
        found: runs of the task.
        task: what is compared.

    Returns:
        One for each training that was done both without and with types.

    Raises:
        ResultError: predictions are not those that their record names.
    """
    groups: dict[str, list[Found]] = defaultdict(list)
    part = task.default_part
    for run in found:
        if run.record["strategy"]["name"] == STRATEGY and part in run.record["tests"]:
            settings = settings_of(run.record)
            for own in ("strategy.k", "strategy.types"):
                settings.pop(own)
            key = [*vars(comparability_key(run.record, part)).values(), settings]
            groups[json.dumps(key, sort_keys=True)].append(run)
    reports = [_guidance(runs, task) for _, runs in sorted(groups.items())]
    return [report for report in reports if report is not None]


def _guidance(runs: Sequence[Found], task: TaskInfo) -> Guidance | None:
    rows: dict[tuple[int, int], list[Found]] = defaultdict(list)
    for run in runs:
        strategy = run.record["strategy"]
        rows[SOURCES.index(strategy["types"]), strategy["k"]].append(run)
    selected = [
        Selected(f"{SOURCES[source]} {k}", tuple(sorted(rows[source, k], key=_seed)))
        for source, k in sorted(rows)
    ]
    if len(selected) < 2 or selected[0].runs[0].record["strategy"]["types"] != "none":
        return None
    tested = [row for row in selected if not is_control(row.runs[0].record)]
    controls = [row for row in selected if row not in tested]
    first = selected[0].runs[0].record
    predicted = [run for run in runs if run.record.get("types")]
    return Guidance(
        backbone=first["backbone"]["name"],
        base=first["strategy"]["base"],
        head=first["head"],
        recipe="trained until converged"
        if ended_by(first) == "converged"
        else f"at most {first['recipe']['budget']['max_epochs']} epochs",
        part=task.default_part,
        n=first["tests"][task.default_part]["n"],
        metric=task.main_metric,
        lines=(
            *(_lines(tested, task) if len(tested) > 1 else ()),
            *(line for row in controls for line in _lines([tested[0], row], task)[1:]),
        ),
        quality=predicted[0].record["types"] if predicted else None,
    )


def _seed(run: Found) -> tuple[int, str]:
    return run.record["seed"], run.run_id


def _lines(rows: Sequence[Selected], task: TaskInfo) -> list[Line]:
    """Compare rows, the first of which is the one without types."""
    options = Options(metric=task.main_metric, higher_is_better=task.higher_is_better, by=task.by)
    comparison = compare(load_aligned(rows, task.default_part), options)
    pairs = {(pair.first, pair.second): pair for pair in comparison.pairs}
    chosen = [row.runs[0].record["strategy"] for row in rows]
    random = {s["k"]: place for place, s in enumerate(chosen) if s["types"] == "random"}
    return [
        Line(
            types=strategy["types"],
            k=strategy["k"],
            seeds=len(rows[place].runs),
            score=comparison.rows[place],
            against_none=_pair(pairs, place, 0) if place else None,
            against_random=_pair(pairs, place, random[strategy["k"]])
            if strategy["types"] == "predicted" and strategy["k"] in random
            else None,
        )
        for place, strategy in enumerate(chosen)
    ]


def _pair(pairs: Mapping[tuple[int, int], Pair], first: int, second: int) -> Pair:
    """Return the pair as the first minus the second."""
    if (first, second) in pairs:
        return pairs[first, second]
    pair = pairs[second, first]
    return replace(
        pair, first=first, second=second, difference=-pair.difference, low=-pair.high,
        high=-pair.low,
    )  # fmt: skip


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
            f"{report.metric} on {report.part} ({report.n:,} items), {report.recipe}; mean over "
            "seeds with its 95 % interval. Differences are paired; p values are Holm-corrected "
            "over all pairs of the table (docs/statistics.md).",
            "\n".join(_table_lines(report)),
            finding(report),
        ]
        if report.quality:
            blocks.append(_quality(report.quality))
    return "\n\n".join(blocks) + "\n"


def _table_lines(report: Guidance) -> Iterator[str]:
    header = ["types", "k", "seeds", report.metric, "95 % interval", "minus none", "p"]
    yield "| " + " | ".join([*header, "minus random", "p"]) + " |"
    yield "|" + " --- |" * (len(header) + 2)
    for line in report.lines:
        control = line.types == "oracle"
        cells = [f"{line.types} [control]" if control else line.types]
        cells += ["-" if line.types == "none" else str(line.k), str(line.seeds)]
        cells += [f"{line.score.value:.3f}", f"[{line.score.low:.3f}, {line.score.high:.3f}]"]
        for pair in (line.against_none, line.against_random):
            cells += (
                ["-", "-"]
                if pair is None
                else [
                    f"{pair.difference:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}]",
                    "-" if control else _p_value(pair.p_holm),
                ]
            )
        yield "| " + " | ".join(cells) + " |"


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def finding(report: Guidance, level: float = 0.05) -> str:
    """Return in a sentence or two whether predicted types helped, by the paired tests.

    Better than none is not enough: random types cost the same steps and copies.
    """
    predicted = [line for line in report.lines if line.types == "predicted"]
    better: list[int] = []
    worse: list[int] = []
    beyond: list[int] = []
    for line in predicted:
        pair = line.against_none
        if pair and pair.p_holm < level:
            (better if pair.difference > 0 else worse).append(line.k)
        other = line.against_random
        if other and other.p_holm < level and other.difference > 0:
            beyond.append(line.k)
    if not predicted:
        return "No run with predicted types."
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
