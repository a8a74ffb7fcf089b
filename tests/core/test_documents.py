from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench.core.documents import parse_json, parse_yaml, read_whole
from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.names import check_inside, check_name
from rnaernie_bench.results.bundle import unpack
from rnaernie_bench.results.predictions import predictions_digest, read_predictions
from rnaernie_bench.results.record import schema_faults
from rnaernie_bench.results.store import read_record

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{outer}: &{outer} [{', '.join([f'*{inner}'] * 10)}]\n"
    for inner, outer in zip("abcd", "bcde", strict=True)
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[" * 100 + "]" * 100, "nested more than 60 deep"),
        ("[" * 100_000, "nested more than 60 deep"),
        ("9223372036854775808", "64 bits"),
        ("9" * 5000, "64 bits"),
        (r'{"a": "\u0000"}', "no text"),
        (r'{"\ud800": 1}', "no text"),
        (r'{"a": "\u001b[2J"}', "no text"),
        ("{", "Expecting property name"),
    ],
)
def test_json_that_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_json(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("&a\nname: my_t\nversion: *a\n", "line 1 holds itself"),
        ("[" * 100 + "]" * 100, "nested more than 60 deep"),
        ("[" * 10_000, "nested more than 60 deep"),
        ("a: 99999999999999999999", "64 bits"),
        ('a: "\\0"', "no text"),
        ('title: "\\e]0;x"', "no text"),
        ("!!python/object:os.system x", "could not determine a constructor"),
        ("? [1, 2]\n: 3", "unhashable key"),
        ('x: !!int ""', "index out of range"),
        ("x: 2020-99-99", "month must be in"),
        (LAUGHS, "unfolds into more than 100,000"),
    ],
)
def test_yaml_that_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_yaml(text)


def test_documents_that_are_read() -> None:
    assert parse_json('{"a": [1, 2.5, "x\\u00e4", null]}') == {"a": [1, 2.5, "xä", None]}
    assert parse_json("-9223372036854775808") == -(2**63)
    assert parse_json("[" * 60 + "]" * 60)
    assert parse_yaml("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}
    assert parse_yaml("") is None


def allowed(name: str, record: dict[str, Any]) -> bool:
    """Say whether the schema of records has a split of this name."""
    record["split"]["name"] = name
    return not any(path == "$.split.name" for path, _ in schema_faults(record, "schema.json"))


@pytest.mark.parametrize("name", ["a", "5fold", "A.b-c_d", "x" * 100])
def test_names(name: str, make_record: Any) -> None:
    assert check_name(name) is None
    assert allowed(name, make_record())


@pytest.mark.parametrize("name", ["", "a b", "../x", ".x", "-x", "a\n", "ä", "a/b", "a\0"])
def test_no_names(name: str, make_record: Any) -> None:
    assert check_name(name)
    assert not allowed(name, make_record())


@pytest.mark.parametrize("path", ["a.fa", "a/b/c.fa", "a b.fa", "..a/b", "a~/b"])
def test_paths_inside(path: str) -> None:
    assert check_inside(path) is None


@pytest.mark.parametrize(
    "path",
    ["", "/a", "../a", "a/../b", "./a", "a//b", "a/", "~/a", "~x/a", "a\\b", "C:a", "a\0", "a\nb"],
)
def test_paths_elsewhere(path: str) -> None:
    assert check_inside(path)


def test_what_has_no_end_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("12")
    assert read_whole(tmp_path / "a", 2) == b"12"
    with pytest.raises(ValueError, match="larger than 0 MiB"):
        read_whole(tmp_path / "a", 1)
    (tmp_path / "record.json").symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="a device or a pipe"):
        read_whole(tmp_path / "record.json", 10)
    with pytest.raises(ResultError, match=r"record\.json: no record can be read: it is no file"):
        read_record(tmp_path / "record.json")
    for read in (read_predictions, predictions_digest, partial(unpack, folder=tmp_path)):
        with pytest.raises(ResultError, match=r"it is no file|not a sound bundle: no file"):
            read(tmp_path / "record.json")
