from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.prediction import screening
from rnaernie_bench.prediction.pair_windows import placed
from rnaernie_bench.prediction.screening import interaction_map, screen
from tests.pair_kit import tiny_pairs

DRAW = random.Random(1)
QUERIES = ["".join(DRAW.choices("ACGU", k=DRAW.randint(5, 12))) for _ in range(4)]
TARGETS = [(f"t{i}", "".join(DRAW.choices("ACGU", k=DRAW.randint(8, 20)))) for i in range(23)]


@pytest.mark.parametrize("encoding", ["towers", "joint"])
def test_the_best_targets_are_those_of_all_pairs(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr(screening, "CELLS", 900)  # so that chunks are cut into blocks
    fitted = tiny_pairs(encoding=encoding)  # type: ignore[arg-type]
    pairs = [(query, target) for query in QUERIES for _, target in TARGETS]
    scores = fitted.logits(pairs).reshape(4, 23)
    found = screen(fitted, QUERIES, iter(TARGETS), top=5, chunk=7)
    for row, hits in zip(scores, found, strict=True):
        best = np.argsort(-row, kind="stable")[:5]
        assert [hit.name for hit in hits] == [TARGETS[i][0] for i in best]
        assert [hit.logit for hit in hits] == pytest.approx(row[best].tolist(), abs=1e-4)


@pytest.mark.parametrize("encoding", ["towers", "joint"])
def test_long_sequences_count_by_their_best_windows(encoding: str) -> None:
    fitted = tiny_pairs(encoding=encoding)  # type: ignore[arg-type]
    found = screen(fitted, QUERIES, TARGETS, top=3, chunk=7, cut=lambda s: placed(s, 6))
    for query, hits in zip(QUERIES, found, strict=True):
        best = []
        for name, target in TARGETS:
            pairs = [(a, b) for _, a in placed(query, 6) for _, b in placed(target, 6)]
            best.append((float(fitted.logits(pairs).max()), name))
        expected = sorted(best, key=lambda each: -each[0])[:3]
        assert [hit.logit for hit in hits] == pytest.approx([x for x, _ in expected], abs=1e-4)
        for hit in hits:
            (a, b), (c, d) = hit.windows or ((0, 0), (0, 0))
            one = fitted.logits([(query[a - 1 : b], hit.sequence[c - 1 : d])])
            assert hit.logit == pytest.approx(float(one[0, 0]), abs=1e-4)


def test_of_equals_the_earlier_target_comes_first() -> None:
    targets = [("x", "ACGUACGU"), ("y", "ACGUACGU"), ("z", "ACGUACGU")]
    (hits,) = screen(tiny_pairs(), QUERIES[:1], targets, top=2, chunk=1)
    assert [hit.name for hit in hits] == ["x", "y"]


def test_each_sequence_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, encoded = tiny_pairs(), 0
    forward = fitted.model.backbone.forward

    def counted(input_ids: Any, **others: Any) -> Any:
        nonlocal encoded
        encoded += len(input_ids)
        return forward(input_ids, **others)

    monkeypatch.setattr(fitted.model.backbone, "forward", counted)
    screen(fitted, QUERIES, TARGETS, top=1, chunk=6)
    assert encoded == len(QUERIES) + len(TARGETS)


def test_only_some_heads_have_a_map() -> None:
    found = interaction_map(tiny_pairs(), "ACG", "GGUU")
    assert found is not None
    assert found.shape == (3, 4)
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert interaction_map(tiny_pairs("segments"), "ACG", "GGUU") is None
