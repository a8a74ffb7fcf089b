"""The tables of labels and RNA types that tasks declare."""

from __future__ import annotations

import re

import pytest
import yaml

from rnaernie_bench.backbones.vocabulary import RNA_TYPES
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.learning.guidance.guides import types_of_labels
from rnaernie_bench.pretraining.types import RFAM_WORDS
from rnaernie_bench.task.task import load_task, load_tasks, read_task

TYPED = [task for task in load_tasks().values() if task.types]


@pytest.mark.parametrize("task", TYPED, ids=lambda task: task.name)
def test_types_are_known_and_on_the_card(task):
    assert [RNA_TYPES[i] for i in types_of_labels(task)] == [task.types[x] for x in task.labels]
    section = task.card.read_text(encoding="utf-8").split("## RNA types")[1].split("\n## ")[0]
    assert dict(re.findall(r"^\| `(\S+)` \| `(\S+)` \|$", section, re.MULTILINE)) == task.types


def test_nrc_agrees_with_rfam():
    types = load_task("ncrna_cls").types
    words = {"5S_rRNA": "rRNA", "5_8S_rRNA": "rRNA", "Intron_gpI": "Intron",
             "Intron_gpII": "Intron"}  # fmt: skip
    assert types == {label: RFAM_WORDS[words.get(label, label)] for label in types}


def test_a_label_without_type_is_refused(tmp_path):
    source = load_task("ncrna_cls").folder / "task.yaml"
    raw = yaml.safe_load(source.read_text())
    del raw["types"]["tRNA"]
    path = tmp_path / "ncrna_cls" / "task.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(raw))
    with pytest.raises(ConfigError, match="each label needs one type"):
        read_task(path)
