from __future__ import annotations

import pytest
import torch

from rnaernie_bench.pretraining.scores import FIRST_TYPE, KINDS, TYPE, Tally, hits


def one_hot(*tokens: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(tokens), 57).float()


def test_a_base_competes_with_all_tokens_and_a_type_with_types():
    logits = one_hot(6, 40, 30)
    logits[2, 6] = 5.0  # a base above all types
    labels = torch.tensor([6, 6, 30])
    kinds = torch.tensor([0, 1, TYPE])
    assert hits(logits, labels, kinds).tolist() == [True, False, True]
    assert FIRST_TYPE == 29


def test_figures_by_kind():
    tally = Tally(torch.device("cpu"))
    losses = torch.tensor([1.0, 2.0, 4.0, 8.0])
    right = torch.tensor([True, False, True, True])
    tally.add(losses, right, torch.tensor([0, 0, 2, TYPE]))
    tally.add(losses[:1], right[:1], torch.tensor([0]))
    tally.count(tokens=30, sequences=2)
    tally.count(tokens=12, sequences=1)
    figures, counts = tally.drain()
    assert figures == pytest.approx(
        {
            "base_loss": 4 / 3, "base_accuracy": 2 / 3, "motif_loss": 4, "motif_accuracy": 1,
            "type_loss": 8, "type_accuracy": 1,
        }
    )  # fmt: skip
    assert counts == {
        "tokens": 42, "sequences": 3, "base_n": 3, "subsequence_n": 0, "motif_n": 1, "type_n": 1,
    }  # fmt: skip
    assert KINDS == ("base", "subsequence", "motif", "type")


def test_a_drained_tally_begins_anew():
    tally = Tally(torch.device("cpu"))
    tally.add(torch.ones(1), torch.ones(1, dtype=torch.bool), torch.tensor([0]))
    tally.drain()
    figures, counts = tally.drain()
    assert figures == {}
    assert set(counts.values()) == {0}
