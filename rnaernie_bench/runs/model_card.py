"""The card of a model that comes with the package."""

from __future__ import annotations

from collections.abc import Mapping

from rnaernie_bench.metrics.measuring import told
from rnaernie_bench.prediction.ready import About
from rnaernie_bench.results.record import Record
from rnaernie_bench.task.task import Task


def card(said: About, record: Record, task: Task) -> str:
    """Return the card of a model that comes with the package, in Markdown."""
    model, split = record["evaluation"]["model"], record["split"]
    members = len(model["runs"])
    output = "out.dbn" if task.decodes else "out.tsv"
    names = list(dict.fromkeys(name for each in said.figures.values() for name in each.beside))
    lines = [
        f"# {said.name}: {said.title}",
        "",
        f"Task `{said.task}`, level {task.level}, problem {task.problem}"
        f"{', classes ' + ', '.join(task.labels) if task.labels else ''}. "
        f"{'An ensemble of ' + str(members) + ' networks' if members > 1 else 'One network'} of "
        f"{record['backbone']['parameters']:,} parameters"
        f"{' each' if members > 1 else ''} (`{record['backbone']['name']}`), weights in float16; "
        f"fitted on split `{model['split']}`: {split['n_train']:,} items train, "
        f"{split['n_validation']:,} validate.",
        "",
        "```bash",
        f"rnaernie-bench predict --model {said.name} in.fa -o {output}",
        "```",
        "",
        f"| {said.metric} | n | this model | " + " | ".join(names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    for part, figures in said.figures.items():
        cells = [
            f"{told(figures.beside[name])}; model {_signed(figures.ahead[name])}"
            if name in figures.beside
            else "-"
            for name in names
        ]
        lines.append(f"| {part} | {figures.n:,} | {told(figures.model)} | {' | '.join(cells)} |")
    lines += [
        "",
        "Intervals hold 95 % and are of the test items; differences are paired. The model's "
        "figures are those of the packaged weights (`record.json`), the others' those of "
        "published records.",
        "",
    ]
    if said.rival:
        verdict = "is above it on all of these" if said.above else "is not above it on all of these"
        who = "the network" if said.above else f"`{said.rival}`"
        lines += [
            f"The network {verdict}, by intervals of differences: {who} predicts; `--engine` "
            "chooses the other.",
            "",
        ]
    if said.without:
        lines += [f"Without ViennaRNA, `{said.without}` predicts in its place.", ""]
    lines += ["## Not for", "", *(f"- {use}" for use in said.not_for), ""]
    lines += ["## Limits", "", *(f"- {caveat}" for caveat in task.caveats), ""]
    lines += ["## Licence", "", said.licence, ""]
    return "\n".join(lines)


def _signed(figure: Mapping[str, float | None]) -> str:
    low, high = figure["low"], figure["high"]
    ends = "" if low is None or high is None else f" [{low:+.3f}, {high:+.3f}]"
    return f"{figure['value']:+.3f}{ends}"
