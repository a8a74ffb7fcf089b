from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from multimolecule import RnaErnieForContactPrediction, RnaTokenizer

from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load
from rnaernie_bench.data.encoding import Tail, encode
from rnaernie_bench.heads.contact import BilinearHead
from rnaernie_bench.heads.contact_resnet import ResNetHead
from rnaernie_bench.learning.contact_inputs import (
    CELLS_A_TOKEN,
    ContactExamples,
    StateInputs,
    TokenInputs,
    contact_costs,
    ladder_score,
    pair_probabilities,
)
from rnaernie_bench.learning.contact_network import (
    ContactModel,
    HeadOnStates,
    as_multimolecule,
    load_contact_model,
    save_contact_model,
)
from rnaernie_bench.learning.feature_cache import StateTable, cached_states

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
    return TokenInputs(ids, tokenizer.pad_token_id, SEQUENCES)


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
    kept = StateInputs(tables[1:], SEQUENCES)
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


def test_the_copies_of_a_sequence_vote_and_their_tails_are_no_bases(
    network: tuple[ContactModel, Any],
) -> None:
    """A pair's logit is the weighted mean over copies that are read one by one."""
    model, tokenizer = network
    tails = [[Tail((29, 30), 0.75), Tail((29, 31), 0.25)], [Tail((29, 40))], [Tail((29, 30))]]
    ids = encode(SEQUENCES, tokenizer, policy="error", max_bases=508, tails=tails)
    inputs = TokenInputs(ids, tokenizer.pad_token_id, SEQUENCES)
    assert inputs.counts.tolist() == [2, 1, 1]

    def alone(sequence: str, tail: Tail) -> torch.Tensor:
        tokens = tokenizer.convert_tokens_to_ids([*sequence])
        row = torch.tensor([[tokenizer.cls_token_id, *tokens, *tail.ids, tokenizer.eos_token_id]])
        with torch.inference_mode():
            states = model.backbone(row, torch.ones_like(row))["last_hidden_state"]
            mask = torch.ones(1, len(sequence), dtype=torch.bool)
            return model.head(states[:, 1 : 1 + len(sequence)], mask)[0]

    found = dict(pair_probabilities(model, inputs, token_budget=1000, device=CPU))
    for index, (sequence, copies) in enumerate(zip(SEQUENCES, tails, strict=True)):
        logits = sum(tail.weight * alone(sequence, tail) for tail in copies)
        np.testing.assert_allclose(found[index], torch.sigmoid(logits), atol=1e-6)
        np.testing.assert_array_equal(found[index], found[index].T)

    examples = ContactExamples(inputs, SEQUENCES, PAIRS)
    batch = examples.batch([0, 1, 2], 0)
    assert batch["votes"].tolist() == [[0.75, 0.25, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    with torch.inference_mode():
        losses = [float(model(**examples.batch([index], 0))["loss"]) for index in range(3)]
        assert float(model(**batch)["loss"]) == pytest.approx(np.mean(losses), abs=1e-6)


def test_states_of_copies_vote_as_copies_do(network: tuple[ContactModel, Any]) -> None:
    model, _ = network
    tables = []
    for seed in (1, 2):
        rows = np.random.default_rng(seed).normal(size=(27, 16)).astype(np.float16)
        tables.append(StateTable(rows, dict(zip(SEQUENCES, (0, 9, 22), strict=True)), 0.0, True))
    shares = np.array([[0.75, 0.25], [1, 0], [0, 1]], dtype=np.float32)
    inputs = StateInputs(tables, SEQUENCES, shares)
    on_states = HeadOnStates(model.head)
    found = dict(pair_probabilities(on_states, inputs, token_budget=1000, device=CPU))
    for index, sequence in enumerate(SEQUENCES):
        mask = torch.ones(1, len(sequence), dtype=torch.bool)
        logits = 0
        for table, share in zip(tables, shares[index], strict=True):
            states = torch.from_numpy(table.of(sequence)).float()[None]
            logits = logits + share * model.head(states, mask)[0]
        np.testing.assert_allclose(found[index], torch.sigmoid(logits).detach(), atol=1e-6)


def test_the_bilinear_head_is_saved_as_multimolecules_own(
    network: tuple[ContactModel, Any], tmp_path: Path
) -> None:
    model, tokenizer = network
    save_contact_model(model, tokenizer, tmp_path, head="bilinear")
    theirs = RnaErnieForContactPrediction.from_pretrained(tmp_path).eval()
    again, _ = load_contact_model(tmp_path)
    for sequence in SEQUENCES:
        batch = RnaTokenizer.from_pretrained(tmp_path)(sequence, return_tensors="pt")
        mask = torch.ones(1, len(sequence), dtype=torch.bool)
        with torch.inference_mode():
            ours = model(batch["input_ids"], batch["attention_mask"], mask)["logits"][0]
            loaded = again(batch["input_ids"], batch["attention_mask"], mask)["logits"][0]
            told = theirs(**batch)["logits"]
        logits = (told.tensor if hasattr(told, "tensor") else told)[0, ..., 0]
        assert logits.shape == ours.shape
        assert torch.allclose(logits, ours, atol=1e-5)
        assert torch.allclose(loaded, ours, atol=1e-6)


def test_other_heads_are_saved_beside_their_backbone(
    network: tuple[ContactModel, Any], tmp_path: Path
) -> None:
    model = ContactModel(network[0].backbone, ResNetHead(16)).eval()
    save_contact_model(model, network[1], tmp_path, head="resnet")
    again, _ = load_contact_model(tmp_path)
    states, mask = torch.randn(1, 4, 16), torch.ones(1, 4, dtype=torch.bool)
    assert torch.equal(again.head(states, mask), model.head(states, mask))


def test_multimolecule_has_no_model_for_every_backbone() -> None:
    letters = type("LettersModel", (torch.nn.Module,), {})()
    assert as_multimolecule(ContactModel(letters, BilinearHead(4))) is None
