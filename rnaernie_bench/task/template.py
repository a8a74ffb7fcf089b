"""A new task's folder: a declaration that loads and runs at once on simulated data, and a card."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.files import atomic_folder
from rnaernie_bench.levels import ITEM_METRICS, LEVELS, Level
from rnaernie_bench.metrics.problems import Problem, categorical, quantitative, two_classes
from rnaernie_bench.metrics.registry import METRICS, metrics_of
from rnaernie_bench.task.lengths import policies_of
from rnaernie_bench.task.task import find_tasks

Source = Literal["fasta", "table"]

PLACEHOLDER = "TO BE FILLED IN"
"""What stands in a template where its author has to say something."""

UNKNOWN_SHA256 = "f" * 64
"""The checksum of a file that nobody has looked at yet."""

_NAME = re.compile(r"[a-z][a-z0-9_]{1,47}")

_TASK = Template("""\
# After each change: rnaernie-bench validate $folder/$name
name: $name                # the name of this folder
version: 1 # a change of data or meaning that changes numbers is a new version
title: $placeholder, in one line
level: $level
problem: $problem
labels: [$labels] # $order
main_metric: {name: $metric} # what chooses; one of $metrics
metrics: [] # further ones of these, to show
head: $head
length: $length # of sequences over the limit of a model: $policies
resampling: item # what intervals draw: $units
dataset:
  name: $name
  licence: $placeholder
  citation: $placeholder
$data
splits:
  standard:
    train: train
    validation: validation # chooses everything; without such a file: `train`, and below it
    # held_out: {fraction: 0.1, seed: 0}
    tests:
      full: {part: test}
      deduplicated: {part: test, without_identical_to: [train, validation]}
default_split: standard
default_test_part: deduplicated # what a leaderboard shows first
caveats: # printed under every table of this task
  - $placeholder, what the figures do not show.
simulation: # stands in for the data in the demo: families of data/simulated.py
  families: {$families}
  sizes: {train: 60, validation: 20, test: 40}
""")

_FILES = """\
  files: # paths below a folder of RNAERNIE_BENCH_DATA; `validate` prints checksums and counts
"""

_FILE = Template("""\
    $part:
      path: $name/$part$suffix
      sha256: $sha256
      records: 1
      # url: https://...      # where `data fetch` gets it, if it is public
""")

_HEADERS = """\
  # Headers look like `>id label`. A third named group, `group`, tells relatives (families, genes).
  header: '(?P<id>\\S+)\\s+(?P<label>\\S+)'
"""

_STRUCTURES = """\
  # Dot-bracket, BPSEQ, CT or st files. A second named group, `group`, tells families of ids.
  header: '(?P<id>\\S+)'
"""

_PAIRS = Template("""\
  pairs: {first: first, second: second, $told} # columns; `first_group: COLUMN` tells relatives
""")

_TABLE = Template("""\
  # CSV, Parquet or Arrow files below a folder of RNAERNIE_BENCH_DATA, or a hub id with `revision`
  # (a commit) and `split`. `id` may be missing; `group: COLUMN` tells relatives (families, genes).
  tables:
    train: {source: $name/train.csv, sequence: sequence, $told}
    validation: {source: $name/validation.csv, sequence: sequence, $told}
    test: {source: $name/test.csv, sequence: sequence, $told}""")

_LABELS: Mapping[Problem, tuple[str, ...]] = {
    "binary": ("negative", "positive"),
    "multiclass": ("first", "second"),
    "multilabel": ("one", "two"),
    "regression": ("value",),
}

_CARD = Template("""\
# $name

$placeholder: what is predicted, why it matters, and who would use the answer.

**Data.** Where it comes from, how it was selected, its licence, whom to cite.

**Splits.** How train, validation and test were cut, and what they share.

**Shortcuts.** What a model could learn instead: length, composition, the source of a record.

## Audit

Made by `rnaernie-bench data audit $name --task-path $folder --write-card`.

