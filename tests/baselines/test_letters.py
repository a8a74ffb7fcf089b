"""Letters by position: what is read of sequences and of bases, and a model that is saved whole."""

from __future__ import annotations

import numpy as np
import pytest

from rnaernie_bench.baselines.letters import Letters, features, restore
from rnaernie_bench.learning.regression import Linear


def test_a_sequence_is_read_from_its_start():
    table = features(["AG", "NCUA"], "sequence", 3, 0).toarray()
    assert table.shape == (2, 13)
    # A, G, and one of three places past the end; C, U, and N that is none of the four
    assert np.flatnonzero(table[0]).tolist() == [0, 6, 12]
    assert table[0, 12] == 1 / 3
    assert np.flatnonzero(table[1]).tolist() == [5, 11]


def test_a_base_is_read_with_its_neighbours():
    table = features(["AC", "G"], "token", 9, 1).toarray()
    assert table.shape == (3, 13)
    # of A: past, A, C; of C: A, C, past; of G: past, G, past
    assert [np.flatnonzero(row[:12]).tolist() for row in table] == [[4, 9], [0, 5], [6]]
    assert table[:, 12].tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3])


def test_a_saved_model_scores_as_before(tmp_path):
    rng = np.random.default_rng(0)
    linear = Linear(rng.normal(size=(2, 13)).astype(np.float32), np.zeros(2, np.float32))
    model = Letters(linear, "token", 9, 1)
    model.save(tmp_path)
    scores = restore(tmp_path).logits(["ACGU"])
    assert scores.shape == (4, 2)
    assert np.allclose(scores, model.logits(["ACGU"]))
