from __future__ import annotations

import numpy as np
import pytest

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.structure.duplexes import best_duplex, duplex_features

pytest.importorskip("RNA")

FIRST = "GGGAAACCUC"
SITE = "GAGGUUUCCC"  # its reverse complement


def test_a_complement_is_found_where_it_stands() -> None:
    duplex = best_duplex(FIRST, "AAAA" + SITE + "AAAA")
    assert duplex is not None
    assert duplex.pairs.tolist() == [[i, 13 - i] for i in range(10)]
    assert duplex.energy < -10
    assert duplex.opening >= 0


def test_a_site_in_a_stem_must_be_opened() -> None:
    free = best_duplex(FIRST, SITE + "A" * 14)
    bound = best_duplex(FIRST, SITE + "AAAA" + FIRST)
    assert free is not None and bound is not None
    assert bound.opening > free.opening + 5
    assert bound.energy == pytest.approx(free.energy, abs=1.0)


def test_features_of_many_pairs_are_those_of_each() -> None:
    pairs = [(FIRST, "AA" + SITE + "UU"), ("AAAAAA", "AAAAAAAA"), (SITE, "CC" + FIRST)]
    rows = duplex_features(pairs, workers=1)
    assert rows.dtype == np.float32
    duplex = best_duplex(*pairs[0])
    assert duplex is not None
    assert rows[0].tolist() == pytest.approx([duplex.energy, duplex.opening, duplex.total, 8.0])
    assert not rows[1].any()
    assert duplex_features([], workers=1).shape == (0, 4)


def test_a_target_that_is_too_long_to_be_folded_is_refused() -> None:
    with pytest.raises(DataError, match=r"pair 2: the second sequence has 4,001 bases, and 4,000"):
        duplex_features([("ACGU", "ACGU"), ("ACGU", "A" * 4001)], workers=1)
