"""The recipe: learning, schedule, accumulation, and exact resume."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import TrainingArguments

from rnaernie_bench.backbones.rnaernie import RnaErnieOptions
from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.learning.trainer_parts import Arguments, last_whole_checkpoint
from rnaernie_bench.pretraining import pairs
from rnaernie_bench.pretraining.batches import MaskedBatches, Reader
from rnaernie_bench.pretraining.evaluation import HeldOut, all_hidden
from rnaernie_bench.pretraining.masking import Masker, MaskingOptions
from rnaernie_bench.pretraining.motifs import MotifMatcher
from rnaernie_bench.pretraining.network import load_network
from rnaernie_bench.pretraining.objective import ObjectiveOptions
from rnaernie_bench.pretraining.pairs import PAIRS, PairTable
from rnaernie_bench.pretraining.recipe import rate_factor, train
from tests.kit import close
from tests.pretraining.pretraining_kit import config, dataset

MATCHER = MotifMatcher([["ACGU", "GGCC", "AAAA", "UUUU"]])
NET = RnaErnieOptions("rnaernie-tiny", "random", None, None, 1, 16, 2, 32)
CORPUS, HELD_OUT = dataset(200), dataset(40, seed=1)


class Job:
    """One training, with its network, curves and end."""

    def __init__(self, folder: Path, net=NET, *, stop_at: int | None = None, **changes) -> None:
        masking = MaskingOptions(changes.pop("schedule", "staged"))
        defaults = config(folder / "settings").trainer
        self.objective = ObjectiveOptions(pairs=changes.pop("pairs", 0.0))
        self.options = dataclasses.replace(defaults, **changes)

        def pairs_of(part):
            return PairTable(list(part["sequence"]), 200) if self.objective.pairs else None

        encoder = load_network(net, seed=0, dropout=self.options.dropout)
        self.network, tokenizer = encoder.model, encoder.tokenizer
        self.batches = MaskedBatches(
            Reader(CORPUS, tokenizer),
            Masker(masking, tokenizer, MATCHER),
            0,
            pairs=pairs_of(CORPUS),
        )
        self.held_out = HeldOut(
            Reader(HELD_OUT, tokenizer),
            Masker(all_hidden(masking), tokenizer, MATCHER),
            most=30,
            token_budget=600,
            pairs=pairs_of(HELD_OUT),
        )
        self.folder = folder
        self.stop_at = stop_at
        self.curves: dict[int, dict[str, float]] = {}

    def log(self, figures, step):
        if "train_runtime" not in figures:
            self.curves.setdefault(step, {}).update(figures)
        if self.stop_at is not None and step > self.stop_at:
            raise KeyboardInterrupt

    def run(self):
        return train(
            self.network,
            CORPUS,
            self.batches,
            self.held_out,
            options=self.options,
            objective=self.objective,
            seed=0,
            folder=self.folder / "checkpoints",
            checkpoint=last_whole_checkpoint(self.folder / "checkpoints"),
            log=self.log,
        )

    def weights(self):
        return {name: value.clone() for name, value in self.network.state_dict().items()}

    def curve(self, name):
        return {step: line[name] for step, line in self.curves.items() if name in line}


def test_bases_and_types_are_learned(tmp_path):
    job = Job(
        tmp_path, dataclasses.replace(NET, hidden_size=32), schedule="mixed", dropout=0,
        learning_rate=0.003, max_steps=240, log_steps=40, eval_steps=240, checkpoint_steps=240,
    )  # fmt: skip
    summary = job.run()
    losses = job.curve("eval_base_loss")
    assert losses[240] < math.log(4)  # of any base at random
    types = job.curve("eval_type_accuracy")
    assert types[240] > 0.6  # chance is a third
    assert summary.evaluation["type_accuracy"] == types[240]
    assert summary.evaluation["base_accuracy"] > summary.evaluation["chance"]
    assert (summary.steps, summary.stopped_by, summary.processes) == (240, "max_steps", 1)
    assert summary.tokens == job.curve("tokens")[240]
    assert summary.train_s > 0 < summary.cpu_s
    assert {"loss", "learning_rate", "tokens_per_s", "grad_norm"} <= set(job.curves[40])


def test_staged_masking_goes_from_bases_to_motifs(tmp_path):
    job = Job(tmp_path)
    job.run()
    for name, steps in (("base", {2, 4}), ("subsequence", {6, 8}), ("motif", {10, 12})):
        assert set(job.curve(f"{name}_loss")) == steps


def test_mixed_masking_shows_every_strategy(tmp_path):
    job = Job(tmp_path, schedule="mixed", max_steps=2)
    job.run()
    assert {"base_loss", "subsequence_loss", "motif_loss", "type_loss"} <= set(job.curves[2])


def test_accumulated_batches_weigh_as_one(tmp_path):
    """The mean is over all targets of a step, not over the means of its batches."""
    job = Job(tmp_path, gradient_accumulation=2, max_steps=2, type_weight=0.5)
    job.run()
    line = job.curves[2]
    kinds = [kind for kind in ("base", "type") if f"{kind}_loss" in line]
    assert kinds == ["base", "type"]
    assert min(line["base_loss"], 0.5 * line["type_loss"]) < line["loss"] < line["base_loss"]


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.1},
        {"dropout": 0.1, "fast_dropout": False, "gradient_accumulation": 2, "pairs": 0.5},
    ],
    ids=["fast dropout", "torch's dropout, accumulation, pairs"],
)
def test_an_interrupted_training_ends_as_if_nothing_had_happened(tmp_path, options, monkeypatch):
    ends = lambda text: np.array([(0, len(text) - 1, 0.5)], PAIRS)  # noqa: E731
    found = lambda texts: [ends(text) for text in texts]  # noqa: E731
    monkeypatch.setattr(pairs, "pair_probabilities", found)
    undisturbed = Job(tmp_path / "a", **options)
    expected = undisturbed.run()
    killed = Job(tmp_path / "b", stop_at=6, **options)
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    resumed = Job(tmp_path / "b", **options)
    summary = resumed.run()
    assert min(resumed.curves) == 6  # steps 1 to 4 were not repeated
    assert close(resumed.weights(), undisturbed.weights())
    if "pairs" in options:
        assert close(summary.pair_head.state_dict(), expected.pair_head.state_dict())
        assert expected.evaluation["pairs_loss"] > 0
    assert (summary.tokens, summary.sequences) == (expected.tokens, expected.sequences)
    assert summary.evaluation == expected.evaluation
    for name in (
        "loss",
        "base_loss",
        "type_accuracy",
        "eval_motif_loss",
        "learning_rate",
        "tokens",
    ):
        assert {**killed.curve(name), **resumed.curve(name)} == undisturbed.curve(name)
    assert summary.train_s > resumed.curves[6]["elapsed_s"] > killed.curves[4]["elapsed_s"]


def test_a_training_that_had_ended_is_not_gone_on_with(tmp_path):
    """The process may die between the last checkpoint and the record."""
    first = Job(tmp_path)
    expected = first.run()
    again = Job(tmp_path)
    summary = again.run()
    assert again.curves == {}
    assert close(again.weights(), first.weights())
    assert (summary.steps, summary.tokens) == (expected.steps, expected.tokens)
    assert summary.evaluation == expected.evaluation
    assert summary.train_s == pytest.approx(expected.train_s, abs=1.0)


def test_a_time_limit_ends_early_and_whole(tmp_path):
    job = Job(tmp_path, max_train_minutes=1e-9)
    summary = job.run()
    assert (summary.steps, summary.stopped_by) == (1, "max_train_minutes")
    assert {"base_loss", "eval_base_loss"} <= set(job.curves[1])
    assert last_whole_checkpoint(tmp_path / "checkpoints").name == "checkpoint-1"


def test_the_limit_of_this_start_counts(tmp_path):
    killed = Job(tmp_path, max_train_minutes=60, stop_at=6)
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    summary = Job(tmp_path, max_train_minutes=1e-9).run()
    assert (summary.steps, summary.stopped_by) == (5, "max_train_minutes")


def test_steps_after_the_last_line_count(tmp_path):
    """7 steps, a line every 2: the last line is of the last step alone."""
    short, long = Job(tmp_path / "a", max_steps=7), Job(tmp_path / "b", max_steps=7, log_steps=1)
    summary, expected = short.run(), long.run()
    assert set(short.curve("loss")) == {2, 4, 6, 7}
    assert (summary.tokens, summary.sequences) == (expected.tokens, expected.sequences)
    assert summary.evaluation == expected.evaluation


@pytest.mark.parametrize("name", ["loss", "norm of the gradients"])
def test_a_training_that_diverges_is_ended(tmp_path, name):
    job = Job(tmp_path, log_steps=1, checkpoint_steps=1)
    weight = job.network.lm_head.bias
    if name == "loss":
        with torch.no_grad():
            weight.fill_(math.nan)
    else:
        weight.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(BenchError, match=rf"^step 1: .* diverged: {name} (nan|inf) at a learning "):
        job.run()
    assert last_whole_checkpoint(tmp_path / "checkpoints") is None


def test_one_process_takes_one_device(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert TrainingArguments(output_dir=str(tmp_path)).n_gpu == 4
    assert Arguments(output_dir=str(tmp_path)).n_gpu == 1


@pytest.mark.services
def test_workers_make_the_same_batches(tmp_path):
    alone, helped = Job(tmp_path / "a", max_steps=4), Job(tmp_path / "b", max_steps=4, workers=2)
    alone.run()
    helped.run()
    assert helped.curve("loss") == alone.curve("loss")
    assert close(helped.weights(), alone.weights())


@pytest.mark.parametrize("cooldown", ["linear", "cosine"])
def test_the_rate_rises_stays_and_falls(tmp_path, cooldown):
    options = dataclasses.replace(
        config(tmp_path).trainer,
        max_steps=20, learning_rate=1e-4, min_learning_rate=5e-5, warmup_fraction=0.2,
        cooldown_fraction=0.15, cooldown=cooldown,
    )  # fmt: skip
    factor = rate_factor(options)
    assert [factor(step) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    assert {factor(step) for step in range(4, 17)} == {1.0}
    falls = {"linear": [0.75, 0.5, 0.25, 0], "cosine": [0.853553, 0.5, 0.146447, 0]}[cooldown]
    expected = [0.5 + 0.5 * share for share in falls]
    assert [factor(step) for step in range(17, 21)] == pytest.approx(expected)
