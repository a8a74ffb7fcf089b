from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench import api
from rnaernie_bench.testing import mock_encoder, try_out


@pytest.mark.parametrize(
    ("task", "strategy"),
    [
        ("mock_value", "frozen"),
        ("mock_token", "full"),
        ("mock_contact", "frozen"),
        ("mock_pair", "frozen"),
    ],
)
def test_a_run_of_every_kind_is_what_its_saved_model_says(
    task: str, strategy: str, tmp_path: Path
) -> None:
    outcome = try_out(tmp_path, task=task, strategy=strategy)
    assert outcome.record["backbone"]["name"] == "mock"
    if task == "mock_pair":
        first, second = api.predict(outcome, [("GGGCUUCGGCCC", "ggcau"), ("ACGU", "GGGCCCAAA")])
        assert (first.pair.second, second.pair.first) == ("GGCAU", "ACGU")
        return
    first, _ = api.predict(outcome, ["GGGCUUCGGCCC", "ggcau"])
    if task == "mock_contact":
        assert first.probabilities.shape == (12, 12)
    else:
        assert first.numbers.shape == ((12, 1) if task == "mock_token" else (1, 1))


def test_a_model_that_is_saved_as_another_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rnaernie_bench.learning import network

    kept = network.as_multimolecule
    monkeypatch.setattr(network, "as_multimolecule", lambda m, *a: (_negate(m), kept(m, *a))[1])
    with pytest.raises(AssertionError, match="what is saved is not what was trained"):
        try_out(tmp_path)


def _negate(trained: Any) -> None:
    trained.head.decoder.weight.data.neg_()


def test_the_mock_backbone_is_the_same_each_time() -> None:
    assert mock_encoder(seed=3).weights_sha256 == mock_encoder(seed=3).weights_sha256
    assert mock_encoder(seed=3).weights_sha256 != mock_encoder(seed=4).weights_sha256
    assert mock_encoder(hidden_size=8).model.config.hidden_size == 8
