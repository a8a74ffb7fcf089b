from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest

from rnaernie_bench.config.compose import compose
from rnaernie_bench.core import plugins
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.plugins import default_settings
from rnaernie_bench.task import catalogue
from rnaernie_bench.task.catalogue import BACKBONES, STRATEGIES
from rnaernie_bench.task.task import find_tasks, load_task, load_tasks
from rnaernie_bench.testing import MOCK_TASKS

ENTRIES = """
[rnaernie_bench.tasks]
mock_cls = visiting.mock_cls
renamed = visiting.mock_cls
nowhere = visiting.nowhere
no_package = no_such_package.task

[rnaernie_bench.backbones]
visitor = visiting.entries:ENTRY
kmer = visiting.entries:ENTRY
typeless = visiting.entries:SIZE

[rnaernie_bench.strategies]
raises = visiting.raises:ENTRY
"""
MODULE = """
from dataclasses import dataclass
from rnaernie_bench.task.catalogue import BaselineEntry

@dataclass(frozen=True)
class Options:
    name: str
    size: int
    rates: tuple[float, ...] = (0.5,)
    depth: int = 1

ENTRY = BaselineEntry(Options, "visiting.raises:fit", "visiting.raises:restore", "visits")
SIZE = 3
"""


@pytest.fixture
def visiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install a package whose import as a whole raises, with entry points good and bad."""
    package, info = tmp_path / "visiting", tmp_path / "visiting-1.0.dist-info"
    (package / "configs" / "backbone").mkdir(parents=True)
    info.mkdir()
    shutil.copytree(MOCK_TASKS / "mock_cls", package / "mock_cls")
    (package / "__init__.py").write_text("")
    (package / "entries.py").write_text(MODULE)
    (package / "raises.py").write_text("import sys; sys.exit('no licence')")
    (package / "configs" / "backbone" / "visitor.yaml").write_text("size: 7\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: visiting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(str(tmp_path))
    for registry in (BACKBONES, STRATEGIES):
        monkeypatch.setattr(registry, "_plugins", None)
        monkeypatch.setattr(registry, "_targets", dict(registry._targets))
    invalidate_caches()
    plugins._warn.cache_clear()
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "visiting"]:
        del sys.modules[name]


def test_tasks_are_found_without_importing_their_package(
    visiting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (visiting / "__init__.py").write_text("raise RuntimeError('not today')")
    assert find_tasks()["mock_cls"] == visiting / "mock_cls"
    assert load_task("mock_cls").labels[0] == "hairpin"
    assert "visiting" not in sys.modules
    assert [record.message for record in caplog.records] == [
        "the task 'renamed' is left out: its folder is called 'mock_cls'",
        "the task 'nowhere' is left out: visiting.nowhere has no task.yaml",
        "the task 'no_package' is left out: no_such_package.task has no task.yaml",
    ]


def test_a_wrong_task_of_a_package_leaves_the_others_usable(
    visiting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    declaration = visiting / "mock_cls" / "task.yaml"
    declaration.write_text(declaration.read_text().replace("level: sequence", "level: planet"))
    assert "mock_cls" not in load_tasks()
    assert "ncrna_cls" in load_tasks()
    assert "level" in caplog.text and "'mock_cls' is left out" in caplog.text
    with pytest.raises(ConfigError, match=r"task.yaml: level: 'planet' is not allowed"):
        load_task("mock_cls")


def test_a_folder_given_by_hand_comes_before_a_package(visiting: Path) -> None:
    assert find_tasks([MOCK_TASKS])["mock_cls"] == MOCK_TASKS / "mock_cls"


def test_settings_of_a_backbone(visiting: Path) -> None:
    assert default_settings(BACKBONES, "visitor") == {
        "name": "visitor", "size": 7, "rates": [0.5], "depth": 1,
    }  # fmt: skip
    config = compose(["task=ncrna_cls", "backbone=visitor", "backbone.depth=2"])
    assert (config.backbone.size, config.backbone.depth) == (7, 2)
    (visiting / "configs" / "backbone" / "visitor.yaml").write_text("size: 7\ndepht: 2\n")
    with pytest.raises(ConfigError, match=r"'depht'; did you mean depth"):
        compose(["task=ncrna_cls", "backbone=visitor"])
    (visiting / "configs" / "backbone" / "visitor.yaml").write_text("- 7\n")
    with pytest.raises(ConfigError, match=r"visitor.yaml: settings are a mapping"):
        default_settings(BACKBONES, "visitor")


def test_names_that_are_taken_and_things_of_another_kind(
    visiting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert list(BACKBONES).count("kmer") == 1
    assert BACKBONES.get("kmer").summary != "visits"
    assert BACKBONES.plugin("kmer") is None
    assert "the backbone 'kmer' of visiting is left out: the name is taken" in caplog.text
    with pytest.raises(ConfigError) as caught:
        BACKBONES.get("typeless")
    assert "'typeless' is of the type int, not BaselineEntry or EncoderEntry" in str(caught.value)


def test_what_raises_is_named_when_asked_for(
    visiting: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert "raises" not in dict(STRATEGIES.working())
    assert "'raises' is left out" in caplog.text and "SystemExit: no licence" in caplog.text
    assert compose(["task=ncrna_cls", "strategy=full"]).strategy.name == "full"
    with pytest.raises(ConfigError, match=r"'raises' cannot be loaded: SystemExit: no licence"):
        compose(["task=ncrna_cls", "strategy=raises"])
    entry = BACKBONES.get("visitor")
    with pytest.raises(ConfigError, match=r"visiting.raises:fit: it cannot be loaded: SystemExit"):
        catalogue.resolve(entry.fit)
