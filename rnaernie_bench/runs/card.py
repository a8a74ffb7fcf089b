"""The model card of a run: what was trained, on what, how well, its limits, and how to use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.metrics.measuring import told
from rnaernie_bench.results.record import ENDS, ended_by
from rnaernie_bench.task.catalogue import BACKBONES
from rnaernie_bench.task.task import Task


def run_card(
    task: Task, record: Mapping[str, Any], *, whole: bool, exported: str | None = None
) -> str:
    """Return the card of a finished run in Markdown.

    Args:
        task: of the run.
        record: of the run.
        whole: whether the model is saved as one of MultiMolecule's, head and all.
        exported: the folder or hub id that holds model and card; None for the run's own folder.
    """
    backbone, split, cost = record["backbone"], record["split"], record["cost"]
    init = f" ({backbone['init']})" if backbone["init"] else ""
    contacts = task.decodes
    data = "simulated stand-in" if record["dataset"]["simulated"] else record["dataset"]["name"]
    lines = [
        f"# {task.title}: {backbone['name']}{init}, {record['strategy']['name']}"
        f"{', as published' if 'chosen_on' in record['selection'] else ''}",
        "",
        f"Run `{record['run_id']}` of task `{task.key}`, seed {record['seed']}, "
        f"{backbone['parameters']:,} parameters.",
        "",
        f"- Task: {task.title}; level {task.level}, problem {task.problem}"
        f"{', classes ' + ', '.join(task.labels) if task.labels else ''}.",
        f"- Model: {_model(record)}",
        f"- Data: {data}, split `{split['name']}` with {split['n_train']} training and "
        f"{split['n_validation']} validation items. {_licence(task, record)}",
        *_clusters(split),
        f"- {_selection(record)}",
        *([_decoding(record)] if contacts else []),
        f"- Training: {cost['train_s']:.1f} s, {ENDS[ended_by(record)]}.",
        "",
        f"| test part | n | {'not read' if contacts else 'truncated'} | "
        + " | ".join(_metrics(record))
        + " |",
        "|---|---|---|" + "---|" * len(_metrics(record)),
    ]
    for name, test in record["tests"].items():
        cells = [told(test["metrics"][metric]) for metric in _metrics(record)]
        partly = test["n_unread"] if contacts else test["n_truncated"]
        lines.append(f"| {name} | {test['n']} | {partly} | {' | '.join(cells)} |")
    lines += ["", "Intervals hold 95 % and are of the test items, not of the seed.", ""]
    undefined = _undefined(record)
    lines += [*undefined, ""] if undefined else []
    for section in (_per_class(record), _per_column(record)):
        lines += [*section, ""] if section else []
    lines += ["## Limits", "", *(f"- {caveat}" for caveat in _caveats(task, record)), ""]
    lines += ["## Licence", "", _terms(record), ""]
    return "\n".join([*lines, *_use(task, record, whole, exported)])


def front_matter(task: Task, record: Mapping[str, Any], *, whole: bool) -> str:
    """Return the metadata of a card as the hub reads them, in YAML between two lines of dashes.

    The arguments are those of `run_card`.
    """
    import yaml

    backbone, dataset = record["backbone"], record["dataset"]["name"]
    name = f"{backbone['name']} on {task.name}"
    results = [
        {
            "task": {"type": f"{task.level}-{task.problem}", "name": task.title},
            "dataset": {"name": dataset, "type": dataset, "config": part},
            "metrics": [
                {"type": metric, "value": round(test["metrics"][metric]["value"], 4)}
                for metric in _metrics(record)
                if test["metrics"][metric]["value"] is not None
            ],
        }
        for part, test in record["tests"].items()
    ]
    base = backbone.get("options", {}).get("source")
    values = {
        "license": "agpl-3.0",
        "library_name": "multimolecule" if whole else "rnaernie-bench",
        "tags": ["biology", "RNA", "rnaernie-bench", task.name],
        **({"base_model": base} if base and "/" in base else {}),
        "model-index": [{"name": name, "results": results}],
    }
    return f"---\n{yaml.safe_dump(values, sort_keys=False)}---\n\n"


def _use(task: Task, record: Mapping[str, Any], whole: bool, exported: str | None) -> list[str]:
    """Return how to predict with the model, by command and in Python."""
    run = exported or record["run_id"]
    output = "out.dbn" if task.decodes else "out.tsv"
    partners = task.level_entry.partners
    source = "pairs.tsv" if partners else "in.fa"
    command = f"rnaernie-bench predict {run} {source} -o {output}"
    lines = ["## Use", "", "```bash", command, "```", ""]
    if exported is None:
        lines += ["Runs are looked for in `./runs`; `--runs-dir` names another folder of runs.", ""]
    elif "/" in exported:
        lines += ["where the folder is a copy of the repository, such as `hf download` makes.", ""]
    if not partners:
        lines += ["```python", "from rnaernie_bench import predict", ""]
        lines += [f'predict("{run}", ["GGGCUUCGGCCC"])', "```", ""]
    if whole:
        name, place = f"AutoModelFor{task.level.capitalize()}Prediction", exported or "model"
        lines += [
            "Without this package, network and head load in MultiMolecule, whose logits are not",
            "calibrated:",
            "",
            "```python",
            f"from multimolecule import {name}",
            "from transformers import AutoTokenizer",
            "",
            f'model = {name}.from_pretrained("{place}")',
            f'tokenizer = AutoTokenizer.from_pretrained("{place}")',
            "```",
            "",
        ]
    return lines


def _model(record: Mapping[str, Any]) -> str:
    """Return what was trained, and from where."""
    backbone = record["backbone"]
    if backbone["kind"] == "baseline":
        return f"the baseline `{backbone['name']}`."
    weights = f"weights {backbone['weights_sha256'][:12]}" if backbone["weights_sha256"] else ""
    begun = "random weights" if backbone["init"] == "random" else f"pre-trained {weights}".strip()
    return (
        f"backbone `{backbone['name']}` ({begun}), head `{record['head']}`, "
        f"strategy `{record['strategy']['name']}`."
    )


def _terms(record: Mapping[str, Any]) -> str:
    """Return under which licence the model stands."""
    text = "The software is licensed under AGPL-3.0-or-later."
    backbone = record["backbone"]
    if backbone["kind"] == "baseline" or backbone["init"] == "random":
        return text
    try:
        entry: Any = BACKBONES.get(backbone["name"])
    except ConfigError:  # a plug-in that has gone
        entry = None
    licence, citation = getattr(entry, "licence", ""), getattr(entry, "citation", "")
    terms = f" The pre-trained weights: {licence}." if licence else ""
    terms += f" Cite {citation}." if citation else ""
    return (
        f"{text}{terms} Weights fine-tuned from checkpoints that MultiMolecule hosts are under the "
        "licence of the software, as its FAQ reads it. The licence of the data is above."
    )


def _per_class(record: Mapping[str, Any]) -> list[str]:
    """Return the scores of every class of the first test part."""
    name, test = next(iter(record["tests"].items()))
    if "per_class" not in test:
        return []
    lines = [f"## Classes, test part {name}", ""]
    lines += ["| class | precision | recall | F1 | support |", "|---|---|---|---|---|"]
    for label, scores in test["per_class"].items():
        figures = " | ".join(_number(scores[key]) for key in ("precision", "recall", "f1"))
        lines.append(f"| {label} | {figures} | {scores['support']} |")
    return lines


def _per_column(record: Mapping[str, Any]) -> list[str]:
    """Return the scores of every column of the first test part, where there are several."""
    name, test = next(iter(record["tests"].items()))
    columns = test.get("per_column", {})
    if not columns:
        return []
    metrics = list(next(iter(columns.values())))
    lines = [f"## Columns, test part {name}", "", "| column | " + " | ".join(metrics) + " |"]
    lines.append("|---" * (1 + len(metrics)) + "|")
    for label, scores in columns.items():
        lines.append(f"| {label} | " + " | ".join(_number(scores[m]) for m in metrics) + " |")
    return lines


def _selection(record: Mapping[str, Any]) -> str:
    """Return what chose, and what was scored."""
    chosen = record["selection"]
    if record["protocol"] == "zero_shot":
        return "Nothing was trained or chosen; the test parts were scored once."
    if "chosen_on" not in chosen:
        return (
            f"Selection by {chosen['metric']} on validation; "
            f"the test parts were scored once (protocol `{record['protocol']}`)."
        )
    left_out = [
        f"{test['n_dropped']} of {test['n'] + test['n_dropped']} of {name}"
        for name, test in record["tests"].items()
    ]
    return (
        f"**The test part `{chosen['chosen_on']}` chose the epoch, by {chosen['metric']}: protocol "
        f"`{record['protocol']}`. The figures are too high, and not comparable with those of "
        "protocol `clean`.** Items that fill no batch were not scored: "
        f"{', '.join(left_out)}. Probabilities are not calibrated."
    )


def _decoding(record: Mapping[str, Any]) -> str:
    """Return how probabilities became pairs, and what was not read."""
    chosen = record["selection"]
    return (
        f"- Pairs by the decoder `{chosen['decoder']}` from a probability of "
        f"{chosen['threshold']:.3g} on. A sequence that is not read is predicted to have no pair."
    )


def _clusters(split: Mapping[str, Any]) -> list[str]:
    """Return a line for each part that was cut in whole clusters of relatives."""
    links = {
        "overlap": "that share {} bases",
        "similarity": "at least {} identical",
    }
    return [
        f"- {part.capitalize()} part: cut in whole clusters of items of one "
        f"{'sequence' if found['by'] in links else found['by']}"
        f"{', or ' + links[found['by']].format(found['threshold']) if found['by'] in links else ''}"
        f"; {found['n']:,} clusters, the largest of {found['largest']:,} items."
        for part, found in split.get("clusters", {}).items()
    ]


def _licence(task: Task, record: Mapping[str, Any]) -> str:
    if record["dataset"]["simulated"]:
        return "These figures say nothing about real RNA."
    return f"Licence of the data: {task.dataset.licence}. Cite {task.dataset.citation}."


def _caveats(task: Task, record: Mapping[str, Any]) -> tuple[str, ...]:
    if record["dataset"]["simulated"]:
        return ("The data is simulated: use the figures to try the software, nothing else.",)
    return task.caveats


def _metrics(record: Mapping[str, Any]) -> list[str]:
    return list(next(iter(record["tests"].values()))["metrics"])


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _undefined(record: Mapping[str, Any]) -> list[str]:
    """Say what is undefined, why, and what means leave out."""
    lines = []
    for part, test in record["tests"].items():
        for metric, entry in test["metrics"].items():
            if entry["value"] is None:
                lines.append(f"- `{metric}` on {part} is undefined: {entry['undefined']}.")
            elif entry.get("left_out"):
                total = entry["n"] + entry["left_out"]
                lines.append(
                    f"- `{metric}` on {part} is the mean over {entry['n']} of {total}: the other "
                    f"{entry['left_out']} do not define it."
                )
    return lines
