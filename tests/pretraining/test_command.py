"""The command on the card gives the settings of the record again."""

from __future__ import annotations

import json
import shlex

import pytest

from rnaernie_bench.core import paths
from rnaernie_bench.pretraining.command import pretraining_command
from rnaernie_bench.pretraining.config import compose
from rnaernie_bench.tracking.store import settings_to_record


def settings_of(overrides):
    settings = settings_to_record(compose(overrides))
    for key in ("out", "runs_dir", "tracking"):
        del settings[key]
    return json.loads(json.dumps(settings))


def split(command: str) -> list[str]:
    """Return the words of a command as a shell has them; `shlex` joins no lines."""
    return shlex.split(command.replace("\\\n", ""))


def again(command: str, program: str):
    words = split(command)
    assert words[: len(program.split())] == program.split()
    return settings_of(words[len(program.split()) :])


def test_defaults_need_no_setting():
    command = pretraining_command(settings_of(["out=x"]), 1)
    assert split(command) == [
        "rnaernie-bench", "pretrain", "corpus=rfam_seed", "backbone=rnaernie-tiny", "out=FOLDER",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "overrides",
    [
        ["corpus=fasta", "corpus.files=['a b.fa',c.fa.gz]", "corpus.exclude=[]", "motifs=[m.txt]"],
        [
            "corpus=table", "corpus.hub=some/set", "corpus.columns.family=rf", "corpus.type=tRNA",
            "corpus.exclude=[{name: x, path: x.fa, sha256: '0', format: fasta}]",
        ],
        [
            "backbone=rnaernie", "backbone.init=pretrained", "backbone.source=typed", "seed=7",
            "schedule=mixed", "trainer.min_learning_rate=0", "trainer.max_train_minutes=1.5",
            "trainer.fast_dropout=false", r"corpus.header='(?P<id>\S+)'",
        ],
    ],
    ids=["own files", "hub", "from a checkpoint"],
)  # fmt: skip
def test_the_settings_come_again(overrides):
    settings = settings_of([*overrides, "out=x"])
    assert again(pretraining_command(settings, 1), "rnaernie-bench pretrain") == settings


def test_paths_of_a_machine_are_left_out(tmp_path):
    here = str(tmp_path)
    files = [f"corpus.files=[{here}/a.fa,b/c.fa]", f"motifs=[{here}/m.txt]"]
    backbone = ["backbone.init=pretrained", f"backbone.source={here}/typed"]
    command = pretraining_command(settings_of(["corpus=fasta", *files, *backbone, "out=x"]), 1)
    assert here not in command
    assert "corpus.files=[a.fa,b/c.fa]" in split(command)
    assert {"motifs=[m.txt]", "backbone.source=typed"} <= set(split(command))


def test_the_command_of_the_embedded_weights():
    folder = paths.embedded_weights("rnaernie-tiny")
    assert folder is not None
    record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    settings = record["settings"]
    # Evaluation items have been added since; the record names those that were kept out then.
    today = settings_of(["out=x"])["corpus"]["exclude"]
    assert {e["name"] for e in settings["corpus"]["exclude"]} < {e["name"] for e in today}
    settings["corpus"]["exclude"] = today
    command = pretraining_command(settings, record["training"]["processes"])
    composed = again(command, "rnaernie-bench pretrain")
    for group, values in settings.items():
        known = composed[group]
        same = {key: known[key] for key in values} if isinstance(values, dict) else known
        assert same == values
    assert command in (folder / "README.md").read_text(encoding="utf-8")
