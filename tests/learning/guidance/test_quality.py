from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.core import paths
from rnaernie_bench.learning.guidance import quality
from rnaernie_bench.learning.guidance.quality import held_out_quality, type_quality


def test_figures_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1, 0, 0], [0.8, 0.1, 0.1, 0], [0.3, 0.4, 0.2, 0.1]])
    found = type_quality(np.log(probabilities + 1e-12), [0, 2, 3])
    assert found["n"] == 3
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["top3_accuracy"] == pytest.approx(2 / 3)
    assert found["macro_accuracy"] == pytest.approx(1 / 3)  # types 0, 2, 3: right, wrong, wrong
    # One prediction a bin: |.9 - 1|, |.8 - 0|, |.4 - 0|.
    assert found["ece"] == pytest.approx((0.1 + 0.8 + 0.4) / 3)
    assert [(b["accuracy"], b["n"]) for b in found["reliability"]] == [(0, 1), (0, 1), (1, 1)]
    json.dumps(found, allow_nan=False)


def test_certain_predictions_are_in_the_last_bin() -> None:
    found = type_quality(np.array([[1e4, 0.0], [0.0, 1e4]]), [0, 1])
    assert found["reliability"] == [{"confidence": 1.0, "accuracy": 1.0, "n": 2}]
    assert found["ece"] == 0


class Constant:
    """Predicts the first type."""

    def logits(self, sequences: list[str]) -> np.ndarray:
        return np.eye(28, dtype=np.float32)[[0] * len(sequences)]

    def key(self) -> dict[str, str]:
        return {"weights": "constant"}


def test_embedded_weights_tell_their_held_out_figures() -> None:
    folder = paths.embedded_weights("rnaernie-tiny")
    assert folder is not None
    told = held_out_quality(Constant(), folder)  # type: ignore[arg-type]
    assert told is not None
    assert (told["corpus"], told["n"], told["ece"]) == ("rfam_seed", 849, None)
    assert told["top3_accuracy"] == pytest.approx(0.7739, abs=1e-4)


def test_they_are_computed_where_the_corpus_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = {"corpus": {"fingerprint": "f", "name": "mine"}, "evaluation": {}}
    (tmp_path / "training.json").write_text(json.dumps(record))
    assert held_out_quality(Constant(), tmp_path) is None  # type: ignore[arg-type]
    monkeypatch.setattr(quality, "cached_held_out", lambda fingerprint: (["ACGU", "GG"], [0, 1]))
    told = held_out_quality(Constant(), tmp_path)  # type: ignore[arg-type]
    assert told is not None
    assert (told["corpus"], told["accuracy"], told["n"]) == ("mine", 0.5, 2)


def test_other_weights_tell_nothing(tmp_path: Path) -> None:
    assert held_out_quality(Constant(), tmp_path) is None  # type: ignore[arg-type]
