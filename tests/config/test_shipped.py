from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from rnaernie_bench.config.compose import GROUPS, compose, group_choices
from rnaernie_bench.core import paths
from rnaernie_bench.core.registry import Registry
from rnaernie_bench.core.schema import build
from rnaernie_bench.runs.suites import load_suite
from rnaernie_bench.sweeps.options import SweepOptions
from rnaernie_bench.sweeps.space import Base, Configurator, open_space
from rnaernie_bench.task.catalogue import BACKBONES, LAUNCHERS, STRATEGIES
from rnaernie_bench.task.task import find_tasks

FOLDER = paths.configs_folder()
FILES = sorted(path.relative_to(FOLDER) for path in FOLDER.rglob("*.yaml"))
CHOICES = [
    (group, choice)
    for group in GROUPS
    if group not in ("task", "suite", "sweep")
    for choice in group_choices(group)
]
PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_composes(group: str, choice: str) -> None:
    needed = ["tracking.uri=http://localhost:5000"] if choice == "server" else []
    config = compose(["task=ncrna_cls", f"{group}={choice}", *needed])
    chosen = getattr(config, group)
    if group == "preset":
        assert chosen == choice
    elif group != "trainer":
        assert chosen.name == choice


@pytest.mark.parametrize("task", find_tasks())
def test_every_task_composes_with_every_preset(task: str) -> None:
    for preset in group_choices("preset"):
        config = compose([f"task={task}", f"preset={preset}"])
        assert config.task.data == ("simulated" if preset == "demo" else "real")


def test_the_boards_are_those_of_all_tasks() -> None:
    runs = load_suite("boards").overrides()
    tasks = {setting for run in runs for setting in run if setting.startswith("task=")}
    assert tasks == {f"task={name}" for name in find_tasks()}
    quick = load_suite("boards.quick").overrides()
    assert set(quick) < set(runs)
    assert {s for run in quick for s in run if s.startswith("task=")} == tasks
    assert {s for run in quick for s in run if s.startswith("seed=")} == {"seed=0"}


@pytest.mark.parametrize("name", group_choices("suite"))
def test_every_suite_expands_to_different_runs(name: str) -> None:
    suite = load_suite(name)
    assert suite.name == name
    runs = suite.overrides()
    assert len(runs) == len(set(runs)) > 0
    seen: set[tuple[str, str]] = set()
    # Every setting is composed with every backbone that it comes with; suites of suites add none.
    for run in () if suite.suites else runs:
        backbone = next((o for o in run if o.startswith("backbone=")), "")
        folded = any(o.startswith("fold=") for o in run)  # without it, such a split cannot be
        kept = [o for o in run if not (folded and o.startswith(("split=", "fold=")))]
        pairs = {(backbone, o) for o in kept if not o.startswith("seed=")}
        if pairs - seen:
            compose(kept)
        seen |= pairs


@pytest.mark.parametrize("name", group_choices("sweep"))
@pytest.mark.parametrize("strategy", ["frozen strategy.solver=adamw", "full"])
def test_every_sweep_has_something_to_search(name: str, strategy: str) -> None:
    own = f"strategy={strategy}".split() if name != "tradeoff" else []
    base = Base(("task=ncrna_cls", *own))
    options = build(SweepOptions, base.config({"sweep": name}).sweep, where="sweep")
    assert options.name == name
    assert len(open_space(options.space, base, Configurator(base)).dimensions) >= 2


def test_every_group_of_the_root_has_a_folder_or_is_null() -> None:
    root = yaml.safe_load((FOLDER / "config.yaml").read_text(encoding="utf-8"))
    defaults = {k: v for entry in root["defaults"] if entry != "_self_" for k, v in entry.items()}
    assert tuple(defaults) == GROUPS
    for group, choice in defaults.items():
        assert choice in (None, "???") or choice in group_choices(group)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_every_file_says_what_it_is(file: Path) -> None:
    text = (FOLDER / file).read_text(encoding="utf-8")
    assert re.search(r"(^|\s)# \w", text.replace("# @package", ""))


@pytest.mark.parametrize(
    "file", [file for file in FILES if file.parent.name not in ("preset", "suite")], ids=str
)
def test_every_key_is_on_the_page(file: Path) -> None:
    group = file.parent.name
    raw: dict[str, Any] = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))
    prefix = f"{group}." if group else ""
    page = PAGE.read_text(encoding="utf-8")
    keys = [f"{prefix}{key}" for key in flat(raw) if key != "defaults"]
    assert [key for key in keys if f"`{key}`" not in page] == []


@pytest.mark.parametrize("registry", [BACKBONES, STRATEGIES, LAUNCHERS], ids=lambda r: r.kind)
def test_every_option_is_on_the_page(registry: Registry[Any]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    options = {f.name for name in registry for f in fields(registry.get(name).options)}
    assert {name for name in options if f"`{registry.kind}.{name}`" not in page} == set()


def flat(raw: dict[str, Any]) -> list[str]:
    """Return the keys of a file; a root's keys of a group with the group's name."""
    return [
        f"{key}.{inner}" if inner else key
        for key, value in raw.items()
        for inner in (value if key in ("backbone", "masking", "objective", "trainer") else [""])
    ]


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_is_on_the_page(group: str, choice: str) -> None:
    assert re.search(rf"`{choice}`|`{group}={choice}`", PAGE.read_text(encoding="utf-8"))
