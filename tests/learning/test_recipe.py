"""The training recipe: learning, stopping, choosing the epoch, and exact resume."""

from __future__ import annotations

import dataclasses
import json
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
from rnaernie_bench.data.targets import targets_of
from rnaernie_bench.learning.examples import Examples, UnitTruth
from rnaernie_bench.learning.inputs import SequenceInputs
from rnaernie_bench.learning.network import Network, build_head
from rnaernie_bench.learning.objective import UnitObjective, objective
from rnaernie_bench.learning.reader import Reader
from rnaernie_bench.learning.recipe import train
from rnaernie_bench.learning.trainer_parts import last_whole_checkpoint
from rnaernie_bench.metrics.classification import classification_report
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
        self.stop = stop
        learned = objective(task.context(task.config()))
        self.objective = Judged(**vars(learned), judge=score or self.macro_f1)
        self.model.loss = learned.loss
        self.options = dataclasses.replace(task.config().trainer, **{"patience": 50, **options})

    def macro_f1(self, logits):
        truth = self.validation_set.truth.targets.values
        return classification_report(logits, truth, LABELS).metrics

    def log(self, metrics, epoch):
        self.curves.append((dict(metrics), epoch))
        if self.stop:
            self.stop(metrics, epoch)

    def run(self):
        return train(
            self.model,
            self.train_set,
            self.validation_set,
            objective=self.objective,
            options=self.options,
            learning_rate=0.03,
            seed=0,
            folder=self.folder,
            metric="macro_f1",
            higher_is_better=True,
            log=self.log,
        )

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
        assert (summary.epochs, summary.stopped_by) == (6, "max_epochs")
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

    def test_early_stopping_counts_epochs_without_a_better_score(self, task, tmp_path):
        job = Job(task, tmp_path, score=scores(0.5, 0.6, 0.6, 0.4), max_epochs=9, patience=2)
        summary = job.run()
        assert (summary.epochs, summary.best_epoch) == (4, 2)
        assert summary.stopped_by == "early_stopping"

    def test_time_limit_is_recorded_and_the_started_epoch_scored(self, task, tmp_path):
        scored = []

        def score(logits):
            scored.append(logits)
            return {"macro_f1": 0.5}

        job = Job(task, tmp_path, score=score, max_train_minutes=1e-9, max_epochs=3)
        summary = job.run()
        assert summary.stopped_by == "max_train_minutes"
        assert 0 < summary.epochs < 1  # one step
        assert len(scored) == 1

    def test_a_limit_that_is_not_reached_changes_nothing(self, task, tmp_path):
        job = Job(task, tmp_path, max_train_minutes=60, max_epochs=1)
        assert job.run().stopped_by == "max_epochs"

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
        assert summary.stopped_by == expected.stopped_by
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
        assert (summary.epochs, summary.best_epoch) == (4, 1)
        assert summary.stopped_by == "early_stopping"

    def test_time_before_the_interruption_counts(self, task, tmp_path):
        options = {"max_epochs": 3, "max_train_minutes": 60}
        killed = Job(task, tmp_path, stop=interrupt_after(1), **options)
        with pytest.raises(KeyboardInterrupt):
            killed.run()
        _add_elapsed(last_whole_checkpoint(tmp_path / "checkpoints"), seconds=7200)
        resumed = Job(task, tmp_path, **options)
        summary = resumed.run()
        assert summary.stopped_by == "max_train_minutes"
        assert 1 < summary.epochs < 2
        assert summary.train_s > 7200

    @pytest.mark.parametrize(
        ("options", "reason"),
        [({"patience": 1}, "early_stopping"), ({"max_train_minutes": 1e-9}, "max_train_minutes")],
    )
    def test_a_training_that_had_ended_is_not_gone_on_with(self, task, tmp_path, options, reason):
        """The process may die between the last checkpoint and the record."""
        undisturbed = Job(task, tmp_path / "a", score=scores(0.5, 0.1), max_epochs=3, **options)
        expected = undisturbed.run()
        killed = Job(
            task, tmp_path / "b", score=scores(0.5, 0.1), max_epochs=3, stop=_at_the_end, **options
        )
        with pytest.raises(KeyboardInterrupt):
            killed.run()
        resumed = Job(task, tmp_path / "b", score=scores(0.9), max_epochs=3, **options)
        summary = resumed.run()
        assert (summary.epochs, summary.best_epoch) == (expected.epochs, expected.best_epoch)
        assert summary.stopped_by == expected.stopped_by == reason
        assert close(resumed.weights(), undisturbed.weights())

    def checkpoints(self, folder, *names):
        for step, state in ((8, '{"global_step": 8}'), (24, '{"global_step": 24}'), (32, '{"gl')):
            (folder / f"checkpoint-{step}").mkdir()
            (folder / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
            for name in names:
                torch.save({}, folder / f"checkpoint-{step}" / name)
        (folder / "checkpoint-40").mkdir()

    def test_half_written_checkpoints_are_passed_over(self, tmp_path):
        self.checkpoints(tmp_path, "rng_state.pth")
        assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-24"
        assert last_whole_checkpoint(tmp_path, processes=2) is None

    def test_what_the_other_processes_write_is_needed(self, tmp_path):
        self.checkpoints(tmp_path, "rng_state_0.pth", "rng_state_1.pth")
        assert last_whole_checkpoint(tmp_path, processes=2) == tmp_path / "checkpoint-24"
        half = tmp_path / "checkpoint-24" / "rng_state_1.pth"
        half.write_bytes(half.read_bytes()[:100])
        assert last_whole_checkpoint(tmp_path, processes=2) == tmp_path / "checkpoint-8"
        assert last_whole_checkpoint(tmp_path) is None

    def test_no_checkpoints(self, tmp_path):
        assert last_whole_checkpoint(tmp_path / "nowhere") is None

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


def _add_elapsed(checkpoint: Path, *, seconds: float) -> None:
    state = checkpoint / "trainer_state.json"
    content = json.loads(state.read_text())
    content["stateful_callbacks"]["TimeLimit"]["args"]["elapsed_s"] += seconds
    state.write_text(json.dumps(content))


def _kill_after(epoch):
    def stop(metrics, at):
        if at > epoch:
            os.kill(os.getpid(), signal.SIGKILL)

    return stop


if __name__ == "__main__":
    with installed(Path(sys.argv[1])) as tiny:
        Job(tiny, Path(sys.argv[2]), max_epochs=4, stop=_kill_after(2)).run()
