"""The record schema, comparability keys and run ids."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.leaderboard.tables import TaskInfo, build
from rnaernie_bench.results import record as record_module
from rnaernie_bench.results.record import (
    comparability_key,
    parse_record,
    record_digest,
    run_id_of,
    validate_record,
)
from rnaernie_bench.results.store import read_record


def test_the_factory_makes_valid_records(make_record: Any) -> None:
    validate_record(make_record())


def test_optional_fields_are_allowed(make_record: Any) -> None:
    record = make_record(cost={"energy_wh": 3.5}, environment={"torch": "2.6"}, strategy={"k": 3})
    record["tests"]["full"]["per_class"] = {
        "tRNA": {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    }
    record["tests"]["full"]["per_class"]["5S"] = {
        "precision": None, "recall": None, "f1": None, "support": 0,
    }  # fmt: skip
    record["tests"]["full"]["confusion"] = [[1, 1], [0, 2]]
    record["tests"]["full"]["scored"] = {"reactivity": 0}
    nothing = {"value": None, "low": None, "high": None}
    record["tests"]["full"]["metrics"]["mcc"] = nothing | {"undefined": "one class", "left_out": 2}
    record["validation"]["metrics"]["mcc"] = None
    validate_record(record)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": 2}, r"\$\.schema: 2 must be same as const definition: 1"),
        ({"surprise": 1}, r"\$: must not contain \{'surprise'\}"),
        ({"task": {"surprise": 1}}, r"\$\.task: must not contain \{'surprise'\}"),
        ({"task": {"name": "../up"}}, r"\$\.task\.name"),
        ({"run_id": "123"}, r"\$\.run_id"),
        ({"created": "yesterday"}, r"\$\.created"),
        ({"status": "done"}, r"\$\.status"),
        ({"protocol": "sloppy"}, r"\$\.protocol"),
        ({"kind": "evaluation"}, r"\$: .*evaluation"),
        ({"seed": 0.5}, r"\$\.seed: 0\.5 must be integer"),
        ({"seed": True}, r"\$\.seed"),
        ({"dataset": {"simulated": "no"}}, r"\$\.dataset\.simulated"),
        ({"backbone": {"kind": "oracle"}}, r"\$\.backbone\.kind"),
        ({"cost": {"train_s": -1.0}}, r"\$\.cost\.train_s"),
        ({"recipe": {"converged": "yes"}}, r"\$\.recipe\.converged"),
        ({"selection": {"curve": [1]}}, r"\$\.selection\.curve"),
        ({"cost": {"train_s": math.inf}}, r"\$\.cost\.train_s: inf is not a finite number"),
        ({"environment": {"loads": [0.1, math.nan]}}, r"\$\.environment\.loads\[1\]: nan"),
        ({"tests": {"full": {"n_truncated": 5}}}, r"\$\.tests\.full\.n_truncated: 5 of 4 items"),
        (
            {"tests": {"full": {"metrics": {"accuracy": {"low": 1.0, "high": 0.5}}}}},
            r"\$\.tests\.full\.metrics\.accuracy: low 1\.0 and high 0\.5",
        ),
        (
            {"tests": {"full": {"metrics": {"accuracy": {"low": None}}}}},
            r"\$\.tests\.full\.metrics\.accuracy: low None",
        ),
        (
            {"recipe_version": 2, "tests": {"full": {"metrics": {"accuracy": {"value": 1.5}}}}},
            r"accuracy: 1\.5 lies outside of its interval",
        ),
        (
            {"tests": {"full": {"metrics": {"accuracy": {"value": None}}}}},
            r"accuracy: 'undefined' is a required property",
        ),
        (
            {"tests": {"full": {"metrics": {"accuracy": {"undefined": "one class"}}}}},
            r"\$\.tests\.full\.metrics\.accuracy",
        ),
        (
            {"tests": {"full": {"metrics": {"accuracy": {"value": None, "undefined": "why"}}}}},
            r"accuracy: an undefined value has an interval",
        ),
        ({"tests": {"full": {"confusion": [[4], [0]]}}}, r"confusion: is not square"),
        ({"tests": {"full": {"confusion": [[3]]}}}, r"confusion: counts 3 of 4 items"),
        (
            {"tests": {"full": {"predictions": {"path": "../x.parquet"}}}},
            r"\$\.tests\.full\.predictions\.path",
        ),
    ],
)
def test_a_wrong_field_is_named_by_its_path(
    make_record: Any, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ResultError, match=words):
        validate_record(make_record(**changes), where="some.json")


def test_a_missing_field_is_named(make_record: Any) -> None:
    record = make_record()
    del record["validation"]["n"]
    with pytest.raises(
        ResultError, match=r"some.json: .*\$\.validation: 'n' is a required property"
    ):
        validate_record(record, where="some.json")


def test_a_finished_run_has_test_figures_but_an_interrupted_one_need_not(make_record: Any) -> None:
    record = make_record()
    record["tests"] = {}
    with pytest.raises(ResultError, match=r"\$\.tests"):
        validate_record(record)
    validate_record(record | {"status": "interrupted"})


@pytest.mark.parametrize("value", [None, [], "text"])
def test_what_is_no_object_is_no_record(value: object) -> None:
    with pytest.raises(ResultError, match="must be object"):
        validate_record(value)


def test_comparability_key(make_record: Any) -> None:
    key = comparability_key(make_record(split={"fold": "srp"}), "full")
    assert (key.task, key.dataset, key.split) == ("ncrna_cls@1", "a" * 64, "published")
    assert (key.fold, key.part, key.protocol) == ("srp", "full", "clean")


@pytest.mark.parametrize(
    "changes",
    [
        {"task": {"version": 2}},
        {"dataset": {"fingerprint": "b" * 64}},
        {"split": {"name": "random"}},
        {"split": {"fold": "srp"}},
        {"protocol": "as_published"},
    ],
)
def test_what_may_not_be_compared_has_another_key(
    make_record: Any, changes: dict[str, Any]
) -> None:
    assert comparability_key(make_record(**changes), "full") != comparability_key(
        make_record(), "full"
    )


def test_an_unknown_part_is_an_error(make_record: Any) -> None:
    with pytest.raises(ResultError, match="no test part 'hidden'; it has full, deduplicated"):
        comparability_key(make_record(), "hidden")


def test_run_id_is_the_hash_of_the_canonical_json() -> None:
    expected = hashlib.sha256(b'{"a":{"c":0.1,"d":null},"b":[1,1.0]}').hexdigest()[:12]
    assert run_id_of({"b": [1, 1.0], "a": {"d": None, "c": 0.1}}) == expected


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)


@given(st.dictionaries(st.text(), scalars, min_size=1), st.randoms())
def test_run_id_ignores_the_order_of_keys_and_nothing_else(
    identity: dict[str, Any], random: Any
) -> None:
    shuffled = list(identity.items())
    random.shuffle(shuffled)
    assert run_id_of(dict(shuffled)) == run_id_of(identity)
    key = shuffled[0][0]
    assert run_id_of(identity | {key: "changed"}) != run_id_of(identity)


def test_run_id_refuses_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        run_id_of({"rate": math.nan})


def test_a_record_of_the_first_schema_still_reads() -> None:
    """The file was written by the first version; it must never be changed to make this pass."""
    path = Path(__file__).with_name("record_schema_1.json")
    record = read_record(path)
    validate_record(record)
    task = TaskInfo("nRC", "macro_f1", True, "full", ("accuracy",))
    [table] = build([record], tasks={"ncrna_cls": task})
    [row] = table.rows
    assert (row.backbone, row.strategy, row.seeds) == ("rnaernie-tiny (random)", "full", (0,))
    assert row.metrics["macro_f1"].mean == pytest.approx(0.3824645)


def test_an_old_schema_is_brought_up_to_date_as_it_is_read(
    make_record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upgrade(record: dict[str, Any]) -> dict[str, Any]:
        return record | {"schema": 2, "protocol": record["protocol"].upper()}

    monkeypatch.setattr(record_module, "SCHEMA_VERSION", 2)
    monkeypatch.setattr(record_module, "UPGRADES", {1: upgrade})
    old = make_record()
    new = parse_record(json.dumps(old))
    assert (new["schema"], new["protocol"]) == (2, "CLEAN")
    assert parse_record(json.dumps(new)) == new
    with pytest.raises(ResultError, match="not a result record of schema 2 or an older one"):
        parse_record(json.dumps(old | {"schema": 3}))


def test_the_digest_of_a_record_is_not_that_of_its_layout(make_record: Any) -> None:
    record = make_record()
    assert record_digest(record) == record_digest(dict(reversed(record.items())))
    assert record_digest(record) != record_digest(record | {"seed": 1})
    assert parse_record(json.dumps(record | {"git_commit": "NaN"}))["git_commit"] == "NaN"
