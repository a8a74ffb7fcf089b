"""Pairs as targets: the head, its loss by hand, the table of targets, decoys, hidden partners."""

from __future__ import annotations

import dataclasses
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.pretraining import pairs as module
from rnaernie_bench.pretraining.batches import Batch, MaskedBatches, Reader
from rnaernie_bench.pretraining.decoys import with_decoys
from rnaernie_bench.pretraining.masking import Masker, MaskingOptions
from rnaernie_bench.pretraining.motifs import MotifMatcher
from rnaernie_bench.pretraining.network import load_network
from rnaernie_bench.pretraining.objective import ObjectiveOptions
from rnaernie_bench.pretraining.pairs import (
    PAIRS,
    PairHead,
    PairTable,
    bases_of,
    pair_figures,
    pair_sums,
    partner_losses,
)
from tests.pretraining.pretraining_kit import dataset
from tests.pretraining.test_recipe import NET

HAIRPIN = "GGGGAAAACCCC"
STEM = np.array([(i, 11 - i, 0.75) for i in range(4)], PAIRS)


@pytest.fixture
def folded(monkeypatch):
    """Let every sequence have the pairs of the hairpin, and one below the limit."""
    weak = np.array([(0, 10, 0.001)], PAIRS)
    found = lambda texts: [np.concatenate([STEM, weak]) for _ in texts]  # noqa: E731
    monkeypatch.setattr(module, "pair_probabilities", found)


def test_the_head_gives_each_base_a_distribution_over_bases_that_can_pair():
    torch.manual_seed(0)
    states = torch.randn(2, 9, 8)
    bases = bases_of(torch.tensor([7, 3]), 9)
    assert bases.int().tolist() == [[0, 1, 1, 1, 1, 1, 1, 1, 0], [0, 1, 1, 1, 0, 0, 0, 0, 0]]
    head = PairHead(8, 4)
    torch.nn.init.zeros_(head.unpaired.weight)
    scores = head(states, bases)
    p = scores.exp()
    assert torch.allclose(p.sum(dim=-1), torch.ones(2, 9))
    allowed = p[0, 2, :-1] > 0
    assert allowed.int().tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 0]
    assert (p[1, 1:4, -1] == 1).all()  # three bases are too close to pair
    odds = scores[0, 1:8, 1:8] - scores[0, 1:8, -1:]  # against no partner, the same for all
    assert torch.allclose(odds, odds.T, atol=1e-6)


def test_partner_losses_by_hand():
    """Two bases pair with .5; each gives its partner .25 and no partner .5."""
    partners = torch.full((1, 3, 4), 0.25).log()
    partners[..., -1] = np.log(0.5)
    bases = torch.tensor([[True, False, True]])
    losses = partner_losses(partners, torch.tensor([[0, 0, 2]]), torch.tensor([0.5]), bases)
    by_hand = -0.5 * np.log(0.25) - 0.5 * np.log(0.5)
    assert losses.tolist() == pytest.approx([by_hand, by_hand], abs=1e-6)


def test_figures_by_hand():
    """Bases 0 and 5 pair with 1; the head says so with .8, and of 1 and 5 .2 both ways."""
    partners = torch.zeros(1, 6, 7)
    partners[0, 0, 5] = partners[0, 5, 0] = 0.8
    partners[0, 1, 5] = partners[0, 5, 1] = 0.2
    bases = torch.ones(1, 6, dtype=torch.bool)
    sums = pair_sums(partners.log(), torch.tensor([[0, 0, 5]]), torch.tensor([1.0]), bases)
    figures = pair_figures(sums)
    # Three pairs of bases are four or more apart: (0, 4), (0, 5), (1, 5).
    expected = np.corrcoef([0, 0.8, 0.2], [0, 1, 0])[0, 1]
    assert figures["pairs_correlation"] == pytest.approx(expected, abs=1e-6)
    assert pair_figures(sums * 0)["pairs_correlation"] == 0


def test_targets_of_a_batch(folded):
    table = PairTable([HAIRPIN, "A" * 40, HAIRPIN], max_bases=20)
    assert (len(table[0]), len(table[1]), len(table[2])) == (4, 0, 4)
    targets = table.targets(np.array([1, 2]), np.array([40, 12]))
    assert targets["pairs"].tolist() == [[1, i + 1, 12 - i] for i in range(4)]
    assert targets["p"].tolist() == [0.75] * 4
    assert targets["pairing"].tolist() == [0, 12]


def test_decoys_stand_behind_the_corpus():
    corpus = dataset(20)
    options = ObjectiveOptions(pairs=1, shuffled=0.5, random=1.5, max_bases=100)
    made = with_decoys(corpus, options, seed=0)
    assert len(made) == 20 + 10 + 30
    assert made[:20] == corpus[:]
    assert set(made[20:]["type"]) == {-1}
    assert made[20:]["length"] == [len(text) for text in made[20:]["sequence"]]
    steps = lambda text: tuple(sorted(Counter(pairwise(text)).items()))  # noqa: E731
    originals = {steps(text) for text in corpus["sequence"]}
    assert all(steps(text) in originals for text in made[20:30]["sequence"])
    assert not any(steps(text) in originals for text in made[30:]["sequence"])
    assert with_decoys(corpus, ObjectiveOptions(pairs=1), seed=0) is corpus


class TestBatches:
    @pytest.fixture
    def parts(self, folded):
        from datasets import Dataset

        columns = {
            "sequence": [HAIRPIN] * 8, "type": [24] * 4 + [-1] * 4, "length": [12] * 8,
        }  # fmt: skip
        encoder = load_network(NET, seed=0, dropout=0.0)
        masker = Masker(
            MaskingOptions("staged", mask=1, random=0), encoder.tokenizer, MotifMatcher([["ACGU"]])
        )
        reader = Reader(Dataset.from_dict(columns), encoder.tokenizer)
        return reader, masker, PairTable(columns["sequence"], 20)

    def test_decoys_are_read_whole_and_for_pairs_only(self, parts):
        reader, masker, table = parts
        made = MaskedBatches(reader, masker, 0, real=4, pairs=table)
        inputs = made.__getitems__(Batch(0, 0.0, np.arange(8)))
        length = inputs["input_ids"].shape[1]
        assert set((inputs["targets"] // length).tolist()) == {0, 1, 2, 3}
        assert (inputs["input_ids"][4:, :14] == reader(np.array([4]))[0][None]).all()
        assert inputs["pairing"].tolist() == [12] * 8

    def test_one_of_two_partners_is_hidden(self, parts):
        reader, masker, table = parts
        made = MaskedBatches(reader, masker, 0, real=4, pairs=table, partner_rate=1.0)
        sides = set()
        for epoch in range(20):
            inputs = made.__getitems__(Batch(epoch, 0.0, np.array([0])))
            hidden = np.flatnonzero(inputs["input_ids"][0, 1:13].numpy() == 4)
            assert len(hidden) == 2  # .15 of twelve, rounded
            assert all(11 - place not in hidden for place in hidden)
            assert all(place < 4 or place > 7 for place in hidden)
            sides |= {place < 4 for place in hidden}
        assert sides == {True, False}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pairs": -1}, "objective.pairs"),
        ({"layer": 0, "pairs": 1}, "objective.layer"),
        ({"shuffled": 1}, "objective.shuffled.*without objective.pairs it has no effect"),
        ({"partner_rate": 2}, "objective.partner_rate"),
    ],
)
def test_settings_out_of_range(values, message):
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(ObjectiveOptions(), **values)
