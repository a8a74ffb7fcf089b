"""A wheel and an editable install of this checkout hold what they should, and say the same."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[1]
RUN = (
    "import site, sys\n"
    "site.addsitedir(sys.argv.pop(1))\n"
    "import rnaernie_bench\n"
    "from rnaernie_bench.cli.main import main\n"
    "print(rnaernie_bench.__file__, file=sys.stderr)\n"
    "sys.exit(main())\n"
)
"""Runs the command line as installed in a folder, whose .pth files count."""


def process(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def install(target: str, checkout: Path, folder: Path) -> Path:
    """Build `target` of a checkout and install it in a folder of its own."""
    process(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", folder, cwd=checkout)
    [wheel] = folder.glob("*.whl")
    site = folder / "site"
    options = ("--quiet", "--no-deps", "--no-index", "--no-compile", "--target")
    process(sys.executable, "-m", "pip", "install", *options, site, wheel)
    return site


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the tracked and new files, with the litter of a day's work beside them."""
    listed = process(
        "git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT
    ).stdout
    copy = tmp_path_factory.mktemp("checkout")
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    process("git", "init", "--quiet", cwd=copy)  # hatchling heeds .gitignore in a repository
    litter = ("runs/ncrna_cls/0123456789ab/record.json", "rnaernie_bench/__pycache__/a.pyc")
    for name in litter:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("litter")
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install("wheel:standard", checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def editable(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install("wheel:editable", checkout, tmp_path_factory.mktemp("editable"))


def command_line(site: Path, *arguments: str, elsewhere: Path) -> tuple[str, Path]:
    """Run the command line installed in `site` from another folder.

    Returns:
        What it printed, and which `__init__.py` was imported.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    # -S keeps out this environment's own editable install; its libraries come back by path.
    libraries = [entry for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    environment["PYTHONPATH"] = os.pathsep.join([str(site), *libraries])
    done = process(
        sys.executable, "-S", "-c", RUN, site, *arguments, cwd=elsewhere, env=environment
    )
    return done.stdout, Path(done.stderr.splitlines()[0])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("tasks", "list"),
        ("tasks", "show", "ncrna_cls"),
        ("backbones", "list"),
        ("strategies", "show", "frozen"),
        ("suite", "--help"),
        ("leaderboard",),
    ],
    ids=" ".join,
)
def test_both_say_the_same(
    arguments: tuple[str, ...], checkout: Path, wheel: Path, editable: Path, tmp_path: Path
) -> None:
    of_wheel, imported = command_line(wheel, *arguments, elsewhere=tmp_path)
    assert imported.is_relative_to(wheel)
    of_editable, imported = command_line(editable, *arguments, elsewhere=tmp_path)
    assert imported.is_relative_to(checkout)
    assert of_wheel == of_editable
    assert of_wheel or arguments == ("leaderboard",)


def test_the_wheel_holds_what_is_needed_and_nothing_else(wheel: Path, checkout: Path) -> None:
    [archive] = wheel.parent.glob("*.whl")
    names = [n for n in ZipFile(archive).namelist() if ".dist-info/" not in n]
    tracked = {
        str(path.relative_to(checkout))
        for folder in ("rnaernie_bench", "tasks", "configs", "results")
        for path in (checkout / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    inside = {"tasks": "tasks", "configs": "configs", "results": "records"}
    expected = set()
    for name in tracked:
        top, _, rest = name.partition("/")
        expected.add(f"rnaernie_bench/{inside[top]}/{rest}" if top in inside else name)
    assert set(names) == expected


def test_an_editable_install_holds_no_copies(editable: Path) -> None:
    [archive] = editable.parent.glob("*.whl")
    names = [name for name in ZipFile(archive).namelist() if ".dist-info/" not in name]
    assert [Path(name).suffix for name in names] == [".pth"]
