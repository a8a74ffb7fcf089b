"""The constant that every pair costs: the search, and a run."""

from __future__ import annotations

import json

import pytest

from rnaernie_bench.baselines.vienna_penalty import GRID, search
from tests.contact_kit import installed_contacts


@pytest.mark.parametrize(
    "peak, best, compared",
    [
        (0.6, 0.6, len(GRID)),
        (2.0, 2.0, len(GRID) + 6),  # 1.2 to 2.0, and 2.2, which is worse
        (-0.8, -0.8, len(GRID) + 3),
        (99.0, 5.0, len(GRID) + 20),
    ],
)
def test_the_search_goes_on_at_an_edge(peak: float, best: float, compared: int) -> None:
    found, count = search(lambda penalty: -abs(penalty - peak))
    assert (found, count) == (pytest.approx(best), compared)


def test_equal_penalties_are_none() -> None:
    assert search(lambda penalty: 0.5)[0] == 0


def test_a_run_records_the_penalty_and_folds_with_it(tmp_path) -> None:
    pytest.importorskip("RNA")
    with installed_contacts(tmp_path) as task:
        assert task.cli("backbone=vienna_penalty") == 0
        [folder] = task.run_folders()
        record = json.loads((folder / "record.json").read_text())
        saved = json.loads((folder / "model" / "folding.json").read_text())
    chosen = record["selection"]["penalty_kcal_mol"]
    assert saved == {"method": "mfe", "penalty": chosen}
    assert record["selection"]["trials"] >= len(GRID)
