"""What carries the package elsewhere: container, conda recipe, and the workflow of releases."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OF_CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
"""What conda-forge calls packages that PyPI calls otherwise; the latter's core, without windows."""


def test_the_dockerfile_passes_its_linter() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_gets_what_the_wheel_is_built_of() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}
    build = (ROOT / "hatch_build.py").read_text(encoding="utf-8")
    shipped = set(re.findall(r"^SHIPPED = \{(.*)\}", build, re.MULTILINE)[0].split('"')[1::4])
    assert shipped | {"rnaernie_bench", "pyproject.toml", "hatch_build.py"} <= kept
    assert {PROJECT["readme"], *PROJECT["license-files"], "constraints.txt"} <= kept
    assert all((ROOT / name).exists() for name in kept)


def test_the_recipe_needs_what_the_package_needs() -> None:
    recipe = yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8"))
    assert str(recipe["context"]["version"]) == PROJECT["version"]
    needed = [re.fullmatch(r"([\w-]+)(.*)", entry) for entry in PROJECT["dependencies"]]
    expected = {f"{OF_CONDA.get(m[1], m[1])} {m[2]}" for m in needed if m}
    assert set(recipe["requirements"]["run"]) == {f"python {PROJECT['requires-python']}", *expected}
