"""The usage that RNAErnie's model card shows, from the folder of the embedded weights.

Its token snippet gives labels of shape (22,), which MultiMolecule refuses; with a batch axis it
runs, and so it stands here.
"""

from __future__ import annotations

import pytest
import torch
from multimolecule import (
    RnaErnieForContactPrediction,
    RnaErnieForSequencePrediction,
    RnaErnieForTokenPrediction,
    RnaErnieModel,
    RnaTokenizer,
)

from rnaernie_bench.core import paths

TEXT = "UAGCUUAUCAGACUGAUGUUGA"


@pytest.fixture(scope="module")
def folder():
    return str(paths.embedded_weights("rnaernie-tiny"))


@pytest.fixture(scope="module")
def inputs(folder):
    return RnaTokenizer.from_pretrained(folder)(TEXT, return_tensors="pt")


def test_fill_mask(folder):
    import multimolecule  # noqa: F401
    from transformers import pipeline

    predictor = pipeline("fill-mask", model=folder)
    output = predictor("gguc<mask>cucugguuagaccagaucugagccu")
    assert len(output) == 5
    assert all(set(row) == {"score", "token", "token_str", "sequence"} for row in output)


def test_features(folder, inputs):
    output = RnaErnieModel.from_pretrained(folder)(**inputs)
    assert output.last_hidden_state.shape == (1, len(TEXT) + 2, 192)


def test_sequence_prediction(folder, inputs):
    model = RnaErnieForSequencePrediction.from_pretrained(folder)
    output = model(**inputs, labels=torch.tensor([1]))
    assert output.logits.shape == (1, 1)
    assert output.loss.isfinite()


def test_token_prediction(folder, inputs):
    model = RnaErnieForTokenPrediction.from_pretrained(folder)
    output = model(**inputs, labels=torch.randint(2, (1, len(TEXT))))
    assert output.logits.shape == (1, len(TEXT), 1)
    assert output.loss.isfinite()


def test_contact_prediction(folder, inputs):
    model = RnaErnieForContactPrediction.from_pretrained(folder)
    output = model(**inputs, labels=torch.randint(2, (len(TEXT), len(TEXT))))
    assert output.logits.shape[1:3] == (len(TEXT), len(TEXT))
    assert output.loss.isfinite()
