"""A small part of `make fuzz`: some hundred inputs, and a few kills of commands that are quick."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.trials import fuzz

QUICK = ("task", "record", "structure", "fasta", "table", "bundle", "kmer", "run", "import")


@pytest.mark.services  # it forks
def test_a_small_part(tmp_path: Path) -> None:
    found = fuzz(tmp_path, 280, 8, 1, lambda line: None, QUICK)
    assert found.faults == []
    assert (found.inputs, found.kills) == (280, 8)
