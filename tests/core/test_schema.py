from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.schema import added, build, convert, help_of, used_options


@dataclass(frozen=True)
class Inner:
    rate: float
    epochs: int = 3


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    parts: Mapping[str, Inner]
    seeds: tuple[int, ...] = ()
    limit: float | None = None
    mode: Literal["fast", "slow"] = "slow"


VALUES: dict[str, Any] = {"name": "a", "inner": {"rate": 1}, "parts": {"x": {"rate": 0.5}}}


def message(hint: Any, value: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        convert(hint, value, where="a.b")
    return str(caught.value)


def test_build_makes_nested_dataclasses() -> None:
    made = build(Outer, {**VALUES, "seeds": [1, 2], "limit": 2, "mode": "fast"})
    assert made == Outer("a", Inner(1.0), {"x": Inner(0.5)}, (1, 2), 2.0, "fast")
    assert isinstance(made.inner.rate, float)
    assert isinstance(made.limit, float)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"seedz": [1]}, "seedz: unknown key 'seedz'; did you mean seeds?"),
        (
            {"inner": {"rate": 1, "epoch": 2}},
            "inner.epoch: unknown key 'epoch'; did you mean epochs?",
        ),
        ({"inner": {}}, "inner: the key 'rate' is missing"),
        ({"parts": {"x": {"rate": "fast"}}}, "parts.x.rate: 'fast' is not a number"),
        ({"parts": {"x": 1}}, "parts.x: '1' is not a mapping"),
        ({"parts": [1]}, "parts: '[1]' is not a mapping"),
        ({"seeds": [0, "banana"]}, "seeds[1]: 'banana' is not a whole number"),
        ({"seeds": "01"}, "seeds: '01' is not a list in brackets"),
        ({"mode": "fats"}, "mode: 'fats' is not allowed; did you mean fast?"),
        ({"limit": "none"}, "limit: 'none' is not a number"),
        ({"name": None}, "name: null is not a text"),
    ],
)
def test_errors_give_the_full_key(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(Outer, {**VALUES, **change})
    assert str(caught.value).startswith(expected)


def test_keys_stand_under_where() -> None:
    with pytest.raises(ConfigError, match=r"^trainer\.rate: 'x' is not a number"):
        build(Inner, {"rate": "x"}, where="trainer")
    with pytest.raises(ConfigError, match=r"^trainer: the key 'rate' is missing"):
        build(Inner, {}, where="trainer")
    with pytest.raises(ConfigError, match=r"^the key 'rate' is missing"):
        build(Inner, {})


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, True), (int, 1.0), (int, "1"), (int, None), (float, True), (float, "1"), (bool, 1),
        (bool, "yes"), (str, 1), (str, True), (Path, 1), (Path, ""), (int | None, "x"),
        (float, float("nan")), (float, float("inf")), (Literal[1, 2], True), (Literal[1, 2], 3),
        (Literal["a"], None), (tuple[int, ...], 1), (Inner, [1]),
    ],
)  # fmt: skip
def test_nothing_else_is_turned_into_anything(hint: Any, value: Any) -> None:
    assert message(hint, value).startswith("a.b: ")


@pytest.mark.parametrize(
    ("hint", "value", "expected"),
    [
        (float, 1, 1.0), (bool, False, False), (int | None, None, None), (str | None, "x", "x"),
        (Path, "a/b", Path("a/b")), (Path, Path("c"), Path("c")), (tuple[str, ...], ["a"], ("a",)),
        (Mapping[str, float], {"a": 1}, {"a": 1.0}), (Mapping[str, int], {1: 1}, {"1": 1}),
        (Any, object, object), (Literal[1, 2], 2, 2), (tuple[int, ...], [], ()),
    ],
)  # fmt: skip
def test_what_passes(hint: Any, value: Any, expected: Any) -> None:
    converted = convert(hint, value, where="a")
    assert converted == expected
    assert type(converted) is type(expected)


def test_a_number_for_a_text_tells_to_quote_it() -> None:
    assert message(str, 12345) == (
        "a.b: '12345' is not a text; write it in quotes that the shell leaves alone: '\"...\"'"
    )


def test_a_home_folder_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert convert(Path, "~/runs", where="runs_dir") == Path("/somewhere/runs")


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers())
    )
)
def test_each_plain_type_takes_its_own_values_only(value: Any) -> None:
    for hint in (int, bool, str):
        if type(value) is hint:
            assert convert(hint, value, where="key") is value
        else:
            assert message(hint, value).startswith("a.b: ")


@given(st.dictionaries(st.text(min_size=1), st.integers(), min_size=1))
def test_unknown_keys_are_never_dropped(extra: dict[str, int]) -> None:
    unknown = extra.keys() - {"rate", "epochs"}
    if unknown:
        with pytest.raises(ConfigError, match="unknown key"):
            build(Inner, {"rate": 1.0, **extra})


@dataclass(frozen=True)
class Grown:
    rate: float
    old: int = 3
    new: float = added(1.0)
    newer: str | None = added(None)


def test_what_was_added_later_is_told_once_it_differs_from_its_default() -> None:
    assert used_options(build(Grown, {"rate": 1})) == {"rate": 1.0, "old": 3}
    assert used_options(build(Grown, {"rate": 1, "new": 1, "newer": None})) == {
        "rate": 1.0,
        "old": 3,
    }
    assert used_options(Grown(1.0, old=3, new=0.5)) == {"rate": 1.0, "old": 3, "new": 0.5}
    assert used_options(Grown(1.0, newer="x")) == {"rate": 1.0, "old": 3, "newer": "x"}


@dataclass(frozen=True)
class Explained:
    """Options with their meanings."""

    name: str
    width: int = 3
    """Of a state,
    even."""


@dataclass(frozen=True)
class Further(Explained):
    depth: int = 1
    """Layers."""


def test_the_text_under_a_field_is_its_help() -> None:
    assert help_of(Further) == {"width": "Of a state, even", "depth": "Layers"}
