"""Rows as users name them, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import write_json
from rnaernie_bench.leaderboard.selection import Found, find_records, load_aligned, select
from rnaernie_bench.results.predictions import Predictions, predictions_entry, write_predictions
from rnaernie_bench.results.store import import_run

MakeRun = Callable[..., Path]
KMER = {
    "backbone": {"name": "kmer", "kind": "baseline", "init": None},
    "strategy": {"name": "baseline"},
}


def found(tmp_path: Path) -> list[Found]:
    return find_records(tmp_path / "results", tmp_path / "runs")


def ids(tmp_path: Path, name: str) -> list[str]:
    return [run.run_id for run in select(name, found(tmp_path)).runs]


def change(folder: Path, **changes: Any) -> None:
    path = folder / "record.json"
    write_json(path, json.loads(path.read_text()) | changes)


def test_ways_to_name_a_row(tmp_path: Path, make_run: MakeRun) -> None:
    first, second = make_run(seed=1), make_run(seed=0)
    kmer = make_run(**KMER)
    make_run(seed=5, status="interrupted")
    for name in ("rnaernie-tiny", "rnaernie-tiny (random)", "rnaernie-tiny/full"):
        assert ids(tmp_path, name) == [second.name, first.name]
    for name in (kmer.name, kmer.name[:6], str(kmer), "kmer", "kmer/baseline"):
        assert ids(tmp_path, name) == [kmer.name]
    assert ids(tmp_path, f"{kmer.name}+{first.name[:7]}") == [kmer.name, first.name]


def test_a_folded_row_is_named_after_the_folding_too(tmp_path: Path, make_run: MakeRun) -> None:
    plain, folded = make_run(), make_run(seed=1)
    record = json.loads((folded / "record.json").read_text())
    change(
        folded,
        selection=record["selection"] | {"decoder": "hybrid"},
        recipe=record["recipe"] | {"decoder": "hybrid"},
    )
    assert ids(tmp_path, "rnaernie-tiny/full") == [plain.name]
    for name in ("rnaernie-tiny with ViennaRNA", "rnaernie-tiny (random) with ViennaRNA/full"):
        assert ids(tmp_path, name) == [folded.name]


def test_an_imported_record_stands_for_its_run(tmp_path: Path, make_run: MakeRun) -> None:
    import_run(make_run(**KMER), tmp_path / "results")
    [run] = select("kmer", found(tmp_path)).runs
    assert run.folder == tmp_path / "results" / "ncrna_cls" / "published"


def test_names_that_say_too_little(tmp_path: Path, make_run: MakeRun) -> None:
    runs = [make_run(), make_run(head="token")]
    with pytest.raises(ResultError, match="'rnaernie-tiny' stands for 2 rows") as raised:
        select("rnaernie-tiny", found(tmp_path))
    assert all(run.name in str(raised.value) for run in runs)
    with pytest.raises(ResultError, match="no run or row 'k-mer'; rows are rnaernie-tiny"):
        select("k-mer", found(tmp_path))
    with pytest.raises(ResultError, match="no run 'abcdef'"):
        select("abcdef", found(tmp_path))
    with pytest.raises(ResultError, match="no run or row 'x'; there are no records"):
        select("x", [])


def test_items_are_brought_into_one_order(
    tmp_path: Path, make_run: MakeRun, predictions: Predictions
) -> None:
    make_run()
    other = make_run(**KMER)
    turned = replace(
        predictions,
        ids=predictions.ids[::-1],
        groups=predictions.groups[::-1],
        truth=predictions.truth[::-1],
        predicted=predictions.predicted[::-1],
        parts={name: mask[::-1] for name, mask in predictions.parts.items()},
    )
    rewrite(other, turned)
    rows = [select(name, found(tmp_path)) for name in ("rnaernie-tiny", "kmer")]
    aligned = load_aligned(rows, "deduplicated")
    assert len(aligned.truth) == 3
    assert aligned.ids.tolist() == sorted(predictions.ids[2:].tolist())
    assert (aligned.predicted[0][0] == aligned.predicted[1][0]).all()
    place = dict(zip(predictions.ids, predictions.groups, strict=True))
    assert aligned.groups == [place[hashed] for hashed in aligned.ids]


def rewrite(folder: Path, predictions: Predictions) -> None:
    """Give a run other predictions, with a record that names them."""
    write_predictions(folder / "predictions.parquet", predictions)
    tests = json.loads((folder / "record.json").read_text())["tests"]
    for part, test in tests.items():
        rows = int(predictions.parts[part].sum())
        test["predictions"] = predictions_entry(folder / "predictions.parquet", rows)
    change(folder, tests=tests)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"task": {"version": 2}}, "task is ncrna_cls@2, not ncrna_cls@1"),
        ({"dataset": {"fingerprint": "b" * 64}}, "dataset is bbbb"),
        ({"split": {"name": "random"}}, "split is random, not published"),
        ({"split": {"fold": "srp"}}, "fold is srp, not none"),
        ({"protocol": "as_published"}, "protocol is as_published, not clean"),
    ],
)
def test_runs_that_may_not_be_compared_are_refused_by_field(
    tmp_path: Path, make_run: MakeRun, changes: dict[str, Any], field: str
) -> None:
    names = [make_run().name, make_run(**changes).name]
    rows = [select(name, found(tmp_path)) for name in names]
    with pytest.raises(ResultError, match=f"record {names[1]}: cannot be .* its {field}"):
        load_aligned(rows, "full")


def test_of_another_task_it_is_not_the_missing_part_that_is_named(
    tmp_path: Path, make_run: MakeRun
) -> None:
    own, other = make_run(), make_run(seed=1)
    record = json.loads((other / "record.json").read_text())
    tests = {"mouse": record["tests"]["full"]}
    change(other, tests=tests, task=record["task"] | {"version": 2})
    rows = [select(folder.name, found(tmp_path)) for folder in (own, other)]
    with pytest.raises(ResultError, match="its task is ncrna_cls@2"):
        load_aligned(rows, "full")


def pair(tmp_path: Path) -> Any:
    return load_aligned([select(n, found(tmp_path)) for n in ("rnaernie-tiny", "kmer")], "full")


def test_predictions_that_are_not_the_records_are_refused(
    tmp_path: Path, make_run: MakeRun, predictions: Predictions
) -> None:
    make_run()
    kmer = make_run(**KMER)
    write_predictions(
        kmer / "predictions.parquet",
        replace(predictions, predicted=predictions.predicted[::-1]),
    )
    with pytest.raises(ResultError, match=r"is not the file .* \(its SHA-256 differs\)"):
        pair(tmp_path)


def test_another_number_of_rows_is_refused(tmp_path: Path, make_run: MakeRun) -> None:
    make_run()
    kmer = make_run(**KMER)
    tests = json.loads((kmer / "record.json").read_text())["tests"]
    tests["full"]["predictions"]["rows"] = 4
    change(kmer, tests=tests)
    with pytest.raises(ResultError, match="has 5 items in full, the record says 4 and 5"):
        pair(tmp_path)


def test_other_items_are_refused(
    tmp_path: Path, make_run: MakeRun, predictions: Predictions
) -> None:
    make_run()
    others = replace(predictions, ids=predictions.ids + np.uint64(1))
    rewrite(make_run(**KMER), others)
    with pytest.raises(ResultError, match="its items in full are not those of run"):
        pair(tmp_path)


def test_a_run_cannot_stand_in_two_rows(tmp_path: Path, make_run: MakeRun) -> None:
    run = make_run()
    rows = [select(name, found(tmp_path)) for name in ("rnaernie-tiny", run.name)]
    with pytest.raises(ResultError, match=f"run {run.name} is named twice"):
        load_aligned(rows, "full")


def test_a_part_that_is_not_there_is_refused(tmp_path: Path, make_run: MakeRun) -> None:
    make_run()
    with pytest.raises(ResultError, match="has no test part 'easy'; it has full, deduplicated"):
        load_aligned([select("rnaernie-tiny", found(tmp_path))], "easy")
