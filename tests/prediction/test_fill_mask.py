"""Masked bases: equal to the Transformers pipeline, and input that is refused."""

from __future__ import annotations

import pytest
import torch

from rnaernie_bench.backbones.loading import load_backbone
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.prediction.fill_mask import fill_mask
from tests.backbone_kit import save_masked_lm

CARD = "gguc<mask>cucugguuagaccagaucugagccu"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("net")
    save_masked_lm(folder)
    return str(folder)


@pytest.fixture(scope="module")
def encoder(folder):
    return load_backbone(folder, masked_lm=True)


@pytest.mark.parametrize("sequence", [CARD, "<mask>acg<mask>u"])
def test_equals_the_pipeline_on_the_folder(folder, sequence):
    import multimolecule  # noqa: F401  # as its card says: this registers the model
    from transformers import pipeline

    expected = pipeline("fill-mask", model=folder)(sequence)
    if sequence == CARD:
        expected = [expected]
    found = fill_mask(sequence, model=folder)
    assert len(found) == len(expected) == sequence.count("<mask>")
    for ours, theirs in zip(found, expected, strict=True):
        assert len(ours) == len(theirs) == 5
        for a, b in zip(ours, theirs, strict=True):
            assert vars(a) | {"score": 0} == b | {"score": 0}
            assert a.score == pytest.approx(b["score"], abs=1e-5)


def test_the_candidates_of_the_card(encoder):
    [candidates] = fill_mask(CARD, model=encoder)
    scores = [c.score for c in candidates]
    assert scores == sorted(scores, reverse=True)
    for c in candidates:
        assert c.token_str == encoder.tokenizer.convert_ids_to_tokens(c.token)
    [bases] = fill_mask(CARD, model=encoder, bases_only=True)
    assert sorted(c.token_str for c in bases) == ["A", "C", "G", "U"]
    for c in bases:
        assert c.sequence == " ".join("GGUC" + c.token_str + "CUCUGGUUAGACCAGAUCUGAGCCU")


def test_scores_are_the_networks(encoder):
    ids = torch.tensor([[1, 6, 4, 9, 2]])
    with torch.inference_mode():
        expected = encoder.model(ids).logits[0, 2].softmax(-1)
    [candidates] = fill_mask("a<mask>t", model=encoder, top=57)
    assert len(candidates) == 57
    assert sum(c.score for c in candidates) == pytest.approx(1, abs=1e-5)
    for c in candidates:
        assert c.score == pytest.approx(float(expected[c.token]), abs=1e-6)
    [bases] = fill_mask("a<mask>t", model=encoder, bases_only=True, top=2)
    assert {c.token: c.score for c in bases}.items() <= {
        c.token: c.score for c in candidates
    }.items()


def test_a_type_stands_before_the_end(encoder):
    with torch.inference_mode():
        logits = encoder.model(torch.tensor([[1, 6, 4, 9, 28, 53, 2]])).logits[0, 2]
    [candidates] = fill_mask("A<MASK>U", model=encoder, rna_type="tRNA", top=1)
    assert candidates[0].token == int(logits.argmax())
    assert candidates[0].score == pytest.approx(float(logits.softmax(-1).max()), abs=1e-6)
    [bases] = fill_mask("A<mask>U", model=encoder, rna_type="tRNA", bases_only=True)
    assert {len(c.sequence.split()) for c in bases} == {3}  # the type is not shown


def test_a_model_without_types(tmp_path):
    save_masked_lm(tmp_path, typed=False)
    assert len(fill_mask(CARD, model=str(tmp_path))[0]) == 5
    with pytest.raises(
        ConfigError, match=r"its vocabulary of 28 tokens lacks .IND. and the RNA types"
    ):
        fill_mask(CARD, model=str(tmp_path), rna_type="tRNA")


@pytest.mark.parametrize(
    ("sequence", "options", "message"),
    [
        ("acgu", {}, "sequence: there is nothing to predict; write <mask> in place of a base"),
        ("", {}, "there is nothing to predict"),
        ("ac<mask>g!u", {}, "sequence: foreign letter '!' at position 5"),
        ("ac <mask>", {}, "foreign letter ' ' at position 3"),
        ("ac<msk>", {}, "foreign letter '<' at position 3"),
        ("<mask>" + "A" * 508, {}, "the sequence has 509 bases, 508 fit; cut it"),
    ],
)  # fmt: skip
def test_sequences_that_are_refused(encoder, sequence, options, message):
    with pytest.raises(DataError, match=message):
        fill_mask(sequence, model=encoder, **options)


@pytest.mark.parametrize("top", [0, 58])
def test_too_many_or_too_few_candidates(encoder, top):
    with pytest.raises(ConfigError, match="top: the value must be from 1 to 57"):
        fill_mask(CARD, model=encoder, top=top)


def test_the_longest_sequence_fits(encoder):
    [candidates] = fill_mask("<mask>" + "A" * 507, model=encoder, rna_type="tRNA", top=1)
    assert len(candidates) == 1
