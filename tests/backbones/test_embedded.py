"""The weights that come with the package: whole, small, trained, and loadable without it."""

from __future__ import annotations

import json

import pytest
import torch
from multimolecule import RnaErnieForMaskedLM, RnaTokenizer

from rnaernie_bench.backbones.loading import load_backbone
from rnaernie_bench.backbones.vocabulary import has_types
from rnaernie_bench.core import paths
from rnaernie_bench.prediction.fill_mask import fill_mask

CARD = "gguc<mask>cucugguuagaccagaucugagccu"


@pytest.fixture(scope="module")
def folder():
    folder = paths.embedded_weights("rnaernie-tiny")
    assert folder is not None
    return folder


@pytest.fixture(scope="module")
def record(folder):
    return json.loads((folder / "training.json").read_text(encoding="utf-8"))


def test_the_files_are_few_and_small(folder):
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "training.json", "README.md"} <= sizes.keys()
    assert sizes["model.safetensors"] <= 12e6
    assert sum(sizes.values()) <= 13e6


def test_the_record_is_of_these_weights(folder, record):
    encoder = load_backbone("rnaernie-tiny")
    assert encoder.weights_sha256 == record["model"]["encoder_sha256"]
    assert has_types(encoder.tokenizer)
    # An untrained pooler is no part of the checkpoint.
    assert load_backbone("rnaernie-tiny", seed=1).weights_sha256 == encoder.weights_sha256


def test_no_evaluation_item_was_trained_on(record):
    corpus = record["corpus"]
    names = {"nrc_validation", "nrc_test", "vl0", "ts0", "archiveII"}
    assert names <= corpus["excluded"]["sets"].keys()
    assert all(corpus["excluded"]["sets"][name]["identical"] > 0 for name in names)


def test_held_out_families_are_predicted_better_than_by_chance(record):
    figures = record["evaluation"]
    for strategy in ("base", "subsequence", "motif"):
        assert figures[f"{strategy}_accuracy"] > figures["chance"]
    assert figures["type_top3_accuracy"] > figures["type_accuracy"] > 0


def test_multimolecule_loads_them_without_this_package(folder):
    network, report = RnaErnieForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    tokenizer = RnaTokenizer.from_pretrained(folder)
    ids = tokenizer("ACGU[IND][tRNA]", return_tensors="pt")
    assert ids["input_ids"].tolist() == [[1, 6, 7, 8, 9, 28, 53, 2]]
    with torch.inference_mode():
        assert network(**ids).logits.shape == (1, 8, 57)


def test_the_four_bases_come_first():
    [candidates] = fill_mask(CARD)
    assert {candidate.token_str for candidate in candidates[:4]} == set("ACGU")
