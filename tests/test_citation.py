"""CITATION.cff says what the package says of itself (fields after Citation File Format 1.2.0)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_required_fields_are_there() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= CITATION.keys()
    for work in (CITATION, *CITATION["references"]):
        assert {"title", "authors", "type"} <= work.keys()
        for author in work["authors"]:
            assert "name" in author or {"family-names", "given-names"} <= author.keys()


def test_it_agrees_with_the_package() -> None:
    assert str(CITATION["version"]) == PROJECT["version"]
    assert CITATION["license"] == PROJECT["license"]
    assert CITATION["keywords"] == PROJECT["keywords"]
    assert CITATION["authors"] == PROJECT["authors"]


def test_the_paper_is_cited_by_the_address_that_the_readme_gives() -> None:
    dois = [work["doi"] for work in CITATION["references"] if "doi" in work]
    assert all(re.fullmatch(r"10\.\d{4,}/\S+", doi) for doi in dois)
    assert f"https://doi.org/{dois[0]}" in (ROOT / "README.md").read_text(encoding="utf-8")
