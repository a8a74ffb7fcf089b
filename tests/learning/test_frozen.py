"""The frozen strategy: features from the cache, and a head that reads plain features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from rnaernie_bench.backbones.rnaernie import load
from rnaernie_bench.core.errors import DataError
from rnaernie_bench.learning import frozen, rows
from tests.training_kit import TINY_NET, installed


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


def fit(task, *overrides, seed=0, **changes):
    config = task.config(*TINY_NET, "strategy=frozen", "trainer.max_epochs=5", *overrides)
    context = task.context(config, **changes)
    return frozen.fit(context, load(config.backbone, seed), config.strategy)


def test_a_second_run_computes_no_features(task, embedded):
    _, first = fit(task)
    sequences = {sequence for part in task.parts.values() for _, sequence in part}
    assert embedded == [len(sequences)]
    fitted, second = fit(task)
    assert len(embedded) == 1
    assert (first.details["embedding_cached"], second.details["embedding_cached"]) == (False, True)
    assert second.details["embedding_s"] == 0
    fitted.logits([item.sequence for part in task.split().tests.values() for item in part])
    assert len(embedded) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"overrides": ("task.head=mean",)},
        {"overrides": ("task.head=window", "task.flank=2"), "first": ("task.head=window",)},
        {"overrides": ("task.length=error",)},
        {"overrides": ("backbone.num_attention_heads=4",)},  # equal weights, another network
        {"seed": 1},
    ],
)
def test_another_question_is_computed_anew(task, embedded, other):
    fit(task, *other.get("first", ()))
    fit(task, *other.get("overrides", ()), seed=other.get("seed", 0))
    assert len(embedded) == 2


def test_other_data_is_computed_anew(task, embedded):
    fit(task)
    part = [(header, sequence + "A") for header, sequence in task.parts["train"]]
    task.write({"train": "".join(f">{h}\n{s}\n" for h, s in part).encode()})
    fit(task)
    assert len(embedded) == 2


def test_a_subset_of_train_reads_the_same_features(task, embedded):
    fit(task)
    fit(task, train=task.split().train[:9])
    assert len(embedded) == 1


@pytest.mark.parametrize(
    # A random pooler's output varies by 1e-4 here, so that standardising magnifies rounding.
    ("head", "tolerance"), [("pooled", 1e-3), ("mean", 1e-4), ("attention_pooling", 1e-4)]
)  # fmt: skip
def test_unseen_sequences_agree_with_the_table(task, head, tolerance):
    fitted, _ = fit(task, f"task.head={head}")
    known = [item.sequence for item in task.split().validation]
    from_table = fitted.logits(known)
    through_the_net = replace(fitted, kept=None).logits(known)
    assert np.allclose(from_table, through_the_net, atol=tolerance)
    mixed = fitted.logits([*known, "ACGUACGU"])
    assert np.allclose(mixed[:-1], from_table, atol=tolerance)


def test_standardisation_folds_into_the_linear_layer():
    torch.manual_seed(0)
    linear, x = nn.Linear(4, 3), torch.randn(7, 4) * 3 + 2
    shift, scale = x.mean(0), x.std(0)
    expected = linear((x - shift) / scale)
    rows.fold_in(linear, shift, scale)
    assert torch.allclose(linear(x), expected, atol=1e-5)


def test_the_head_learns_and_the_backbone_does_not(task):
    config = task.config(*TINY_NET, "strategy=frozen", "task.head=mean", "trainer.max_epochs=40",
                         "trainer.patience=40", "strategy.learning_rate=0.05")  # fmt: skip
    encoder = load(config.backbone, 0)
    before = {name: value.clone() for name, value in encoder.model.state_dict().items()}
    curves = []
    context = task.context(config, log=lambda metrics, epoch: curves.append((epoch, metrics)))
    fitted, report = frozen.fit(context, encoder, config.strategy)
    after = encoder.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    items = task.split().validation
    predicted = fitted.logits([item.sequence for item in items]).argmax(1)
    assert np.mean(predicted == [item.label for item in items]) >= 0.9
    assert [epoch for epoch, _ in curves] == list(range(1, round(report.epochs) + 1))
    best = [metrics["eval_macro_f1"] for _, metrics in curves]
    assert best.index(max(best)) + 1 == report.best_epoch


def test_patience(task):
    _, stopped = fit(task, "trainer.patience=1", "trainer.max_epochs=50")
    assert (stopped.ended_by, stopped.epochs) == ("converged", stopped.best_epoch + 1)


def test_equal_seeds_give_equal_logits(task):
    sequences = [item.sequence for item in task.split().validation]
    assert np.allclose(fit(task)[0].logits(sequences), fit(task)[0].logits(sequences), atol=1e-5)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("positions", r"tiny/\w+\.fasta, record '.*': the sequence has \d+ positions, the head"),
        ("window", r"record '.*': the sequence has \d+ positions before its centre"),
    ],
)
def test_sequences_that_a_head_cannot_read_are_refused(task, head, message):
    flank = ("task.flank=15",) if head == "window" else ()
    with pytest.raises(DataError, match=message) as caught:
        fit(task, f"task.head={head}", *flank)
    assert "\n" not in str(caught.value)
