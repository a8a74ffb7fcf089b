"""Bundles: what goes in comes out, and nothing else gets in or out."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import write_json
from rnaernie_bench.results import bundle
from rnaernie_bench.results.bundle import unpack, write_bundle
from rnaernie_bench.results.predictions import Predictions, predictions_entry
from rnaernie_bench.results.store import (
    import_run,
    publishable,
    read_record,
    record_paths,
    validate_folder,
)

MakeRun = Callable[..., Path]
RESULTS = Path(__file__).with_name("recipe_1")
STEM = "ncrna_cls/published/0123456789ab"


def packed(path: Path, *runs: Path) -> Path:
    write_bundle(path, [publishable(read_record(run / "record.json"), run) for run in runs])
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_unpacked_is_what_import_makes(tmp_path: Path, make_run: MakeRun) -> None:
    runs = [make_run(seed=seed) for seed in range(2)]
    for run in runs:
        import_run(run, tmp_path / "imported")
    (tmp_path / "out").mkdir()
    unpack(packed(tmp_path / "b.zip", *runs), tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "imported")
    assert validate_folder(tmp_path / "out") == []


def test_equal_records_make_equal_bytes(tmp_path: Path, make_run: MakeRun) -> None:
    one, other = make_run(seed=0), make_run(seed=1)
    first = packed(tmp_path / "first.zip", one, other).read_bytes()
    assert packed(tmp_path / "second.zip", other, one).read_bytes() == first
    assert packed(tmp_path / "third.zip", one).read_bytes() != first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        members = archive.infolist()
    assert members[0].filename == "manifest.json"
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backbone": {"options": {"source": "/data/weights"}}}, r"\$\.backbone\.options\.source"),
        ({"backbone": {"options": {"source": "~/weights"}}}, "path of this machine"),
        ({"environment": {"cpu": "file:/proc/cpuinfo"}}, r"\$\.environment\.cpu looks like a path"),
        ({"environment": {"C:\\Users\\me": 1}}, "path of this machine"),
        ({"strategy": {"motifs": ["GGCAUUACGGCAUUACGG"]}}, r"motifs\[0\] looks like a sequence"),
    ],
)
def test_paths_and_sequences_stay_at_home(
    tmp_path: Path, make_run: MakeRun, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ResultError, match=words):
        packed(tmp_path / "b.zip", make_run(**changes))
    assert not (tmp_path / "b.zip").exists()


def test_hub_ids_addresses_and_hashes_may_be_told(tmp_path: Path, make_run: MakeRun) -> None:
    options = {"source": "multimolecule/rnaernie", "page": "https://example.org/a"}
    run = make_run(backbone={"options": options}, git_commit="ac" * 20)
    assert packed(tmp_path / "b.zip", run).exists()


def test_a_group_that_is_a_sequence_stays_at_home(
    tmp_path: Path, make_run: MakeRun, predictions: Predictions
) -> None:
    run = make_run()
    groups = [*predictions.groups[:-1], "ACGUACGUACGUACGUACGU"]
    changed = replace(predictions, groups=groups)
    with pytest.raises(ResultError, match="of the predictions looks like a sequence"):
        write_bundle(tmp_path / "b.zip", [(read_record(run / "record.json"), changed)])


def test_foreign_notes_of_predictions_stay_at_home(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run()
    file = run / "predictions.parquet"
    pq.write_table(pq.read_table(file).replace_schema_metadata({"pandas": "secret"}), file)
    record = read_record(run / "record.json")
    for test in record["tests"].values():
        test["predictions"] = predictions_entry(file, test["n"])
    write_json(run / "record.json", record)
    assert b"secret" not in packed(tmp_path / "b.zip", run).read_bytes()


@pytest.mark.parametrize("task", sorted(p.name for p in RESULTS.iterdir() if p.is_dir()))
def test_a_record_of_every_task_can_be_handed_on(tmp_path: Path, task: str) -> None:
    path = min(record_paths(RESULTS / task / ".."), key=lambda p: (p.parts[-3] != task, p))
    assert path.parts[-3] == task
    run_id, results = path.stem, tmp_path / "results"
    submit = ["results", "submit", run_id, "-o", str(tmp_path / "b.zip")]
    places = ["--results-dir", str(RESULTS), "--runs-dir", str(tmp_path)]
    assert main([*submit, *places]) == 0
    assert main(["results", "merge", str(tmp_path / "b.zip"), "--results-dir", str(results)]) == 0
    assert [read_record(p)["run_id"] for p in record_paths(results)] == [run_id]


def zipped(path: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def manifest(**files: bytes) -> tuple[str, bytes]:
    entries = {
        name.replace("__", "."): {"sha256": hashlib.sha256(c).hexdigest(), "bytes": len(c)}
        for name, c in files.items()
    }
    value = {"schema": 1, "record_schema": 1, "files": entries}
    return "manifest.json", json.dumps(value).encode()


PAIR = {f"{STEM}.json": b"{}", f"{STEM}.parquet": b"P"}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("../../escaped.json", b"{}")], "unknown member '../../escaped.json'"),
        ([("/etc/passwd", b"")], "unknown member '/etc/passwd'"),
        ([("a/../0123456789ab.json", b"{}")], "unknown member"),
        ([("a/b/0123456789ab.json/", b"")], "unknown member"),
        ([("run.py", b"")], "unknown member 'run.py'"),
        ([("a/b/c.json", b"{}")], "unknown member 'a/b/c.json'"),
        ([], "no manifest.json"),
        ([manifest(), *PAIR.items()], "must contain at least 2 properties"),
        ([manifest(**PAIR), *PAIR.items(), ("x/y/0123456789ab.json", b"")], "not in the manifest"),
        ([manifest(**PAIR), *list(PAIR.items())[:1]], "0123456789ab.parquet' is missing"),
        ([manifest(**PAIR), *(PAIR | {f"{STEM}.json": b"[]"}).items()], "not as in the manifest"),
        ([("manifest.json", b"{"), *PAIR.items()], "manifest.json is damaged"),
        ([("manifest.json", b"[" * 100_000), *PAIR.items()], "manifest.json is damaged"),
        ([("manifest.json", b"{}"), *PAIR.items()], "'schema' is a required property"),
    ],
)
def test_unsound_bundles_are_refused(
    tmp_path: Path, members: list[tuple[str, bytes]], words: str
) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(ResultError, match=words) as caught:
        unpack(zipped(tmp_path / "b.zip", members), tmp_path / "out")
    assert caught.value.where == str(tmp_path / "b.zip")
    assert {path.name for path in tmp_path.iterdir()} == {"b.zip", "out"}


def test_sizes_are_limited_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = [manifest(**PAIR), *PAIR.items()]
    bombs = zipped(tmp_path / "c.zip", good, zipfile.ZIP_DEFLATED)
    with pytest.raises(ResultError, match=r"manifest\.json is compressed or encrypted"):
        unpack(bombs, tmp_path)
    path = zipped(tmp_path / "b.zip", good)
    for name, words in (
        ("MAX_MEMBER_BYTES", "is larger than"),
        ("MAX_MEMBERS", "more than 1 members"),
        ("MAX_BYTES", "larger than 0 MiB"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(bundle, name, 1)
            with pytest.raises(ResultError, match=words):
                unpack(path, tmp_path)
    unpack(path, tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04cut", b"\x1f\x8b", b"{}"])
def test_other_files_are_no_bundles(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(content)
    with pytest.raises(ResultError, match="no bundle, or a damaged one"):
        unpack(path, tmp_path)
    with pytest.raises(ResultError, match="no such bundle or folder"):
        unpack(tmp_path / "none.zip", tmp_path)
