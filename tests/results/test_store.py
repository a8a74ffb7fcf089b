"""Finding, importing and checking runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import write_json
from rnaernie_bench.results.checks import predictions_of
from rnaernie_bench.results.merging import merge
from rnaernie_bench.results.predictions import read_predictions
from rnaernie_bench.results.record import validate_record
from rnaernie_bench.results.shared import items_of, shared_name
from rnaernie_bench.results.store import (
    find_run,
    import_run,
    read_record,
    read_records,
    read_runs,
    validate_folder,
)

MakeRun = Callable[..., Path]


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads(path.read_text())
    change(record)
    write_json(path, record)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_import_copies_record_and_predictions(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run()
    target = import_run(run, tmp_path / "results")
    folder = tmp_path / "results" / "ncrna_cls" / "published"
    assert target == folder / f"{run.name}.json"
    [record] = read_records(tmp_path / "results")
    validate_record(record)
    shared = shared_name(record)
    assert {p.name for p in folder.iterdir()} == {
        f"{run.name}.json", shared, items_of(folder / shared)
    }  # fmt: skip
    assert record["tests"]["full"]["predictions"]["path"] == shared
    found, original = predictions_of(record, folder), read_predictions(run / "predictions.parquet")
    assert dict(zip(found.ids, found.decided, strict=True)) == dict(
        zip(original.ids, original.decided, strict=True)
    )
    assert validate_folder(tmp_path / "results") == []


def test_records_of_earlier_versions_have_a_file_a_run(tmp_path: Path, make_run: MakeRun) -> None:
    run, folder = make_run(), tmp_path / "results" / "ncrna_cls" / "published"
    folder.mkdir(parents=True)
    shutil.copy(run / "predictions.parquet", folder / f"{run.name}.parquet")
    record = read_record(run / "record.json")
    for test in record["tests"].values():
        test["predictions"]["path"] = f"{run.name}.parquet"
    write_json(folder / f"{run.name}.json", record)
    before = files(tmp_path / "results")
    assert validate_folder(tmp_path / "results") == []
    import_run(run, tmp_path / "results")
    assert files(tmp_path / "results") == before  # the run is there already
    merge([tmp_path / "results"], tmp_path / "new")
    assert validate_folder(tmp_path / "new") == []
    rows = [p.name for p in (tmp_path / "new").rglob("*.seeds.parquet")]
    assert rows == [shared_name(record)]


def test_importing_again_changes_nothing(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run()
    import_run(run, tmp_path / "results")
    before = files(tmp_path / "results")
    import_run(run, tmp_path / "results")
    assert files(tmp_path / "results") == before


def test_another_record_with_the_same_id_is_refused(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run()
    import_run(run, tmp_path / "results")
    before = files(tmp_path / "results")
    edit(run / "record.json", lambda record: record["cost"].update(train_s=99.0))
    with pytest.raises(ResultError, match=r"another record of run .* is already there; delete it"):
        import_run(run, tmp_path / "results")
    assert files(tmp_path / "results") == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r["dataset"].update(simulated=True), "the run is on simulated data"),
        (lambda r: r.update(status="interrupted"), "not finished .status 'interrupted'."),
        (lambda r: r.update(seed="one"), r"\$\.seed"),
        (
            lambda r: r["tests"]["full"]["predictions"].update(sha256="0" * 64),
            "the test parts name 2 predictions files",
        ),
        (lambda r: r["tests"]["full"].update(n=4), "5 items in full, the record says 4 and 5"),
        (
            lambda r: r["tests"].update(other=r["tests"].pop("full")),
            "covers the test parts full, deduplicated, the record dedup",
        ),
        (
            lambda r: r["tests"]["full"].update(
                n=6, predictions=r["tests"]["full"]["predictions"] | {"rows": 6}
            ),
            "5 items in full, the record says 6;",
        ),
        (
            lambda r: [t["predictions"].update(sha256="0" * 64) for t in r["tests"].values()],
            "SHA-256 differs",
        ),
        (
            lambda r: [t["predictions"].update(path="x.parquet") for t in r["tests"].values()],
            "x.parquet: cannot be read: No such file",
        ),
        (
            lambda r: r["tests"]["full"]["metrics"]["macro_f1"].pop("value"),
            r"\$\.tests\.full\.metrics\.macro_f1: 'value' is a required property",
        ),
        (
            lambda r: r["tests"]["full"]["metrics"]["macro_f1"].update(value=0.99, high=1.0),
            "macro_f1 on full is 0.611111 by its predictions, not 0.990000",
        ),
    ],
)
def test_unfit_runs_are_refused_and_leave_nothing(
    tmp_path: Path, make_run: MakeRun, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    run = make_run()
    edit(run / "record.json", change)
    with pytest.raises(ResultError, match=words) as caught:
        import_run(run, tmp_path / "results")
    assert caught.value.where == str(run / "record.json")
    assert not (tmp_path / "results").exists()


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "task" / "split" / "0123456789ab.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"schema": 1,')
    with pytest.raises(ResultError, match=r"0123456789ab\.json: damaged record"):
        read_records(tmp_path)


@pytest.mark.parametrize("text", ['{"schema": 2}', "[]", "{}"])
def test_another_schema_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "task" / "split" / "a.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ResultError, match=r"a\.json: not a result record of schema 1"):
        read_records(tmp_path)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_finite_is_named(
    tmp_path: Path, make_run: MakeRun, number: str
) -> None:
    run = make_run()
    path = run / "record.json"
    text = path.read_text(encoding="utf-8").replace('"train_s": 12.0', f'"train_s": {number}')
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ResultError, match=r"record\.json: damaged record: \$\.cost\.train_s: "):
        import_run(run, tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_missing_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"record\.json: no record can be read: No such file"):
        import_run(tmp_path, tmp_path / "results")


def test_missing_folders_hold_no_records(tmp_path: Path) -> None:
    assert read_records(tmp_path / "none") == []
    assert read_runs(tmp_path / "none") == []
    assert validate_folder(tmp_path / "none") == []


def test_only_finished_runs_are_read(tmp_path: Path, make_run: MakeRun) -> None:
    finished = make_run(seed=0)
    edit(make_run(seed=1) / "record.json", lambda record: record.update(status="running"))
    (tmp_path / "runs" / "ncrna_cls" / "0123456789ab").mkdir()
    assert [record["run_id"] for record in read_runs(tmp_path / "runs")] == [finished.name]


def test_a_run_is_found_by_folder_id_and_prefix(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run(run_id="abcdef012345")
    make_run(run_id="abcdff012345")
    for name in (str(run), "abcdef012345", "abcdef"):
        assert find_run(name, tmp_path / "runs") == run


def test_names_that_find_no_run_or_several(tmp_path: Path, make_run: MakeRun) -> None:
    runs = tmp_path / "runs"
    with pytest.raises(ResultError, match=r"no run 'abcdef'; .*the folder has no runs"):
        find_run("abcdef", runs)
    make_run(run_id="abcdef012345")
    make_run(run_id="abcdef012346")
    with pytest.raises(
        ResultError,
        match="matches several runs: ncrna_cls/abcdef012345, ncrna_cls/abcdef012346; write more",
    ):
        find_run("abcdef0", runs)
    for name in ("abcde", "abcdee"):
        with pytest.raises(ResultError, match=f"no run '{name}'; .*ncrna_cls/abcdef012345"):
            find_run(name, runs)
    with pytest.raises(ResultError, match=r"has no record\.json"):
        find_run(str(runs), runs)


def test_every_problem_of_a_folder_is_listed(tmp_path: Path, make_run: MakeRun) -> None:
    results = tmp_path / "results"
    good, lost, altered, moved, simulated, removed = (
        import_run(make_run(head=f"head{n}"), results) for n in range(6)
    )
    shared = {path: path.with_name(shared_name(read_record(path))) for path in (lost, moved)}
    pair = import_run(make_run(head="head5", seed=1), results)
    shared[lost].unlink()
    edit(altered, lambda r: r["tests"]["full"]["metrics"]["accuracy"].update(value=0.5))
    other = results / "ncrna_cls" / "random"
    other.mkdir()
    shutil.copy(moved.with_name(str(items_of(shared[moved]))), other)
    for path in (moved, shared[moved]):
        shutil.move(path, other)
    edit(simulated, lambda r: r["dataset"].update(simulated=True))
    removed.unlink()
    (other / "0.json").write_text("{")
    (other / "1.parquet").write_text("")
    (other / "2.seeds.parquet").write_text("")
    (other / "3.items.parquet").write_text("")

    problems = validate_folder(results)
    expected = [
        (lost.name, "no such predictions file"),
        (altered.name, "accuracy on full is 0.600000 by its predictions, not 0.500000"),
        (moved.name, f"belongs at ncrna_cls/published/{moved.stem}.json"),
        (simulated.name, "simulated"),
        (".seeds.parquet", f"predictions of runs without a record: {removed.stem}"),
        ("0.json", "damaged record"),
        ("1.parquet", "predictions without a record"),
        ("2.seeds.parquet", "the predictions are damaged"),
        ("3.items.parquet", "items that no predictions name"),
    ]
    assert len(problems) == len(expected)
    for name, words in expected:
        assert any(name in problem and words in problem for problem in problems)
    assert not any(path.stem in problem for problem in problems for path in (good, pair))


def test_an_unfinished_record_without_figures_is_a_problem(
    tmp_path: Path, make_record: Any
) -> None:
    record = make_record(status="interrupted") | {"tests": {}}
    write_json(tmp_path / "ncrna_cls" / "published" / f"{record['run_id']}.json", record)
    first, second = validate_folder(tmp_path)
    assert "not finished" in first
    assert "name 0 predictions files" in second


def test_two_records_of_one_id_are_refused_unless_they_are_equal(
    tmp_path: Path, make_record: Any
) -> None:
    record = make_record()
    name = f"{record['run_id']}.json"
    write_json(tmp_path / "ncrna_cls" / "published" / name, record)
    write_json(tmp_path / "ncrna_cls" / "another" / name, record)
    assert len(read_records(tmp_path)) == 2  # `build` counts them once, `validate` complains
    write_json(tmp_path / "ncrna_cls" / "another" / name, record | {"protocol": "as_published"})
    with pytest.raises(
        ResultError, match=rf"another record of run {record['run_id']} than .*another"
    ):
        read_records(tmp_path)


def test_what_an_import_has_not_finished_is_not_there(tmp_path: Path, make_run: MakeRun) -> None:
    """Neither its temporary files, nor those that it leaves when it is killed."""
    results = tmp_path / "results"
    path = import_run(make_run(), results)
    for name in (".12345678-x.json", ".12345678-x.parquet"):
        (path.parent / name).write_text("half of a rec")
    (results / ".hidden").mkdir()
    shutil.copytree(path.parent, results / ".hidden" / "split")
    assert [record["run_id"] for record in read_records(results)] == [path.stem]
    assert validate_folder(results) == []
