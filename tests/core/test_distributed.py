"""Several processes of a launch: what they share out, and that they train as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest

from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load
from rnaernie_bench.cli.main import main
from rnaernie_bench.config.compose import compose
from rnaernie_bench.core import distributed
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.heads.bases import linear
from rnaernie_bench.results.predictions import read_predictions
from rnaernie_bench.runs.runner import trains_together
from tests.training_kit import QUICK, TASK, TINY_NET, TinyTask, installed

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


def test_one_process_is_no_launch() -> None:
    assert (distributed.count(), distributed.number(), distributed.is_first()) == (1, 0, True)
    assert distributed.gather("a") == ["a"]
    assert distributed.broadcast("a") == "a"
    distributed.end()


def test_a_launch_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", "MASTER_PORT", "TORCHELASTIC_RUN_ID", "ACCELERATE_USE_CPU"):
        monkeypatch.setenv(name, "2")
    assert (distributed.count(), distributed.number(), distributed.is_first()) == (2, 2, False)
    distributed.leave()
    assert distributed.count() == 1
    assert {"MASTER_PORT", "TORCHELASTIC_RUN_ID", "ACCELERATE_USE_CPU"}.isdisjoint(os.environ)


def test_shards_of_the_network_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ConfigError, match="FSDP is not supported"):
        distributed.join()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["strategy=full"], True),
        (["strategy=full", "strategy.unfreeze_every=1"], False),
        (["strategy=lora"], True),
        (["strategy=frozen"], False),
        (["strategy=type_guided"], True),
        (["strategy=type_guided", "strategy.base=frozen"], False),
        (["strategy=full", "backbone=kmer"], False),
    ],
)
def test_what_several_processes_train_as_one(settings: list[str], expected: bool) -> None:
    assert trains_together(compose(["task=ncrna_cls", *settings])) is expected


def test_a_suite_is_not_shared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["suite", "suite=boards.quick"]) == 2
    assert "take launcher.n_processes=N instead" in capsys.readouterr().err


def launched(task: TinyTask, *settings: str) -> tuple[str, str]:
    """Run the task in two processes and return what they said."""
    command = (*TORCHRUN, __file__, "run", "--task-path", str(task.tasks))
    done = subprocess.run(
        [sys.executable, *command, *QUICK, f"runs_dir={task.runs}", *settings],
        capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout, done.stderr


def without_dropout(folder: Path) -> Path:
    """Write a checkpoint whose network drops nothing."""
    encoder: Any = load(RnaErnieOptions("rnaernie-tiny", "random", None, None, 1, 16, 2, 32), 0)
    encoder.model.config.hidden_dropout = encoder.model.config.attention_dropout = 0.0
    encoder.model.save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)
    return folder


def curve(task: TinyTask, name: str) -> dict[int, float]:
    """Return a curve of the only MLflow run."""
    client = mlflow.MlflowClient(f"sqlite:///{task.runs / 'mlflow.db'}")
    [run] = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.status == "FINISHED"
    return {point.step: point.value for point in client.get_metric_history(run.info.run_id, name)}


@pytest.mark.services
def test_two_processes_train_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of odd sizes: a mean of means would be another loss."""
    monkeypatch.setattr(linear, "DROPOUT", 0.0)
    source = without_dropout(tmp_path / "checkpoint")
    settings = (
        "backbone=rnaernie-tiny", "backbone.init=pretrained", f"backbone.source={source}",
        "strategy=full", "strategy.learning_rate=0.003", "tracking=mlflow",
        "trainer.max_epochs=5", "trainer.token_budget=300",
    )  # fmt: skip
    found = []
    for name in ("one", "two"):
        with installed(tmp_path / name) as task:
            if name == "one":
                assert task.cli(settings=settings) == 0
            else:
                stdout, _ = launched(task, *settings)
                assert stdout.count("record: ") == 1
            [folder] = task.run_folders()
            record = json.loads((folder / "record.json").read_text())
            predictions = read_predictions(folder / "predictions.parquet")
            curves = [curve(task, n) for n in ("loss", "eval_loss", "eval_macro_f1")]
            found.append((record, predictions, curves))
    (one, of_one, curves_of_one), (two, of_two, curves_of_two) = found
    assert two["run_id"] == one["run_id"]
    assert (one["environment"].get("processes"), two["environment"]["processes"]) == (None, 2)
    for left, right in zip(curves_of_one, curves_of_two, strict=True):
        assert len(left) == 5
        assert right == pytest.approx(left, abs=1e-4)
    assert np.array_equal(of_two.ids, of_one.ids)
    scores = [found.predicted[found.predicted.dtype.names[0]] for found in (of_one, of_two)]
    assert np.allclose(*scores, atol=5e-3)
    for part, test in one["tests"].items():
        value = test["metrics"]["macro_f1"]["value"]
        assert two["tests"][part]["metrics"]["macro_f1"]["value"] == pytest.approx(value, abs=0.02)


@pytest.mark.services
def test_what_one_process_does_is_done_once(tmp_path: Path) -> None:
    with installed(tmp_path) as task:
        stdout, stderr = launched(task, *TINY_NET, "strategy=frozen")
        assert stdout.count("record: ") == 1
        assert stderr.count("one process is enough") == 1
        [_record] = (task.runs / TASK).glob("*/record.json")


if __name__ == "__main__":  # the command line with a head that drops nothing
    linear.DROPOUT = 0.0
    sys.exit(main(sys.argv[1:]))
