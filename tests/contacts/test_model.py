from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load
from rnaernie_bench.contacts.model import (
    CELLS_A_TOKEN,
    ContactExamples,
    ContactModel,
    HeadOnStates,
    StateInputs,
    TokenInputs,
    contact_costs,
    ladder_score,
    pair_probabilities,
)
from rnaernie_bench.data.encoding import encode
from rnaernie_bench.features import cached_states
from rnaernie_bench.heads.contact import BilinearHead

SEQUENCES = ["GGGAAACCC", "ACGUACGUACGUA", "GAAAC"]
PAIRS = [np.array([[0, 8], [1, 7]]), np.array([[0, 11]]), np.empty((0, 2), dtype=np.int64)]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> tuple[ContactModel, Any]:
    encoder = load(RnaErnieOptions("rnaernie-tiny", "random", None, None, 1, 16, 2, 32), 0)
    torch.manual_seed(0)
    return ContactModel(encoder.model, BilinearHead(16)).eval(), encoder.tokenizer


def tokens(tokenizer: Any) -> TokenInputs:
    ids = encode(SEQUENCES, tokenizer, policy="error", max_bases=508)
    return TokenInputs(ids, tokenizer.pad_token_id)


def test_a_budget_bounds_tokens_and_pairs_of_bases() -> None:
    assert contact_costs(np.array([10, 128, 129, 500])).tolist() == [10, 128, 131, 1954]
    assert CELLS_A_TOKEN == 128


def test_cached_states_give_what_the_network_gives(
    network: tuple[ContactModel, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path))
    model, tokenizer = network
    inputs = tokens(tokenizer)
    computed = []

    def compute(sequences: Any) -> Any:
        computed.append(list(sequences))
        for index in (2, 0, 1):
            with torch.inference_mode():
                states = model.states(**inputs.gather([index]))
            yield index, states[0].numpy()

    twice = [*SEQUENCES, SEQUENCES[0]]
    tables = [cached_states(twice, compute, 16, key={"of": "test"}) for _ in range(2)]
    assert computed == [SEQUENCES]  # once, and each sequence once
    assert [table.cached for table in tables] == [False, True]
    assert tables[0].rows.shape == (sum(map(len, SEQUENCES)), 16)
    whole = dict(pair_probabilities(model, inputs, token_budget=100, device=CPU))
    kept = StateInputs(tables[1], SEQUENCES)
    from_cache = dict(
        pair_probabilities(HeadOnStates(model.head).eval(), kept, token_budget=100, device=CPU)
    )
    for index, sequence in enumerate(SEQUENCES):
        assert whole[index].shape == (len(sequence), len(sequence))
        np.testing.assert_allclose(from_cache[index], whole[index], atol=1e-3)  # half precision


@pytest.mark.parametrize("budget", [14, 1000])
def test_validation_does_not_depend_on_batches(
    network: tuple[ContactModel, Any], budget: int
) -> None:
    model, tokenizer = network
    examples = ContactExamples(tokens(tokenizer), SEQUENCES, PAIRS)
    found = examples.validate(
        lambda **inputs: model(**inputs)["logits"],
        ladder_score,
        pad_id=0,
        token_budget=budget,
        device=CPU,
    )
    losses = []
    for index in range(3):
        with torch.inference_mode():
            losses.append(float(model(**examples.batch([index], 0))["loss"]))
    assert found["loss"] == pytest.approx(np.mean(losses), abs=1e-6)
    assert set(found) == {"loss", "f1", "threshold"}
