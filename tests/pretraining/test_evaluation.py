from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from rnaernie_bench.backbones.vocabulary import RNA_TYPES, typed_tokenizer
from rnaernie_bench.pretraining import evaluation
from rnaernie_bench.pretraining.batches import Reader
from rnaernie_bench.pretraining.evaluation import HeldOut, all_hidden
from rnaernie_bench.pretraining.masking import Masker, MaskingOptions
from rnaernie_bench.pretraining.motifs import MotifMatcher
from rnaernie_bench.pretraining.scores import FIRST_TYPE
from tests.pretraining.pretraining_kit import dataset

CPU = torch.device("cpu")
OPTIONS = MaskingOptions("staged", mask=0.5, random=0.5, type_rate=0.0, untyped_rate=1.0)
A = 6
"""Token id of adenine."""
TRNA, MIRNA, RRNA = (FIRST_TYPE + RNA_TYPES.index(name) for name in ("tRNA", "miRNA", "rRNA"))


@pytest.fixture(scope="module")
def tokenizer():
    return typed_tokenizer()


def held_out(tokenizer, count=12, **changes) -> HeldOut:
    arguments = {"most": 100, "token_budget": 300, **changes}
    masker = Masker(all_hidden(OPTIONS), tokenizer, MotifMatcher([["ACGU"]]))
    return HeldOut(Reader(dataset(count), tokenizer), masker, **arguments)


class Constant(torch.nn.Module):
    """Predicts A, then tRNA, then miRNA, whatever it reads; remembers what it read."""

    def __init__(self):
        super().__init__()
        self.read = []

    def forward(self, input_ids, attention_mask, targets):
        self.read.append(SimpleNamespace(input_ids=input_ids, targets=targets))
        logits = torch.zeros(len(targets), 57)
        logits[:, A], logits[:, TRNA], logits[:, MIRNA] = 3.0, 2.0, 1.0
        return logits


def test_figures_of_a_constant_answer(tokenizer):
    part = held_out(tokenizer)
    figures = part.evaluate(Constant(), CPU)
    # Types come in turn: a third of 12 records are tRNA, a third miRNA, which is second.
    assert figures["type_accuracy"] == pytest.approx(1 / 3)
    assert figures["type_macro_accuracy"] == pytest.approx(1 / 3)
    assert figures["type_n"] == 12
    top3 = figures["type_top3_accuracy"]
    assert top3 == pytest.approx(2 / 3)  # rRNA is not the first of those at zero
    normaliser = torch.zeros(57)
    normaliser[[A, TRNA, MIRNA]] = torch.tensor([3.0, 2.0, 1.0])
    normaliser = normaliser.logsumexp(0).item()
    assert figures["type_loss"] == pytest.approx(normaliser - (2 + 1 + 0) / 3)
    for name in ("base", "subsequence", "motif"):
        accuracy = figures[f"{name}_accuracy"]
        assert figures[f"{name}_loss"] == pytest.approx(normaliser - 3 * accuracy)
        assert figures[f"{name}_n"] > 12


def test_every_target_and_type_is_hidden(tokenizer):
    model = Constant()
    held_out(tokenizer).evaluate(model, CPU)
    for read in model.read:
        assert set(read.input_ids.flatten()[read.targets].tolist()) == {tokenizer.mask_token_id}
        assert (read.input_ids >= FIRST_TYPE).sum() == 0
        assert ((read.input_ids == 28).sum(dim=1) == 1).all()  # [IND] is there


def test_masks_never_change_and_do_not_depend_on_batches(tokenizer):
    first, second = Constant(), Constant()
    held_out(tokenizer).evaluate(first, CPU)
    held_out(tokenizer).evaluate(second, CPU)
    assert [r.targets.tolist() for r in first.read] == [r.targets.tolist() for r in second.read]
    whole = held_out(tokenizer).evaluate(Constant(), CPU)
    small = held_out(tokenizer, token_budget=64).evaluate(Constant(), CPU)
    assert small == pytest.approx(whole)


def test_shares_of_two_processes_make_the_whole(tokenizer):
    parts = [held_out(tokenizer, rank=rank, world_size=2) for rank in (0, 1)]
    indices = [i for part in parts for batch in part.batches for i in batch]
    assert sorted(indices) == list(range(12))


def test_sums_of_two_processes_give_the_figures_of_one(tokenizer, monkeypatch):
    whole = held_out(tokenizer).evaluate(Constant(), CPU)
    shares: list[torch.Tensor] = []
    monkeypatch.setattr(
        evaluation, "over_processes", lambda sums, device: shares.append(sums.clone())
    )
    second = held_out(tokenizer, rank=1, world_size=2).evaluate(Constant(), CPU)
    assert 0 < second["type_n"] < 12
    others = iter(shares)
    monkeypatch.setattr(evaluation, "over_processes", lambda sums, device: sums.add_(next(others)))
    both = held_out(tokenizer, rank=0, world_size=2).evaluate(Constant(), CPU)
    assert both == pytest.approx(whole)
    assert next(others, None) is None


def test_a_sample_of_many(tokenizer):
    part = held_out(tokenizer, count=40, most=7)
    assert len(part) == len(set(part.records.tolist())) == 7
    assert part.records.tolist() == held_out(tokenizer, count=40, most=7).records.tolist()


def test_the_network_is_left_in_its_mode(tokenizer):
    model = Constant().train()
    held_out(tokenizer).evaluate(model, CPU)
    assert model.training
