"""Croissant metadata of every task: what MLCommons' own library says of it."""

from __future__ import annotations

import json
import logging

import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.task.croissant import croissant
from rnaernie_bench.task.task import find_tasks, load_task


@pytest.mark.parametrize("name", sorted(find_tasks()))
def test_the_metadata_are_valid(name: str, caplog: pytest.LogCaptureFixture) -> None:
    import mlcroissant

    task = load_task(name)
    with caplog.at_level(logging.WARNING):
        found = mlcroissant.Dataset(jsonld=croissant(task))  # raises what is wrong
    assert found.metadata.name == task.dataset.name
    files = {file.sha256 for file in found.metadata.distribution}
    assert files == {file.sha256 for file in task.data_files.values()}


def test_the_columns_of_a_table_are_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "show", "mrl", "--croissant"]) == 0
    name, table = next(iter(load_task("mrl").dataset.tables.items()))
    records = json.loads(capsys.readouterr().out)["recordSet"][0]
    columns = {field["source"]["extract"]["column"] for field in records["field"]}
    assert {table.sequence, *(table.labels.values() or [table.label])} <= columns
    assert {field["source"]["fileObject"]["@id"] for field in records["field"]} == {name}
