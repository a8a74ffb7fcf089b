from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from multimolecule.modules import HEADS, HeadConfig
from torch import Tensor

from rnaernie_bench.heads.bases.pair import PairHead, letter_codes, places_of
from rnaernie_bench.heads.conv_lstm import ConvLstmHead
from rnaernie_bench.heads.interaction import InteractionHead
from rnaernie_bench.heads.segments import SegmentsHead

CONFIG = SimpleNamespace(
    hidden_size=8, num_labels=1, problem_type="binary", bos_token_id=1, eos_token_id=2,
    pad_token_id=0, head=None,
)  # fmt: skip
KINDS = [InteractionHead, SegmentsHead, ConvLstmHead]


def head_of(kind: type[PairHead]) -> PairHead:
    torch.manual_seed(0)
    return kind(CONFIG, HeadConfig(num_labels=1, problem_type="binary", dropout=0.1)).eval()


def sequences(*lengths: int) -> list[np.ndarray]:
    random = np.random.default_rng(sum(lengths))
    return [random.normal(size=(n, 8)).astype(np.float32) for n in lengths]


def tower(head: PairHead, rows: list[np.ndarray], partner: str, extra: int = 0) -> object:
    tensors = [torch.from_numpy(row) for row in rows]
    states = torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True)
    mask = torch.arange(states.shape[1]) < torch.tensor([[len(row)] for row in rows])
    states = torch.cat([states, torch.full((len(rows), extra, 8), 9.0)], 1)
    mask = torch.cat([mask, torch.zeros(len(rows), extra, dtype=torch.bool)], 1)
    letters = torch.arange(states.shape[1]).repeat(len(rows), 1) % 5 * mask
    return head.tower(states, mask, letters, partner)  # type: ignore[arg-type]


def scores(head: PairHead, a: list[np.ndarray], b: list[np.ndarray], extra: int = 0) -> Tensor:
    with torch.inference_mode():
        return head.score(tower(head, a, "first", extra), tower(head, b, "second", extra))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_depends_neither_on_padding_nor_on_the_batch(kind: type[PairHead]) -> None:
    head, a, b = head_of(kind), sequences(9, 14, 5), sequences(20, 6, 11)
    together = scores(head, a, b)
    assert together.shape == (3, 1)
    alone = torch.cat([scores(head, [x], [y]) for x, y in zip(a, b, strict=True)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(together, scores(head, a, b, extra=7), atol=1e-5, rtol=1e-5)
    assert together.unique().numel() == 3


@pytest.mark.parametrize("kind", KINDS)
def test_all_against_all_is_each_against_each(kind: type[PairHead]) -> None:
    head, a, b = head_of(kind), sequences(9, 14), sequences(20, 6, 11)
    with torch.inference_mode():
        first, second = tower(head, a, "first"), tower(head, b, "second")
        found = head.score_all(first, second)  # type: ignore[arg-type]
    each = torch.cat([scores(head, [x], [y]) for x in a for y in b]).view(2, 3)
    torch.testing.assert_close(found, each, atol=1e-5, rtol=1e-5)


def test_the_map_shares_a_pair_out_among_its_bases() -> None:
    head = head_of(InteractionHead)
    assert isinstance(head, InteractionHead)
    with torch.inference_mode():
        found = head.interaction_map(
            tower(head, sequences(4, 3), "first"),
            tower(head, sequences(5, 2), "second"),  # type: ignore[arg-type]
        )
    assert found.shape == (2, 4, 5)
    torch.testing.assert_close(found.sum((1, 2)), torch.ones(2))
    assert not found[1, 3:].any() and not found[1, :, 2:].any()


def test_partners_of_a_joint_input_are_told_apart() -> None:
    states = torch.arange(14.0).view(2, 7, 1)  # <cls> a a <eos> b <eos> <pad>; <cls> a <eos> b b
    batch = places_of(torch.tensor([2, 1]), torch.tensor([1, 2]))
    found = head_of(SegmentsHead).features({"last_hidden_state": states}, batch)  # type: ignore[arg-type]
    assert found["first"].squeeze(-1).tolist() == [[1, 2], [8, 0]]
    assert found["second"].squeeze(-1).tolist() == [[4, 0], [10, 11]]
    assert batch["second"]["mask"].tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize(
    "name", ["rnaernie_bench.pair", "rnaernie_bench.pair_segments", "rnaernie_bench.pair_conv_lstm"]
)
def test_multimolecule_calls_them_with_joint_inputs(name: str) -> None:
    kind = HEADS.lookup(name) if hasattr(HEADS, "lookup") else HEADS[name]
    head = head_of(kind)
    ids = torch.tensor([[1, 6, 7, 8, 2, 9, 6, 2], [1, 6, 2, 7, 7, 2, 0, 0]])
    states = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(0))
    found = head({"last_hidden_state": states}, torch.tensor([1, 0]), input_ids=ids)
    direct = head.score(
        head.tower(
            states[1:, 1:2], torch.ones(1, 1, dtype=torch.bool), torch.tensor([[1]]), "first"
        ),
        head.tower(
            states[1:, 3:5], torch.ones(1, 2, dtype=torch.bool), torch.tensor([[2, 2]]), "second"
        ),
    )
    torch.testing.assert_close(found.logits[1:], direct, atol=1e-5, rtol=1e-5)
    assert found.loss.ndim == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_has_as_many_scores_as_labels(kind: type[PairHead]) -> None:
    head = kind(CONFIG, HeadConfig(num_labels=3, problem_type="multiclass", dropout=0.1)).eval()
    ids = torch.tensor([[1, 6, 7, 8, 2, 9, 6, 2], [1, 6, 2, 7, 7, 2, 0, 0]])
    states = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(0))
    found = head({"last_hidden_state": states}, torch.tensor([2, 0]), input_ids=ids)
    assert found.logits.shape == (2, 3)
    expected = torch.nn.functional.cross_entropy(found.logits, torch.tensor([2, 0]))
    torch.testing.assert_close(found.loss, expected)


def test_as_published_the_lstm_reads_the_filters() -> None:
    head = ConvLstmHead(CONFIG, HeadConfig(num_labels=1, problem_type="binary"), published=True)
    assert head.lstm.input_size == 27  # (26 + 40 - 12 + 1) // 2 positions
    assert scores(head.eval(), sequences(22, 30), sequences(40, 53)).shape == (2, 1)


def test_letters_have_codes() -> None:
    assert letter_codes("ACGUN").tolist() == [1, 2, 3, 4, 0]
