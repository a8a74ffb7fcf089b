from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.baselines._partner_majority import Key, restore, tabulate

PAIRS = [("AC", "G"), ("AC", "U"), ("AC", "GG"), ("CC", "G"), ("CG", "U"), ("CU", "A")]
LABELS = np.array([1, 1, 0, 0, 0, 1])


def test_rates_are_shrunk_towards_what_unseen_partners_are_like() -> None:
    model = tabulate(PAIRS, LABELS, Key(0), smoothing=1.0)
    prior = 1.5 / 4  # CC, CG and CU stand once: one of three is positive
    assert model.unseen == pytest.approx(log(prior / (1 - prior)))
    assert model.log_odds["AC"] == pytest.approx(log((2 + prior) / (1 + 1 - prior)))
    logits = model.logits([("AC", "anything"), ("UU", "G")])
    assert logits.dtype == np.float32
    assert logits.ravel().tolist() == pytest.approx([model.log_odds["AC"], model.unseen])


def test_seeds_and_targets_are_other_keys() -> None:
    seeds = tabulate(PAIRS, LABELS, Key(0, 1), smoothing=1.0)
    assert set(seeds.log_odds) == {"A", "C"}
    assert set(tabulate(PAIRS, LABELS, Key(1), smoothing=1.0).log_odds) == {"G", "U", "GG", "A"}


def test_a_table_is_restored(tmp_path: Path) -> None:
    model = tabulate(PAIRS, LABELS, Key(0, 2), smoothing=0.3)
    model.save(tmp_path)
    assert restore(tmp_path) == model
