"""Networks of every level: scores, copies, saved models, and what loads in MultiMolecule alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import multimolecule
import numpy as np
import pytest
import torch
from torch import nn

from rnaernie_bench.backbones.fast_dropout import ATTENTION, use_fast_dropout
from rnaernie_bench.data.encoding import Tail
from rnaernie_bench.heads.bases.earlier import adapted
from rnaernie_bench.heads.pooled import PooledHead
from rnaernie_bench.learning.inputs import SequenceInputs
from rnaernie_bench.learning.network import (
    Declared,
    Network,
    as_multimolecule,
    load_network,
    read_declared,
)
from rnaernie_bench.learning.saved import load_network as load_fitted
from tests.network_kit import HEAD_NAMES, LABELS, PAIRS, SEQUENCES, items_of, tiny_network

ALL = [(level, head) for level, heads in HEAD_NAMES.items() for head in heads]
SAVED = {"max_bases": 508, "length": "error", "token_budget": 64}


@pytest.mark.parametrize("problem", LABELS)
@pytest.mark.parametrize(("level", "head"), ALL)
def test_scores_depend_neither_on_the_batch_nor_on_saving(
    level: str, head: str, problem: Any, tmp_path: Path
) -> None:
    fitted, items = tiny_network(head, problem), items_of(level)
    scores = fitted.logits(items)
    sizes = fitted.model.kind.read(items, fitted.reader).sizes
    width = 1 if problem == "binary" else len(LABELS[problem])
    assert (scores.shape, scores.dtype) == ((sizes.sum(), width), np.float32)
    alone = np.concatenate([fitted.logits([item]) for item in items])
    np.testing.assert_allclose(scores, alone, rtol=1e-4, atol=1e-5)
    fitted.save(tmp_path)
    again = load_fitted(tmp_path, SAVED)
    assert not again.model.training
    np.testing.assert_allclose(again.logits(items), scores, rtol=1e-5, atol=1e-6)
    assert len(again.reader.tokenizer) == len(fitted.reader.tokenizer)
    assert read_declared(tmp_path).problem == problem


@pytest.mark.parametrize("head", HEAD_NAMES["contact"])
def test_probabilities_are_symmetric_to_the_bit(head: str) -> None:
    fitted = tiny_network(head)
    for index, matrix in fitted.probabilities(SEQUENCES):
        assert matrix.shape == (len(SEQUENCES[index]),) * 2
        np.testing.assert_array_equal(matrix, matrix.T)


def test_what_is_left_out_has_no_probabilities() -> None:
    fitted = tiny_network("bilinear", policy="unpaired", max_bases=9)
    assert sorted(index for index, _ in fitted.probabilities(SEQUENCES)) == [0, 2]
    assert list(fitted.probabilities(["A" * 10])) == []


@pytest.mark.parametrize(
    "head",
    [
        "mean",
        "window",
        "attention_pooling",
        "token",
        "token_window",
        "bilinear",
        "resnet",
        "resnet2d",
    ],
)
def test_copies_count_by_their_shares_and_their_tails_are_no_bases(head: str) -> None:
    """A unit's score is the weighted mean over copies that are read one by one."""
    plain = tiny_network(head)
    shares = {
        SEQUENCES[0]: [Tail((29, 30), 0.75), Tail((29, 31), 0.25)],
        SEQUENCES[1]: [Tail((29, 40))],
        SEQUENCES[2]: [Tail((29, 30), 0.5), Tail((29, 41), 0.5)],
    }

    def reading(chosen: dict[str, list[Tail]]) -> Any:
        reader = replace(plain.reader, tails=lambda some: [chosen[s] for s in some])
        return replace(plain, reader=reader)

    expected = []
    for sequence, tails in shares.items():
        each = [reading({sequence: [replace(t, weight=1.0)]}).logits([sequence]) for t in tails]
        weights = [tail.weight for tail in tails]
        expected.append(sum(w * scores for w, scores in zip(weights, each, strict=True)))
    np.testing.assert_allclose(
        reading(shares).logits(SEQUENCES), np.concatenate(expected), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("head", HEAD_NAMES["pair"])
def test_all_combinations_of_copies_of_two_sequences_are_scored(head: str) -> None:
    plain = tiny_network(head)
    tails = [Tail((29, 30), 0.75), Tail((29, 31), 0.25)]

    def reading(*chosen: Tail) -> Any:
        by_sequence = dict(zip(PAIRS[0], chosen, strict=True)) if len(chosen) == 2 else None

        def copies(some: Any) -> Any:
            if by_sequence is None:
                return [tails] * len(some)
            return [[replace(by_sequence[s], weight=1.0)] for s in some]

        return replace(plain, reader=replace(plain.reader, tails=copies))

    expected = sum(
        a.weight * b.weight * reading(a, b).logits(PAIRS[:1]) for a in tails for b in tails
    )
    typed = reading()
    np.testing.assert_allclose(typed.logits(PAIRS)[:1], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("head", HEAD_NAMES["pair"])
def test_joint_inputs_are_saved_as_such(head: str, tmp_path: Path) -> None:
    fitted = tiny_network(head, encoding="joint")
    scores = fitted.logits(PAIRS)
    np.testing.assert_allclose(
        scores, np.concatenate([fitted.logits([pair]) for pair in PAIRS]), rtol=1e-4, atol=1e-5
    )
    fitted.save(tmp_path)
    np.testing.assert_allclose(load_fitted(tmp_path, SAVED).logits(PAIRS), scores, atol=1e-6)


@pytest.mark.parametrize(
    ("head", "saved", "expected"),
    [
        ("mean", {"head": "mean", "problem": "multilabel", "labels": ["x", "y"]},
         Declared("mean", "sequence", "multilabel", ("x", "y"))),
        ("resnet", {"head": "resnet", "level": "contact"}, Declared("resnet", "contact", "binary")),
        ("segments", {"head": "segments", "encoding": "joint", "published": False},
         Declared("segments", "pair", "binary", encoding="joint")),
        ("conv_lstm", {"head": "conv_lstm", "encoding": "towers", "published": True,
                       "problem": "multiclass", "outputs": 3},
         Declared("conv_lstm", "pair", "multiclass", outputs=3, options={"published": True})),
    ],
)  # fmt: skip
def test_descriptions_of_earlier_releases_are_read(
    tmp_path: Path, head: str, saved: dict[str, Any], expected: Declared
) -> None:
    (tmp_path / "head.json").write_text(json.dumps(saved))
    assert read_declared(tmp_path) == expected
    assert expected.width == {"binary": 1, "multiclass": 3, "multilabel": 2}[expected.problem]


THEIRS = {
    "pooled": multimolecule.RnaErnieForSequencePrediction,
    "token": multimolecule.RnaErnieForTokenPrediction,
    "bilinear": multimolecule.RnaErnieForContactPrediction,
}


@pytest.mark.parametrize("fast", [False, True], ids=["sdpa", "fast dropout"])
@pytest.mark.parametrize("problem", LABELS)
@pytest.mark.parametrize("head", THEIRS)
def test_multimolecule_loads_its_own_heads(
    head: str, problem: Any, fast: bool, tmp_path: Path
) -> None:
    fitted = tiny_network(head, problem)
    if fast:
        use_fast_dropout(fitted.model)
    fitted.save(tmp_path)
    theirs = THEIRS[head].from_pretrained(tmp_path).eval()
    labels = LABELS[problem]
    names = labels if problem != "binary" else labels[-1:]
    assert theirs.config.id2label == dict(enumerate(names))
    assert theirs.config.head.problem_type == problem
    for sequence in SEQUENCES:
        batch = multimolecule.RnaTokenizer.from_pretrained(tmp_path)(sequence, return_tensors="pt")
        with torch.inference_mode():
            logits = theirs(**batch).logits
        logits = getattr(logits, "tensor", logits)[0]
        if head == "bilinear":
            logits = logits[np.triu_indices(len(sequence), 1)]
        expected = fitted.logits([sequence])
        np.testing.assert_allclose(logits.reshape(expected.shape), expected, atol=1e-5)
    for path in tmp_path.rglob("*.json"):  # no private attention is saved
        assert ATTENTION not in path.read_text() and "attn_implem" not in path.read_text(), path


@pytest.mark.services
def test_a_pooled_model_loads_without_this_package(tmp_path: Path) -> None:
    fitted = tiny_network("pooled", "multiclass")
    fitted.save(tmp_path)
    script = (
        "import json, sys\n"
        "from multimolecule import RnaErnieForSequencePrediction, RnaTokenizer\n"
        "model = RnaErnieForSequencePrediction.from_pretrained(sys.argv[1]).eval()\n"
        "tokenizer = RnaTokenizer.from_pretrained(sys.argv[1])\n"
        "batch = tokenizer(sys.argv[2:], padding=True, return_tensors='pt')\n"
        "assert not any(name.startswith('rnaernie_bench') for name in sys.modules)\n"
        "print(json.dumps(model(**batch).logits.tolist()))\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), *SEQUENCES],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    logits = np.array(json.loads(done.stdout.splitlines()[-1]))
    np.testing.assert_allclose(logits, fitted.logits(SEQUENCES), atol=1e-6)


@pytest.mark.parametrize("head", ["mean", "resnet", "interaction"])
def test_other_heads_are_saved_beside_a_plain_backbone(head: str, tmp_path: Path) -> None:
    fitted = tiny_network(head)
    use_fast_dropout(fitted.model)
    fitted.save(tmp_path)
    plain = multimolecule.RnaErnieModel.from_pretrained(tmp_path / "backbone").eval()
    batch = fitted.reader.tokenizer(SEQUENCES, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = fitted.model.backbone(**batch).last_hidden_state
        found = plain(**batch).last_hidden_state
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    declared = json.loads((tmp_path / "head.json").read_text())
    assert declared.keys() == {"head", "level", "problem", "labels"}
    network, _, _ = load_network(tmp_path)
    assert network.backbone.config._attn_implementation == "sdpa"


def test_saving_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    fitted = tiny_network("pooled", "multiclass")
    before, seed = fitted.logits(SEQUENCES), torch.random.get_rng_state()
    fitted.save(tmp_path)
    assert fitted.model.backbone.config.id2label != dict(enumerate(LABELS["multiclass"]))
    assert np.allclose(fitted.logits(SEQUENCES), before, atol=1e-6)
    assert torch.equal(torch.random.get_rng_state(), seed)


def test_multimolecule_has_no_model_for_every_backbone() -> None:
    fitted = tiny_network("bilinear")
    letters = type("LettersModel", (nn.Module,), {})()
    network = Network(letters, fitted.model.head, fitted.model.kind)
    assert as_multimolecule(network, Declared("bilinear", "contact", "binary")) is None


class TestHeadsOfEarlierReleases:
    """`features(outputs, input_ids)` and `predict(features)`; of contacts, one call."""

    def test_of_sequences(self) -> None:
        class First(PooledHead):
            def features(self, outputs: Any, input_ids: Any) -> Any:  # type: ignore[override]
                assert input_ids.dtype == torch.int64
                return outputs["last_hidden_state"][:, 0]

            def predict(self, features: Any) -> Any:  # type: ignore[override]
                return super().predict(features, {})

        plain = tiny_network("pooled", "multiclass")
        head = First(plain.model.backbone.config, plain.model.head.config).eval()
        head.load_state_dict(plain.model.head.state_dict())
        with pytest.warns(DeprecationWarning, match="First is written for an earlier release"):
            network = Network(plain.model.backbone, adapted(head), SequenceInputs)
        found = replace(plain, model=network).logits(SEQUENCES)
        with torch.inference_mode():
            for sequence, row in zip(SEQUENCES, found, strict=True):
                batch = plain.reader.tokenizer(sequence, return_tensors="pt")
                state = plain.model.backbone(**batch).last_hidden_state[:, 0]
                np.testing.assert_allclose(head.decoder(state)[0], row, atol=1e-5)

    def test_of_contacts(self) -> None:
        class Products(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.decoder = nn.Linear(16, 1)

            def forward(self, states: Any, mask: Any, attentions: Any = None) -> Any:
                weighed = states * self.decoder.weight
                return weighed @ states.mT + self.decoder.bias

        plain, head = tiny_network("bilinear"), Products()
        head.load_state_dict(plain.model.head.state_dict())
        with pytest.warns(DeprecationWarning, match="Products is written"):
            network = Network(plain.model.backbone, adapted(head), plain.model.kind)
        found = replace(plain, model=network).logits(SEQUENCES)
        np.testing.assert_allclose(found, plain.logits(SEQUENCES), atol=1e-4)

    @pytest.mark.parametrize(("level", "head"), ALL)
    def test_ours_are_none(self, level: str, head: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tiny_network(head)
