"""Merging: everything or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.core.errors import BenchError, ResultError
from rnaernie_bench.core.files import write_json
from rnaernie_bench.results import merging
from rnaernie_bench.results.bundle import write_bundle
from rnaernie_bench.results.merging import merge
from rnaernie_bench.results.store import (
    import_run,
    publishable,
    read_record,
    read_records,
    validate_folder,
)

MakeRun = Callable[..., Path]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads(path.read_text())
    change(record)
    write_json(path, record)


@pytest.fixture
def folders(tmp_path: Path, make_run: MakeRun) -> tuple[Path, Path, Path]:
    """Give our results (seeds 0, 1), a folder of others (1, 2) and a bundle of theirs (2, 3)."""
    runs = [make_run(seed=seed) for seed in range(4)]
    ours, theirs, bundle = tmp_path / "ours", tmp_path / "theirs", tmp_path / "theirs.zip"
    for run in runs[:2]:
        import_run(run, ours)
    for run in runs[1:3]:
        import_run(run, theirs)
    write_bundle(bundle, [publishable(read_record(run / "record.json"), run) for run in runs[2:]])
    return ours, theirs, bundle


def test_new_records_are_added_and_known_ones_counted(folders: tuple[Path, Path, Path]) -> None:
    ours, theirs, bundle = folders
    merged = merge([theirs, bundle], ours)
    assert (len(merged.added), merged.present) == (2, 2)
    assert sorted(record["seed"] for record in read_records(ours)) == [0, 1, 2, 3]
    assert validate_folder(ours) == []
    again = merge([theirs, bundle], ours)
    assert (again.added, again.present) == ((), 4)


def test_a_folder_of_results_is_made_where_there_is_none(
    folders: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    _, theirs, _ = folders
    merge([theirs], tmp_path / "new")
    assert files(tmp_path / "new") == files(theirs)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r["cost"].update(train_s=99.0), "another record of run"),
        (lambda r: r.pop("seed"), "'seed' is a required property"),
        (lambda r: r["tests"]["full"].update(n=4), "5 items in full, the record says 4 and 5"),
        (lambda r: r["dataset"].update(simulated=True), "simulated data"),
        (lambda r: r.update(schema=7), "not a result record of schema 1"),
        (
            lambda r: [t["predictions"].update(path="x.parquet") for t in r["tests"].values()],
            "its predictions should be called",
        ),
    ],
)
def test_one_bad_record_stops_all(
    folders: tuple[Path, Path, Path], change: Callable[[dict[str, Any]], object], words: str
) -> None:
    ours, theirs, bundle = folders
    known = {path.name for path in ours.rglob("*.json")}
    [path] = [path for path in theirs.rglob("*.json") if path.name in known]
    edit(path, change)
    before = files(ours)
    with pytest.raises(ResultError, match=words):
        merge([bundle, theirs], ours)
    assert files(ours) == before


def test_sources_that_contradict_each_other_are_named(folders: tuple[Path, Path, Path]) -> None:
    ours, theirs, bundle = folders
    known = {path.name for path in ours.rglob("*.json")}
    [path] = [path for path in theirs.rglob("*.json") if path.name not in known]
    edit(path, lambda record: record["cost"].update(train_s=99.0))
    before = files(ours)
    words = rf"theirs\.zip: its record of run {path.stem} is another than that of .*theirs;"
    with pytest.raises(ResultError, match=words):
        merge([theirs, bundle], ours)
    assert files(ours) == before


def test_a_failed_write_is_taken_back(
    folders: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs, bundle = folders
    before, calls = files(ours), []

    def failing(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 2:
            raise BenchError("no space is left")
        store(*arguments)

    store = merging.store
    monkeypatch.setattr(merging, "store", failing)
    with pytest.raises(BenchError, match="no space"):
        merge([theirs, bundle], ours)
    assert files(ours) == before


def test_a_source_without_records_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="it has no records"):
        merge([tmp_path], tmp_path / "ours")
    with pytest.raises(ResultError, match="no such bundle or folder of results"):
        merge([tmp_path / "nothing"], tmp_path / "ours")
    assert not (tmp_path / "ours").exists()
