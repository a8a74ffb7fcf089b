from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import Registry, did_you_mean

GROUP = "rnaernie_bench.test_things"


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install a package with a good and a broken entry point."""
    (tmp_path / "good_plugin.py").write_text("THING = 'from a plug-in'\n")
    (tmp_path / "broken_plugin.py").write_text("raise RuntimeError('no licence file')\n")
    info = tmp_path / "things-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: things\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{GROUP}]\ngood = good_plugin:THING\nbroken = broken_plugin:THING\n"
        "nameless = good_plugin:NOTHING\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    invalidate_caches()
    yield tmp_path
    for name in ("good_plugin", "broken_plugin"):
        sys.modules.pop(name, None)


def test_register_and_get() -> None:
    registry: Registry[object] = Registry("thing")

    @registry.register("one")
    def one() -> None: ...

    assert registry.get("one") is one
    assert list(registry) == ["one"]
    assert "one" in registry
    assert "two" not in registry


def test_a_name_stands_for_one_object() -> None:
    registry: Registry[object] = Registry("thing", {"one": "json:dumps"})
    with pytest.raises(ConfigError, match="thing 'one' is registered already"):
        registry.register("one")(object())
    thing = object()
    assert registry.register("two")(thing) is registry.register("two")(thing)


def test_a_target_is_imported_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lazy_target.py").write_text("THING = object()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry: Registry[object] = Registry("thing", {"lazy": "lazy_target:THING"})
    assert list(registry) == ["lazy"]
    assert "lazy_target" not in sys.modules
    try:
        assert registry.get("lazy") is sys.modules["lazy_target"].THING
        assert registry.get("lazy") is registry.get("lazy")
    finally:
        sys.modules.pop("lazy_target", None)


def test_the_modules_of_a_package_are_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "some_things"
    (package / "shared").mkdir(parents=True)
    for name, text in (
        ("__init__", ""), ("one", "ENTRY = 1"), ("_helper", "raise"), ("broken", "raise"),
        ("shared/__init__", ""),
    ):  # fmt: skip
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry: Registry[object] = Registry("thing", {"two": "json:dumps"}, package="some_things")
    assert list(registry) == ["broken", "one", "two"]
    assert registry.builtin == {"broken", "one", "two"}
    assert "some_things.one" not in sys.modules
    assert registry.get("one") == 1
    with pytest.raises(ConfigError, match="thing 'broken' cannot be loaded"):
        registry.get("broken")


def test_a_name_can_be_chosen_without_being_listed() -> None:
    targets = {"shown": "json:dumps", "hidden": "json:loads"}
    registry: Registry[object] = Registry("thing", targets, unlisted=["hidden"])
    assert list(registry) == ["shown"]
    assert "hidden" in registry
    assert callable(registry.get("hidden"))


def test_an_unknown_name_brings_suggestions() -> None:
    registry: Registry[object] = Registry("thing", {"kmer": "json:dumps", "cnn": "json:loads"})
    with pytest.raises(ConfigError) as caught:
        registry.get("kmmer")
    assert str(caught.value) == "thing: no thing is called 'kmmer'; did you mean kmer?"
    with pytest.raises(ConfigError, match="choose one of cnn, kmer"):
        registry.get("zzzzzzzz")


def test_suggestions() -> None:
    assert did_you_mean("ful", ["full", "frozen"]) == "did you mean full?"
    assert did_you_mean("x", ["full", "frozen"]) == "choose one of frozen, full"
    assert did_you_mean("x", []) == "none is known"


def test_entry_points_are_found(plugins: Path) -> None:
    registry: Registry[object] = Registry("thing", {"own": "json:dumps"}, group=GROUP)
    assert list(registry) == ["broken", "good", "nameless", "own"]
    assert "good" in registry
    assert registry.get("good") == "from a plug-in"


@pytest.mark.parametrize(
    ("name", "reason", "source"),
    [
        ("broken", "RuntimeError: no licence file", "broken_plugin:THING"),
        ("nameless", "AttributeError", "good_plugin:NOTHING"),
    ],
)
def test_a_broken_plugin_names_itself_and_spares_the_others(
    plugins: Path, name: str, reason: str, source: str
) -> None:
    registry: Registry[object] = Registry("thing", {"own": "json:dumps"}, group=GROUP)
    with pytest.raises(ConfigError) as caught:
        registry.get(name)
    assert str(caught.value).startswith(f"{source}: thing '{name}' cannot be loaded: {reason}")
    assert registry.get("good") == "from a plug-in"
    assert callable(registry.get("own"))


def test_a_builtin_name_is_found_without_looking_for_plugins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(**_: object) -> None:
        raise AssertionError("entry points were looked up")

    monkeypatch.setattr("rnaernie_bench.core.registry.entry_points", forbidden)
    registry: Registry[object] = Registry("thing", {"own": "json:dumps"}, group=GROUP)
    assert callable(registry.get("own"))
    assert "own" in registry
