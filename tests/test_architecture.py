from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.problems import PROBLEMS

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "rnaernie_bench"
MAX_LINES = 400
ONE_ROOM = {
    "huggingface_hub": "runs", "hydra": "config", "jinja2": "leaderboard",
    "fastjsonschema": "results",
    "mlflow": "tracking", "optuna": "sweeps", "peft": "learning", "platformdirs": "core",
    "pooch": "data", "psutil": "core", "ray": "launchers", "RNA": "structure",
    "rustworkx": "structure", "shtab": "cli", "submitit": "launchers",
}  # fmt: skip


def name_of(path: Path) -> str:
    """Return the module's name without that of the package; empty for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


SOURCES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def documented() -> list[str]:
    """Return the rooms from the ground up, as docs/architecture.md has them."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.split("## Rooms")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)


@cache
def nodes(module: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(SOURCES[module].read_text(encoding="utf-8"))))


def imports(module: str) -> set[str]:
    """Return the modules of this package that `module` imports, wherever in the file."""
    found = set()
    for node in nodes(module):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            base = (node.module or "").split(".")
            names = [[*base, alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        else:
            continue
        for root, *rest in names:
            if root == PACKAGE.name:
                while ".".join(rest) not in SOURCES:  # what is imported may be an object
                    rest.pop()
                found.add(".".join(rest))
    return found - {""}  # the package itself holds nothing but the version


def room_of(module: str) -> str:
    return module.split(".")[0]


GRAPH = {module: imports(module) for module in SOURCES if module}


def test_the_page_lists_every_room() -> None:
    rooms = documented()
    assert len(rooms) == len(set(rooms))
    assert set(rooms) == {room_of(module) for module in GRAPH}


def test_imports_go_one_way() -> None:
    rank = {room: place for place, room in enumerate(documented())}
    upward = {
        (module, other)
        for module, others in GRAPH.items()
        for other in others
        if rank[room_of(other)] > rank[room_of(module)]
    }
    assert upward == set()
    TopologicalSorter(GRAPH).prepare()  # raises CycleError


def test_every_room_is_a_folder_that_says_what_it_is_for() -> None:
    rooms = {room_of(module) for module in GRAPH} - {"api"}
    for room in rooms:
        face = PACKAGE / room / "__init__.py"
        assert face.is_file(), f"{room} is a loose module"
        assert ast.get_docstring(ast.parse(face.read_text(encoding="utf-8"))), room


@pytest.mark.parametrize("room", sorted({room_of(module) for module in GRAPH} - {"api"}))
def test_a_room_is_entered_by_the_modules_that_its_face_names(room: str) -> None:
    entered = {
        other.removeprefix(f"{room}.")
        for module, others in GRAPH.items()
        for other in others
        if room_of(other) == room != room_of(module) and other != room
    }
    face = (PACKAGE / room / "__init__.py").read_text(encoding="utf-8")
    named = re.search(
        r"Other rooms import: ([^:]*?)\.\n", ast.get_docstring(ast.parse(face)) + "\n"
    )
    assert entered == (set(re.split(r",\s+", named[1])) if named else set())


def test_results_need_neither_torch_nor_multimolecule() -> None:
    light = ("core", "metrics", "results", "leaderboard")
    modules = [m for m in SOURCES if room_of(m) in light]
    code = "import sys\n" + "".join(f"import rnaernie_bench.{m}\n" for m in modules)
    code += "sys.exit(', '.join({'torch', 'multimolecule'} & sys.modules.keys()) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_files_are_short() -> None:
    long = {
        str(path.relative_to(PACKAGE)): lines
        for path in SOURCES.values()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_only_the_command_line_prints_and_exits() -> None:
    users = {
        module
        for module in SOURCES
        for node in nodes(module)
        if (isinstance(node, ast.Name) and node.id == "print")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.argv", "sys.exit"))
    }
    assert {module for module in users if room_of(module) != "cli"} == set()


@cache
def libraries() -> Mapping[str, set[str]]:
    """Return the rooms that import each library."""
    rooms = defaultdict(set)
    for module in GRAPH:
        for node in nodes(module):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names]
                for name in names if isinstance(node, ast.Import) else [node.module or ""]:
                    rooms[name.split(".")[0]].add(room_of(module))
    return rooms


def test_a_library_with_one_job_has_one_room() -> None:
    users = libraries()
    assert {library: users[library] for library in ONE_ROOM} == {
        library: {room} for library, room in ONE_ROOM.items()
    }


def test_exceptions_are_bench_errors() -> None:
    errors = {
        node.name: {ast.unparse(base) for base in node.bases}
        for module in SOURCES
        for node in nodes(module)
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error")
    }
    assert errors.pop("BenchError") == {"Exception"}
    assert set().union(*errors.values()) == {"BenchError"}


def test_no_global_random_numbers() -> None:
    names = ("default_rng", "Generator", "RandomState", "SeedSequence")
    used = {
        ast.unparse(node)
        for module in SOURCES
        for node in nodes(module)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) in ("np.random", "numpy.random")
    }
    assert used <= {f"np.random.{name}" for name in names}
    assert "random" not in libraries()


def compared(words: Collection[str], names: Collection[str]) -> set[str]:
    """Return the modules that compare something of one of these names with one of some words."""
    found = set()
    for module in SOURCES:
        for node in nodes(module):
            if not isinstance(node, ast.Compare):
                continue
            sides = [node.left, *node.comparators]
            said = {part.value for side in sides for part in ast.walk(side)
                    if isinstance(part, ast.Constant)}  # fmt: skip
            called = {getattr(side, "attr", getattr(side, "id", None)) for side in sides}
            if said & set(words) and called & set(names):
                found.add(module)
    return found


def test_only_levels_know_which_level_it_is() -> None:
    asking = compared(list(LEVELS), {"level", "level_name"})
    for module in SOURCES:  # nor has any a table by level
        keys = [node.keys for node in nodes(module) if isinstance(node, ast.Dict)]
        named = [{getattr(key, "value", None) for key in some} & {*LEVELS} for some in keys]
        asking |= {module} if max(map(len, named), default=0) > 1 else set()
    assert {module for module in asking if room_of(module) != "levels"} == set()


def test_only_levels_know_the_class_of_an_item() -> None:
    items = {node.name for node in nodes("data.items") if isinstance(node, ast.ClassDef)}
    items = {name for name in items if name.endswith("Item")}
    asking = {
        module
        for module in SOURCES
        for node in nodes(module)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "isinstance"
        and {part.id for part in ast.walk(node.args[1]) if isinstance(part, ast.Name)} & items
    }
    assert "ContactItem" in items
    assert {m for m in asking if not m.startswith("data.levels.")} == set()


def test_only_metrics_know_which_problem_or_answer_it_is() -> None:
    asking = compared({*PROBLEMS, *ANSWERS}, {"problem", "answer", "kind"})
    assert {module for module in asking if room_of(module) != "metrics"} == set()
