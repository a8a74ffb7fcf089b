"""`--json`: every command that lists, shows or runs prints one document, as the schema says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from rnaernie_bench.cli import output
from rnaernie_bench.cli.main import main

SCHEMA = json.loads(Path(output.__file__).with_name("output.schema.json").read_text("utf-8"))
DRAFT = "http://json-schema.org/draft-07/schema#"  # the newest that the library knows
RUN = ["task=ncrna_cls", "backbone=majority", "tracking=none", "seed=0,1"]


def check(command: str, found: Any) -> None:
    """Hold what a command printed against its part of the schema."""
    schema = SCHEMA["$defs"][command]
    fastjsonschema.validate({**schema, "$schema": DRAFT}, found)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("tasks list", []),
        ("tasks show", ["sirna"]),
        ("backbones list", []),
        ("backbones show", ["kmer"]),
        ("strategies list", []),
        ("strategies show", ["frozen"]),
        ("leaderboard", ["--task", "sirna"]),
        ("run", RUN),
    ],
)
def test_a_command_prints_one_document(
    command: str,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*command.split(), *arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    check(command, found)
    assert found
    if command == "run":
        assert [one["record"]["seed"] for one in found] == [0, 1]


def test_the_schema_refuses_what_lacks_a_key() -> None:
    check("strategies list", [{"name": "a", "error": "its module is missing"}])
    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        check("strategies list", [{"name": "a"}])
