from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rnaernie_bench import load_task
from rnaernie_bench.task.catalogue import HEADS, resolve
from rnaernie_bench.testing import mock_encoder, try_out


def test_the_task_is_found() -> None:
    assert load_task("terminators").labels == ("hairpin", "terminator")


@pytest.mark.parametrize("strategy", ["full", "frozen"])
def test_head(strategy: str, tmp_path: Path) -> None:
    outcome = try_out(tmp_path, head="example-max", strategy=strategy)
    assert outcome.record["head"] == "example-max"


def test_backbone_and_task(tmp_path: Path) -> None:
    outcome = try_out(tmp_path, task="terminators", backbone="example-gru", head="example-max")
    assert outcome.record["backbone"]["options"] == {"hidden_size": 32}
    assert outcome.record["environment"]["plugins"] == {"rnaernie-bench-example": "1.0"}
    assert outcome.record["tests"]["test"]["n"] == 20


def test_the_largest_value_of_the_bases_counts() -> None:
    encoder = mock_encoder(hidden_size=4)
    head = resolve(HEADS.get("example-max").build)(encoder.model.config, 2, "multiclass")
    ids = torch.tensor([encoder.tokenizer("AC")["input_ids"] + [encoder.tokenizer.pad_token_id]])
    states = torch.tensor([[9.0], [1.0], [2.0], [9.0], [9.0]]).expand(1, 5, 4)
    features = head.features({"last_hidden_state": states}, {"input_ids": ids})
    assert features.tolist() == [[2.0] * 4]
