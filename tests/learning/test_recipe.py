"""The training recipe: learning, stopping, choosing the epoch, and exact resume."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load
from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.time_limit import TimeLimitError, time_limit
from rnaernie_bench.data.targets import targets_of
from rnaernie_bench.learning.examples import Examples, UnitTruth
from rnaernie_bench.learning.inputs import SequenceInputs
from rnaernie_bench.learning.network import Network, build_head
from rnaernie_bench.learning.objective import UnitObjective, objective
from rnaernie_bench.learning.reader import Reader
from rnaernie_bench.learning.recipe import Recipe, train
from rnaernie_bench.learning.trainer_parts import last_whole_checkpoint
from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.metrics.measuring import Measures
from tests.kit import close
from tests.training_kit import LABELS, TinyTask, installed


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("training")) as task:
        yield task


def examples(items, tokenizer) -> Examples:
    reader = Reader(tokenizer, 508, "error", 400)
    inputs = SequenceInputs.read([item.sequence for item in items], reader)
    return Examples(inputs, UnitTruth(targets_of(items, "multiclass")))


@dataclasses.dataclass(frozen=True)
class Judged(UnitObjective):
    """What a task teaches, with scores that are judged as a test wants."""

    judge: Any = None

    def score(self, scores):
        return self.judge(scores)


def fresh_model(seed: int = 0) -> tuple[Network, object]:
    encoder = load(RnaErnieOptions("rnaernie-tiny", "random", None, None, 1, 16, 2, 32), seed)
    torch.manual_seed(seed)
    head = build_head("mean", encoder.model.config, len(LABELS), "multiclass")
    return Network(encoder.model, head, SequenceInputs), encoder.tokenizer


class Job:
    """One training, with its model, curves and end."""

    def __init__(self, task: TinyTask, folder: Path, *, stop=None, score=None, **options) -> None:
        split = task.split()
        self.model, tokenizer = fresh_model()
        self.train_set = examples(split.train, tokenizer)
        self.validation_set = examples(split.validation, tokenizer)
        self.folder = folder
        self.curves: list[tuple[dict[str, float], int]] = []
        self.said: list[str] = []
        self.stop = stop
        learned = objective(task.context(task.config()))
        self.objective = Judged(**vars(learned), judge=score or self.macro_f1)
        self.model.loss = learned.loss
        self.options = dataclasses.replace(task.config().trainer, **{"patience": 50, **options})

    def macro_f1(self, logits):
        targets = self.validation_set.truth.targets
        return Measures(MULTICLASS, MULTICLASS.metrics).of_scores(targets, logits)

    def log(self, metrics, epoch):
        self.curves.append((dict(metrics), epoch))
        if self.stop:
            self.stop(metrics, epoch)

    def recipe(self):
        return Recipe(
            self.model,
            self.train_set,
            self.validation_set,
            objective=self.objective,
            options=self.options,
            seed=0,
            folder=self.folder,
            metric="macro_f1",
            higher_is_better=True,
            log=self.log,
            notify=self.said.append,
        )

    def run(self, *rates):
        return train(self.recipe(), rates or (0.03,))

    def weights(self):
        return {name: value.clone() for name, value in self.model.state_dict().items()}

    def curve(self, name):
        return {epoch: metrics[name] for metrics, epoch in self.curves if name in metrics}


def scores(*values):
    """Return a score function that gives these values of macro F1 in turn."""
    rest = iter(values)
    return lambda logits: {"macro_f1": next(rest)}


def interrupt_after(epoch):
    """Return a stop that raises, as Ctrl-C does, when an epoch after `epoch` reports."""

    def stop(metrics, at):
        if at > epoch:
            raise KeyboardInterrupt

    return stop


class TestLearning:
    def test_separable_classes_are_learned(self, task, tmp_path):
        job = Job(task, tmp_path, max_epochs=6)
        summary = job.run()
        f1 = job.curve("eval_macro_f1")
        assert max(f1.values()) >= 0.9
        loss = job.curve("loss")
        assert sorted(loss) == list(range(1, 7))
        assert loss[6] < 0.5 * loss[1]
        assert {"eval_loss", "eval_accuracy"} <= {
            name for metrics, _ in job.curves for name in metrics
        }
        assert (summary.epochs, summary.ended_by) == (6, "steps")
        assert f1[round(summary.best_epoch)] == max(f1.values())
        assert summary.train_s > 0
        assert last_whole_checkpoint(tmp_path / "checkpoints")  # the caller's to remove

    def test_the_model_ends_with_its_best_epoch(self, task, tmp_path):
        kept = {}

        def score(logits):
            kept[len(kept) + 1] = job.weights()
            return {"macro_f1": [0.1, 0.9, 0.2][len(kept) - 1]}

        job = Job(task, tmp_path, score=score, max_epochs=3)
        summary = job.run()
        assert summary.best_epoch == 2
        assert close(job.weights(), kept[2])
        assert not close(kept[2], kept[3])

    @pytest.mark.parametrize(("last", "best"), [(0.7, 4.4), (0.3, 2.0)])
    def test_a_cool_down_follows_evaluations_without_a_better_score(
        self, task, tmp_path, last, best
    ):
        """The second of four is the best; its steps, divided by five, follow the fourth."""
        judged = scores(0.5, 0.6, 0.6, 0.4, last)
        job = Job(task, tmp_path, score=judged, max_epochs=9, patience=2, warmup_fraction=0)
        summary = job.run()
        epoch = job.recipe().steps().epoch
        cool_down = -(-2 * epoch // 5)
        assert summary.steps == 4 * epoch + cool_down
        assert summary.ended_by == "converged"
        assert summary.best_epoch == pytest.approx(best, abs=0.99 / epoch)
        rates = job.curve("learning_rate")
        assert [rates[n] for n in range(1, 5)] == pytest.approx([0.03] * 4)
        assert rates[5] == pytest.approx(0.03 / cool_down)  # that of the last step

    def test_the_cool_down_begins_with_the_best_weights(self, task, tmp_path):
        kept = []

        def score(logits):
            kept.append(job.weights())
            return {"macro_f1": 0.9 if len(kept) == 1 else 0.1}

        job = Job(task, tmp_path, score=score, max_epochs=9, patience=2, average=None)
        job.run()
        best, _, before, after = kept  # a step of AdamW changes a weight by the rate at most
        far = max(float((before[n] - v).abs().max()) for n, v in best.items())
        near = max(float((after[n] - v).abs().max()) for n, v in best.items())
        assert near < 0.05 < far

    def test_a_bound_on_steps_holds_the_cool_down(self, task, tmp_path):
        job = Job(task, tmp_path, max_epochs=9, max_steps=12, evaluate_every=1,
                  warmup_fraction=0)  # fmt: skip
        summary = job.run()
        assert (summary.steps, summary.ended_by) == (12, "steps")
        rates = [rate for _, rate in sorted(job.curve("learning_rate").items())]
        assert rates == pytest.approx([0.03] * 11 + [0.015])

    def test_validation_sees_the_average_of_the_weights(self, task, tmp_path):
        seen, plain = [], []
        job = Job(task, tmp_path, average=0.5, max_steps=3, evaluate_every=1)
        judge = job.objective.judge

        def score(logits):
            seen.append(job.weights())
            return judge(logits)

        job.objective = dataclasses.replace(job.objective, judge=score)
        first = job.weights()
        job.run()
        without = Job(task, tmp_path / "b", average=None, max_steps=3, evaluate_every=1)
        judged = without.objective.judge
        without.objective = dataclasses.replace(
            without.objective,
            judge=lambda logits: (plain.append(without.weights()), judged(logits))[1],
        )
        without.run()
        expected = first
        for decay, now, average in zip((2 / 11, 3 / 12, 4 / 13), plain, seen, strict=True):
            expected = {n: decay * v + (1 - decay) * now[n] for n, v in expected.items()}
            assert close(average, expected)

    def test_equal_seeds_give_equal_weights(self, task, tmp_path):
        first, second = (Job(task, tmp_path / name, max_epochs=1) for name in "ab")
        first.run()
        second.run()
        assert close(first.weights(), second.weights())

    def test_nothing_to_train_on(self, task, tmp_path):
        job = Job(task, tmp_path)
        job.validation_set = examples([], fresh_model()[1])
        with pytest.raises(DataError, match=r"at least one item each"):
            job.run()


RATES = (1e-5, 1e-2, 3e-2)


@pytest.fixture(scope="module")
def chosen(task, tmp_path_factory):
    """A choice among rates that nothing disturbed."""
    job = Job(task, tmp_path_factory.mktemp("chosen"), max_epochs=5)
    return job, job.run(*RATES)


class TestRates:
    def test_validation_chooses_and_the_best_goes_on(self, task, tmp_path, chosen):
        alone = Job(task, tmp_path, max_epochs=5)
        expected = alone.run(1e-2)
        job, summary = chosen
        assert (summary.rate, tuple(summary.rates)) == (1e-2, RATES)
        assert (summary.steps, summary.best_epoch) == (expected.steps, expected.best_epoch)
        assert close(job.weights(), alone.weights())
        assert job.curve("eval_loss") == alone.curve("eval_loss")
        assert sorted(job.curve("rate_1e-05/eval_loss")) == [1, 2]
        assert sorted(job.curve("rate_0.03/eval_loss")) == [1, 2, 3, 4]
        assert job.said == ["validation prefers the learning rate 0.01"]

    @pytest.mark.parametrize("when", [("rate_0.03/loss", 3), ("loss", 5)])
    def test_a_choice_that_was_interrupted_goes_on(self, task, tmp_path, chosen, when):
        undisturbed, expected = chosen

        def stop(metrics, number):
            if when[0] in metrics and number == when[1]:
                raise KeyboardInterrupt

        killed = Job(task, tmp_path, max_epochs=5, stop=stop)
        with pytest.raises(KeyboardInterrupt):
            killed.run(*RATES)
        resumed = Job(task, tmp_path, max_epochs=5)
        summary = resumed.run(*RATES)
        assert (summary.rate, summary.steps) == (expected.rate, expected.steps)
        assert [step for step, _ in summary.curve] == [step for step, _ in expected.curve]
        assert len(summary.curve) == 5 and summary.curve[-1][0] == summary.steps
        assert close(resumed.weights(), undisturbed.weights())
        both = {**killed.curve("eval_loss"), **resumed.curve("eval_loss")}
        assert both == undisturbed.curve("eval_loss")


class TestResume:
    @pytest.mark.parametrize(
        "options",
        [{"fast_dropout": True}, {"fast_dropout": False, "gradient_accumulation": 2}],
        ids=["fast dropout", "torch's dropout, accumulation"],
    )
    def test_an_interrupted_run_ends_as_if_nothing_had_happened(self, task, tmp_path, options):
        undisturbed = Job(task, tmp_path / "a", max_epochs=4, **options)
        expected = undisturbed.run()
        killed = Job(task, tmp_path / "b", max_epochs=4, stop=interrupt_after(2), **options)
        with pytest.raises(KeyboardInterrupt):
            killed.run()
        assert last_whole_checkpoint(tmp_path / "b" / "checkpoints")
        resumed = Job(task, tmp_path / "b", max_epochs=4, **options)
        summary = resumed.run()
        assert min(epoch for _, epoch in resumed.curves) == 3  # epochs 1 and 2 were not repeated
        assert close(resumed.weights(), undisturbed.weights())
        assert (summary.epochs, summary.best_epoch) == (expected.epochs, expected.best_epoch)
        assert summary.ended_by == expected.ended_by
        for name in ("loss", "eval_loss", "eval_macro_f1"):
            both = {**killed.curve(name), **resumed.curve(name)}
            assert both == undisturbed.curve(name)

    def test_patience_goes_on_where_it_was(self, task, tmp_path):
        killed = Job(
            task, tmp_path, score=scores(0.9, 0.1, 0.1), max_epochs=9, patience=3,
            stop=interrupt_after(2),
        )  # fmt: skip
        with pytest.raises(KeyboardInterrupt):
            killed.run()
        resumed = Job(task, tmp_path, score=scores(0.1, 0.1, 0.1), max_epochs=9, patience=3)
        summary = resumed.run()
        assert (round(summary.epochs), summary.best_epoch) == (4, 1)
        assert summary.ended_by == "converged"

    @pytest.mark.parametrize(
        "options", [{"evaluate_every": 3}, {"patience": 1, "score": 0.9, "average": None}],
        ids=["inside an epoch", "in the cool-down, without an average"],
    )  # fmt: skip
    def test_time_interrupts_after_any_step(self, task, tmp_path, options):
        options = {"max_epochs": 2, "patience": 50, **options}
        if constant := options.pop("score", None):
            options["score"] = lambda logits: {"macro_f1": constant}
        undisturbed = Job(task, tmp_path / "a", **options)
        expected = undisturbed.run()
        curves, said = {}, []
        for _ in range(100):
            job = Job(task, tmp_path / "b", **options)
            try:
                with time_limit(1e-9):
                    summary = job.run()
                break
            except TimeLimitError as error:
                assert "trainer.max_train_minutes: interrupted" in str(error)
            finally:
                curves |= job.curve("eval_loss")
                said += job.said
        assert 0.3 * expected.steps < len(said) <= expected.steps + 1
        assert "training takes" in said[0] and "it will be interrupted" in said[0]
        assert close(job.weights(), undisturbed.weights())
        assert (summary.steps, summary.ended_by) == (expected.steps, expected.ended_by)
        assert curves == undisturbed.curve("eval_loss")

    @pytest.mark.parametrize(("options", "reason"), [({"patience": 1}, "converged"),
                                                     ({"max_epochs": 2}, "steps")])  # fmt: skip
    def test_a_training_that_had_ended_is_not_gone_on_with(self, task, tmp_path, options, reason):
        """The process may die between the last checkpoint and the record."""
        options = {"max_epochs": 5, **options}
        values = (0.5, 0.1, 0.1)
        undisturbed = Job(task, tmp_path / "a", score=scores(*values), **options)
        expected = undisturbed.run()
        killed = Job(task, tmp_path / "b", score=scores(*values), stop=_at_the_end, **options)
        with pytest.raises(KeyboardInterrupt):
            killed.run()
        resumed = Job(task, tmp_path / "b", score=scores(0.9), **options)
        summary = resumed.run()
        assert (summary.epochs, summary.best_epoch) == (expected.epochs, expected.best_epoch)
        assert summary.ended_by == expected.ended_by == reason
        assert close(resumed.weights(), undisturbed.weights())

    @pytest.mark.services
    def test_a_killed_process_is_gone_on_with(self, task, tmp_path):
        undisturbed = Job(task, tmp_path / "a", max_epochs=4)
        undisturbed.run()
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, __file__, str(tmp_path / "task"), str(tmp_path / "b")],
            env=environment, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
        resumed = Job(task, tmp_path / "b", max_epochs=4)
        resumed.run()
        assert min(epoch for _, epoch in resumed.curves) == 3
        # Two processes may align memory, and so sum floats, differently; in one process, above,
        # weights are compared bit by bit.
        for name in ("loss", "eval_loss"):
            expected = undisturbed.curve(name)
            for epoch, value in resumed.curve(name).items():
                assert value == pytest.approx(expected[epoch], abs=1e-4), (name, epoch)
        assert resumed.curve("eval_macro_f1").items() <= undisturbed.curve("eval_macro_f1").items()


def _at_the_end(metrics, epoch):
    """Raise at the summary that the trainer logs after its last checkpoint."""
    if "train_runtime" in metrics:
        raise KeyboardInterrupt


def _kill_after(epoch):
    def stop(metrics, at):
        if at > epoch:
            os.kill(os.getpid(), signal.SIGKILL)

    return stop


if __name__ == "__main__":
    with installed(Path(sys.argv[1])) as tiny:
        Job(tiny, Path(sys.argv[2]), max_epochs=4, stop=_kill_after(2)).run()
