"""Long sequences in windows: the mean over them, whatever batches they share."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from rnaernie_bench.backbones import rnaernie, vocabulary
from rnaernie_bench.baselines import cnn
from rnaernie_bench.config.compose import compose
from rnaernie_bench.config.identity import recipe
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.learning import frozen
from rnaernie_bench.learning.fit import fresh_network
from rnaernie_bench.learning.reader import Reader
from rnaernie_bench.learning.saved import load_network
from rnaernie_bench.prediction.saved import load_predictor
from rnaernie_bench.task.lengths import windows
from tests.training_kit import TINY_NET, fasta, installed

SIZE = 12
MIXED = ["ACGUACGUACGU", "GG", "ACGGU" * 9, "UUGCA" * 5, "CCAUG" * 7]


@pytest.fixture
def task(tmp_path, monkeypatch):
    """Give the task, whose sequences have 20 to 40 bases, where 12 bases fit."""
    monkeypatch.setattr(rnaernie, "MAX_BASES", SIZE)
    monkeypatch.setattr(vocabulary, "MAX_BASES", SIZE)
    with installed(tmp_path) as task:
        yield task


def by_loop(model, tokenizer, sequence, overlap):
    """Return the logits of one sequence: its windows one by one, without padding, then the mean."""
    rows = []
    for window in windows(sequence, SIZE, overlap):
        ids = torch.tensor([tokenizer(window)["input_ids"]])
        with torch.inference_mode():
            rows.append(
                model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids).bool())["logits"][
                    0
                ].numpy()
            )
    return np.mean(rows, axis=0)


@pytest.mark.parametrize("overlap", [0, 5])
@pytest.mark.parametrize("head", ["pooled", "mean"])
def test_a_network_gives_the_mean_over_windows(task, head, overlap):
    config = task.config(*TINY_NET, f"task.head={head}", "task.length=window",
                         f"task.window_overlap={overlap}")  # fmt: skip
    network = fresh_network(task.context(config), rnaernie.load(config.backbone, 0))
    assert network.reader.encode(MIXED).counts.max() > 3
    logits = network.logits(MIXED)
    for row, sequence in zip(logits, MIXED, strict=True):
        expected = by_loop(network.model, network.reader.tokenizer, sequence, overlap)
        assert np.allclose(row, expected, atol=1e-5)
        assert np.allclose(row, network.logits([sequence])[0], atol=1e-5)


def test_a_frozen_head_on_mean_features_gives_the_mean_of_logits(task):
    config = task.config(*TINY_NET, "strategy=frozen", "task.head=mean", "task.length=window")
    encoder = rnaernie.load(config.backbone, 0)
    fitted, _ = frozen.fit(task.context(config), encoder, config.strategy)
    known = [item.sequence for item in task.split().validation]
    assert fitted.knows(known)
    for row, sequence in zip(fitted.logits(known), known, strict=True):
        expected = by_loop(fitted.model, encoder.tokenizer, sequence, 0)
        assert np.allclose(row, expected, atol=1e-4)


def test_overlapping_windows_have_features_of_their_own(task):
    fits = []
    for overlap in (0, 5):
        config = task.config(*TINY_NET, "strategy=frozen", "task.length=window",
                             f"task.window_overlap={overlap}")  # fmt: skip
        encoder = rnaernie.load(config.backbone, 0)
        fits.append(frozen.fit(task.context(config), encoder, config.strategy)[1])
    assert [fit.details["embedding_cached"] for fit in fits] == [False, False]


def test_the_convolutions_read_windows_and_are_restored(task, tmp_path):
    config = task.config("backbone=cnn", "backbone.channels=4", "trainer.max_epochs=1",
                         "task.length=window", "task.window_overlap=3")  # fmt: skip
    fitted, _ = cnn.fit(task.context(config), config.backbone)
    logits = fitted.logits(MIXED)
    for row, sequence in zip(logits, MIXED, strict=True):
        expected = by_loop(fitted.model, fitted.reader.tokenizer, sequence, 3)
        assert np.allclose(row, expected, atol=1e-5)
    fitted.save(tmp_path)
    saved = {"max_bases": SIZE, "length": "window", "token_budget": 400, "overlap": 3}
    assert np.allclose(load_network(tmp_path, saved).logits(MIXED), logits, atol=1e-6)


@pytest.mark.parametrize("strategy", ["full", "frozen"])
def test_a_run_reads_all_of_a_long_sequence(task, strategy):
    settings = (*TINY_NET, f"strategy={strategy}", "task.length=window", "task.window_overlap=2")
    assert task.cli(settings=(*settings, "trainer.max_epochs=1")) == 0
    (folder,) = task.run_folders()
    record = json.loads((folder / "record.json").read_text())
    assert (record["recipe"]["length"], record["recipe"]["window_overlap"]) == ("window", 2)
    assert {test["n_truncated"] for test in record["tests"].values()} == {0}
    predictor = load_predictor(folder)
    assert (predictor.length, predictor.max_bases) == ("window", SIZE)
    assert predictor.fitted.reader.overlap == 2
    # Only the last of its windows differs.
    sequences = ["ACGU" * 30 + "A" * 12, "ACGU" * 30 + "G" * 12]
    long, other = predictor.fitted.logits(sequences)
    assert not np.array_equal(long, other)
    assert not any(prediction.truncated for prediction in predictor(sequences))


def test_kmers_read_whole_sequences_whatever_the_policy(task):
    settings = ("backbone=kmer", "backbone.max_k=2")
    assert task.cli(settings=settings) == 0
    (folder,) = task.run_folders()
    record = json.loads((folder / "record.json").read_text())
    assert {test["n_truncated"] for test in record["tests"].values()} == {0}
    assert task.cli(settings=(*settings, "task.length=window")) == 2  # another id, the same run


def test_only_windows_bring_their_overlap_into_the_recipe(task):
    assert "window_overlap" not in recipe(task.config())
    assert recipe(task.config("task.length=window"))["window_overlap"] == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["task.length=window", "task.window_overlap=-1"], "window_overlap: .* must be 0 or more"),
        (["task.length=truncate", "task.window_overlap=3"], "0 without task.length=window"),
    ],
)
def test_an_overlap_that_means_nothing_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        compose(["task=ncrna_cls", *settings])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("task.head=attention_pooling", "task.length=window"), "all bases of a sequence at once"),
        (("task.head=window", "task.length=truncate", "task.flank=6"), "5 behind it"),
    ],
)
def test_a_head_says_what_it_cannot_read_of_windows(task, settings, message):
    config = task.config(*TINY_NET, *settings)
    with pytest.raises((ConfigError, DataError), match=message):
        fresh_network(task.context(config), rnaernie.load(config.backbone, 0))


def test_windows_cannot_share_all_their_bases():
    reader = Reader(None, SIZE, "window", 400, SIZE - 1)
    with pytest.raises(ConfigError, match="windows of 12 bases cannot share 12; give at most 11"):
        dataclasses.replace(reader, overlap=SIZE)


def test_a_long_record_is_no_error_for_a_run_with_windows(task, tmp_path):
    settings = (*TINY_NET, "strategy=frozen", "task.length=window", "trainer.max_epochs=1")
    assert task.cli(settings=settings) == 0
    source = tmp_path / "long.fa"
    source.write_bytes(fasta([("long", "ACGU" * 40)]))
    (((name, _), prediction),) = load_predictor(task.run_folders()[0]).predict_file(source)
    assert name == "long" and not prediction.truncated