<!-- audit:begin -->
<!-- audit:end -->
""")


def new_task(
    name: str,
    folder: Path,
    *,
    level: str = "sequence",
    problem: Problem = "multiclass",
    source: Source = "fasta",
    task_folders: Iterable[Path] = (),
) -> Path:
    """Write the folder of a new task, and return it.

    Args:
        name: of task and folder: lower-case letters, digits and underscores.
        folder: the folder of tasks that it is put into, made if missing.
        level: of the task.
        problem: of the task.
        source: what the data are read from, where the level has both.
        task_folders: further folders of tasks, whose names are taken too.

    Raises:
        ConfigError: if the name is not one, or taken, or the level has no such problem.
        BenchError: if the folder cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"'{name}' is no name for a task",
            where="NAME",
            remedy="use 2 to 48 lower-case letters, digits and underscores, a letter first",
        )
    target = folder / name
    taken = find_tasks(task_folders)
    if target.exists() or name in taken:
        raise ConfigError(
            "it is there already" if target.exists() else "another task has this name",
            where=target if target.exists() else taken[name],
            remedy="choose another name; nothing is overwritten",
        )
    entry = LEVELS.get(level)
    if problem not in entry.answers:
        raise ConfigError(
            f"the level '{level}' has no problem '{problem}'",
            where="--problem",
            remedy=f"choose one of {', '.join(entry.answers)}",
        )
    words = {"name": name, "folder": folder, "placeholder": PLACEHOLDER}
    words |= _choices(entry, problem)
    with atomic_folder(target) as temporary:
        declaration = _TASK.substitute(words, data=_data(entry, problem, name, source).rstrip())
        (temporary / "task.yaml").write_text(declaration, encoding="utf-8")
        (temporary / "README.md").write_text(_CARD.substitute(words), encoding="utf-8")
    return target


def _choices(level: Level, problem: Problem) -> dict[str, str]:
    """Return the values of keys that follow from level and problem, and what else they may be."""
    labels = () if level.decodes(problem) else _LABELS[problem]
    answer = level.answers[problem]
    metrics = metrics_of(answer, METRICS)
    usual = (level.own_metrics.get(problem, ""), ITEM_METRICS[problem], *metrics)
    policies = policies_of(level, problem)
    whole = level.labelled and categorical(problem)
    families = ("hairpin", "cloverleaf")
    return {
        "level": level.name,
        "problem": problem,
        "labels": ", ".join(labels),
        "order": "base pairs have none"
        if not labels
        else "as the data spell them, in an order that stays"
        + (", the negative one first" if two_classes(problem) else "")
        if categorical(problem)
        else "their names, in an order that stays",
        "metric": next(name for name in usual if name in metrics),
        "metrics": ", ".join(metrics),
        "head": level.head,
        "length": level.length if level.length in policies else policies[0],
        "policies": ", ".join(policies),
        "units": "item, group" + (", group_in_class" if whole else ""),
        "families": ", ".join(
            f"{name}: {families[place % 2]}"
            for place, name in enumerate(labels if whole else families)
        ),
    }


def _data(level: Level, problem: Problem, name: str, source: Source) -> str:
    """Return where the items of a task are read from."""
    labels = ", ".join(f"{label}: {label}" for label in _LABELS[problem])
    told = "label: label" if categorical(problem) else f"labels: {{{labels}}}"
    decodes = level.decodes(problem)
    headed = level.labelled and (categorical(problem) or quantitative(problem))
    if not level.partners and (source == "table" or not (decodes or headed)):
        if not decodes:
            told += "".join(f", {column}: {column}" for column in level.columns.values())
        return _TABLE.substitute(name=name, told=told)
    suffix = ".csv" if level.partners else ".dbn" if decodes else ".fasta"
    head = _PAIRS.substitute(told=told) if level.partners else _STRUCTURES if decodes else _HEADERS
    parts = ("train", "validation", "test")
    files = (
        _FILE.substitute(part=part, name=name, suffix=suffix, sha256=UNKNOWN_SHA256)
        for part in parts
    )
    return head + _FILES + "".join(files)
