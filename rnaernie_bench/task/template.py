"""A new task's folder: a declaration that loads and runs at once on simulated data, and a card."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.files import atomic_folder
from rnaernie_bench.task.task import find_tasks

Source = Literal["fasta", "table"]

PLACEHOLDER = "TO BE FILLED IN"
"""What stands in a template where its author has to say something."""

UNKNOWN_SHA256 = "f" * 64
"""The checksum of a file that nobody has looked at yet."""

_NAME = re.compile(r"[a-z][a-z0-9_]{1,47}")

_TASK = Template("""\
# A sequence-level task. After each change: rnaernie-bench validate $folder/$name
name: $name                # the name of this folder
version: 1 # a change of data or meaning that changes numbers is a new version
title: $placeholder, in one line
level: sequence            # one label a sequence
problem: multiclass        # one of the labels below
labels: [first, second]    # as the data spell them, in an order that stays: an index is a class
main_metric: {name: macro_f1, higher_is_better: true}
metrics: [accuracy, macro_precision, macro_recall, mcc, ece]
head: pooled
length: truncate # sequences over 508 bases: truncate, window (read piece by piece) or error
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
simulation: # stands in for the data in the demo: a family of data/simulated.py for each label
  families: {first: hairpin, second: cloverleaf}
  sizes: {train: 60, validation: 20, test: 40}
""")

_FASTA = Template("""\
  # Headers look like `>id label`. A third named group, `group`, tells relatives (families, genes).
  header: '(?P<id>\\S+)\\s+(?P<label>\\S+)'
  files: # paths below a folder of RNAERNIE_BENCH_DATA; `validate` prints checksums and counts
    train:
      path: $name/train.fasta # or .fasta.gz
      sha256: $sha256
      records: 1
      # url: https://...      # where `data fetch` gets it, if it is public
    validation:
      path: $name/validation.fasta
      sha256: $sha256
      records: 1
    test:
      path: $name/test.fasta
      sha256: $sha256
      records: 1""")

_TABLE = Template("""\
  # CSV, Parquet or Arrow files below a folder of RNAERNIE_BENCH_DATA, or a hub id with `revision`
  # (a commit) and `split`. `id` may be missing; `group: COLUMN` tells relatives (families, genes).
  tables:
    train: {source: $name/train.csv, sequence: sequence, label: label}
    validation: {source: $name/validation.csv, sequence: sequence, label: label}
    test: {source: $name/test.csv, sequence: sequence, label: label}""")

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
    name: str, folder: Path, *, source: Source = "fasta", task_folders: Iterable[Path] = ()
) -> Path:
    """Write the folder of a new sequence-level task, and return it.

    Args:
        name: of task and folder: lower-case letters, digits and underscores.
        folder: the folder of tasks that it is put into, made if missing.
        source: what the data are read from.
        task_folders: further folders of tasks, whose names are taken too.

    Raises:
        ConfigError: if the name is not one, or taken.
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
    words = {"name": name, "folder": folder, "placeholder": PLACEHOLDER, "sha256": UNKNOWN_SHA256}
    data = (_FASTA if source == "fasta" else _TABLE).substitute(words)
    with atomic_folder(target) as temporary:
        declaration = _TASK.substitute(words, data=data)
        (temporary / "task.yaml").write_text(declaration, encoding="utf-8")
        (temporary / "README.md").write_text(_CARD.substitute(words), encoding="utf-8")
    return target
