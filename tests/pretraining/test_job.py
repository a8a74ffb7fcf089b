"""A whole pre-training: the folder it makes, refusals, interruption, several processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data import sources
from rnaernie_bench.learning.trainer_parts import last_whole_checkpoint
from rnaernie_bench.pretraining import job
from rnaernie_bench.pretraining.job import execute
from rnaernie_bench.pretraining.record import pretraining_card
from rnaernie_bench.pretraining.shipping import ship
from rnaernie_bench.tracking.tracker import Tracker
from tests.pretraining.pretraining_kit import config, settings


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One finished training with what it told."""
    folder = tmp_path_factory.mktemp("job")
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNAERNIE_BENCH_CACHE", str(folder / "cache"))
        outcome = execute(config(folder), notify=told.append)
    return outcome, told


class TestFolder:
    def test_it_holds_what_it_should_and_nothing_else(self, finished):
        outcome, _ = finished
        names = {path.name for path in outcome.folder.iterdir()}
        assert {
            "config.json", "model.safetensors", "training.json", "README.md", "curves.jsonl"
        } <= names  # fmt: skip
        rest = {n for n in names if "token" not in n and "vocab" not in n and "special" not in n}
        assert len(rest) == 5

    def test_multimolecule_loads_it_alone(self, finished):
        from multimolecule import RnaErnieForMaskedLM, RnaErnieModel, RnaTokenizer

        folder = finished[0].folder
        network, report = RnaErnieForMaskedLM.from_pretrained(folder, output_loading_info=True)
        assert not report["missing_keys"] and not report["unexpected_keys"]
        assert json.loads((folder / "config.json").read_text())["architectures"] == [
            "RnaErnieForMaskedLM"
        ]
        assert network.config.hidden_dropout == 0.1
        tokenizer = RnaTokenizer.from_pretrained(folder)
        assert tokenizer("ACGU[IND][tRNA]")["input_ids"] == [1, 6, 7, 8, 9, 28, 53, 2]
        encoder, report = RnaErnieModel.from_pretrained(folder, output_loading_info=True)
        assert all(key.startswith("pooler.") for key in report["missing_keys"])
        trained, loaded = network.model.state_dict(), encoder.state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in trained.items())

    def test_it_can_be_shipped_in_half_precision(self, finished, tmp_path):
        from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load

        folder, target = finished[0].folder, tmp_path / "shipped"
        ship(folder, target)
        size, before = ((f / "model.safetensors").stat().st_size for f in (target, folder))
        assert size < 0.7 * before
        record = json.loads((target / "training.json").read_text())
        options = RnaErnieOptions("rnaernie-tiny", "pretrained", str(target), None, 1, 1, 1, 1)
        assert load(options, 0).weights_sha256 == record["model"]["encoder_sha256"]
        assert "rounded to float16" in (target / "README.md").read_text()
        with pytest.raises(ConfigError, match="ship new weights under a new name"):
            ship(folder, target)
        with pytest.raises(ConfigError, match="no finished pre-training"):
            ship(tmp_path, tmp_path / "other")

    def test_our_own_loader_takes_it(self, finished):
        from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load, load_masked_lm

        source = str(finished[0].folder)
        options = RnaErnieOptions("rnaernie-tiny", "pretrained", source, None, 4, 192, 6, 768)
        assert load(options, 0).model.config.hidden_size == 16
        assert load_masked_lm(options, 0).model.config.vocab_size == 57

    def test_the_record_says_what_was_done(self, finished):
        outcome, _ = finished
        record = json.loads((outcome.folder / "training.json").read_text())
        assert record == outcome.record
        training = record["training"]
        assert (training["steps"], training["stopped_by"]) == (12, "max_steps")
        assert training["epochs"] == pytest.approx(
            training["sequences"] / record["corpus"]["train"]["records"], abs=1e-3
        )
        assert record["settings"]["masking"]["schedule"] == "staged"
        assert record["evaluation"]["type_n"] == record["corpus"]["held_out"]["records"]
        (motifs,) = record["motifs"]
        assert motifs["file"] == "motifs.txt" and len(motifs["sha256"]) == 64
        assert str(outcome.folder) not in json.dumps(record)

    def test_the_card_shows_the_figures(self, finished):
        outcome, _ = finished
        card = (outcome.folder / "README.md").read_text()
        figures = outcome.record["evaluation"]
        assert f"{figures['base_accuracy']:.3f}" in card
        assert f"{outcome.record['model']['parameters']:,} parameters" in card

    def test_the_card_says_how_many_types_were_hidden_and_whose_time_it_was(self, finished):
        record = json.loads(json.dumps(finished[0].record))
        record["settings"]["masking"] |= {"type_rate": 0.5, "untyped_rate": 0.2}
        record["training"]["processes"] = 2
        card = pretraining_card(record)
        assert "left out of 20% of the inputs; the type was hidden and predicted in 40% of" in card
        assert "in the first of 2 processes" not in card
        assert "in the first of 2 processes" in pretraining_card({**record, "schema": 1})

    def test_curves_and_lines(self, finished):
        outcome, told = finished
        lines = [json.loads(x) for x in (outcome.folder / "curves.jsonl").read_text().splitlines()]
        assert [x["step"] for x in lines if "loss" in x] == [2, 4, 6, 8, 10, 12]
        assert [x["step"] for x in lines if "eval_base_loss" in x] == [4, 8, 12]
        assert sum("tokens/s" in line for line in told) == 6
        assert any(line.startswith("held out, step 12:  base ") for line in told)


def test_a_finished_folder_is_not_touched(finished, tmp_path):
    folder = finished[0].folder
    with pytest.raises(ConfigError, match=r"it contains another finished pre-training; choose"):
        execute(config(tmp_path, f"out={folder}"))


def test_what_a_killed_training_left_is_finished(tmp_path, empty_store, monkeypatch):
    """One that was killed when its record stood, before its tracker and its files were in order."""
    from mlflow import MlflowClient

    (tmp_path / "runs").mkdir()
    shutil.copyfile(empty_store, tmp_path / "runs" / "mlflow.db")
    settings_ = config(tmp_path, "tracking=mlflow", f"runs_dir={tmp_path / 'runs'}")
    with monkeypatch.context() as patch:
        patch.setattr(Tracker, "log_artifact", interrupt)
        patch.setattr(Tracker, "close", lambda self, status: None)
        with pytest.raises(KeyboardInterrupt):
            execute(settings_)
    out = settings_.out
    before = (out / "training.json").read_bytes()
    assert (out / "checkpoints").is_dir() and (out / "settings.json").is_file()
    monkeypatch.setattr(job, "_train", interrupt)
    for _ in range(2):
        assert execute(settings_).record == json.loads(before)
        assert not (out / "checkpoints").exists() and not (out / "settings.json").exists()
    client = MlflowClient(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    (run,) = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.status == "FINISHED"
    assert [f.path for f in client.list_artifacts(run.info.run_id)] == ["training.json"]


def interrupt(*_, **__):
    raise KeyboardInterrupt


def test_a_foreign_folder_is_not_touched(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="it exists and is not a pre-training"):
        execute(config(tmp_path))
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"


def test_an_unknown_type_is_named(tmp_path):
    settings_ = config(tmp_path)
    (tmp_path / "corpus.fasta").write_text(">s1 tRNB\nACGUACGUACGUACGUACGU\n")
    with pytest.raises(DataError, match="tRNB"):
        execute(settings_)
    assert not (tmp_path / "out").exists()


def test_a_missing_file_of_motifs_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.txt: there is no such file of motifs"):
        execute(config(tmp_path, "motifs=[nowhere.txt]"))


def test_a_file_of_motifs_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    settings_ = config(tmp_path, "motifs=['~/motifs.txt']")
    assert job.motif_files(settings_) == [[tmp_path / "motifs.txt"]]


def test_the_authors_motifs_are_downloaded_if_need_be(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(sources, "_download", lambda file, target: asked.append(file.path))
    job.motif_files(config(tmp_path, "motifs=null"))
    assert asked == ["motifs/ATtRACT.txt", "motifs/SpliceAid.txt", "motifs/Statistics.txt"]


class TestInterruption:
    def stopped(self, folder: Path, monkeypatch, after: int) -> None:
        """Interrupt a training when it tells of a step after `after`."""
        log = job.CurveLog.__call__

        def stop(self, figures, step):
            log(self, figures, step)
            if step > after:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(job.CurveLog, "__call__", stop)
            with pytest.raises(KeyboardInterrupt):
                execute(config(folder))

    def test_what_differs_is_refused_and_then_its_curve_has_no_seam(self, tmp_path, monkeypatch):
        self.stopped(tmp_path, monkeypatch, after=6)
        motifs = tmp_path / "motifs.txt"
        kept = motifs.read_text()
        with pytest.raises(ConfigError) as caught:
            execute(config(tmp_path, "trainer.max_steps=14"))
        assert str(caught.value).startswith(
            "trainer.max_steps: the interrupted training there had 12, not 14; set it as before"
        )
        with monkeypatch.context() as patch:
            two = SimpleNamespace(num_processes=2, is_main_process=True)
            patch.setattr(job.distributed, "join", lambda: two)
            with pytest.raises(
                ConfigError, match=r"^processes: the interrupted training there had 1, not 2"
            ):
                execute(config(tmp_path))
        changed = config(tmp_path)
        motifs.write_text("ACGU\n")
        with pytest.raises(ConfigError, match=r"^motifs\.sha256: the interrupted training"):
            execute(changed)
        motifs.write_text(kept)
        told: list[str] = []
        outcome = execute(config(tmp_path), notify=told.append)
        assert "going on from step 4" in told
        lines = (outcome.folder / "curves.jsonl").read_text().splitlines()
        steps = [json.loads(line)["step"] for line in lines]
        assert steps == [2, 4, 4, 6, 8, 8, 10, 12, 12]

    def test_the_commit_is_that_of_the_start(self, tmp_path, monkeypatch):
        commits = iter(["first", "second"])
        monkeypatch.setattr(job.environment, "git_commit", lambda: next(commits))
        commits_at = {}
        log = job.CurveLog.__call__

        def look(self, figures, step):
            commits_at.setdefault(step, len(list(commits)))
            log(self, figures, step)

        monkeypatch.setattr(job.CurveLog, "__call__", look)
        assert execute(config(tmp_path)).record["environment"]["git_commit"] == "first"
        assert commits_at[2] == 1

    def test_nothing_is_left_without_a_checkpoint(self, tmp_path, monkeypatch):
        self.stopped(tmp_path, monkeypatch, after=1)
        assert not (tmp_path / "out").exists()


def command(*words: str) -> list[str]:
    return [sys.executable, *words, "-m", "rnaernie_bench.cli.main", "pretrain"]


def environment(folder: Path) -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    cache = str(folder / "cache")
    return {**os.environ, "PYTHONPATH": root, "RNAERNIE_BENCH_CACHE": cache, "OMP_NUM_THREADS": "1"}


def curve(out: Path, name: str) -> dict[int, float]:
    lines = [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]
    return {line["step"]: line[name] for line in lines if name in line}


@pytest.mark.services
def test_a_killed_process_is_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
    # In bf16, which a process of its own may choose, rounding is coarser than what is compared.
    equal = ("trainer.max_steps=240", "trainer.precision=fp32")
    undisturbed = execute(config(tmp_path, f"out={tmp_path / 'a'}", *equal))
    arguments = settings(tmp_path, f"out={tmp_path / 'b'}", *equal)
    process = subprocess.Popen([*command(), *arguments], env=environment(tmp_path))
    deadline = time.monotonic() + 300
    while not (tmp_path / "b" / "checkpoints" / "checkpoint-4").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "b" / "training.json").exists()
    told: list[str] = []
    resumed = execute(config(tmp_path, f"out={tmp_path / 'b'}", *equal), notify=told.append)
    assert any(line.startswith("going on from step ") for line in told)
    # Two processes may sum floats in another order.
    for name in ("loss", "eval_base_loss"):
        expected = curve(undisturbed.folder, name)
        got = curve(resumed.folder, name)
        assert got.keys() == expected.keys()
        first = [got[step] == pytest.approx(expected[step], abs=1e-2) for step in sorted(got)[:20]]
        assert all(first)


def launched(folder: Path, arguments: list[str], *launcher: str) -> Path:
    """Pre-train in other processes, below `folder`, and return what came of it."""
    out = folder / "out"
    done = subprocess.run(
        [*command(*launcher), *arguments, f"out={out}"],
        env=environment(folder), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return out


TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ACCELERATE = (
    "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
    "--main_process_port", "0",
)  # fmt: skip
"""On a machine without GPUs, processes that talk over gloo; its `--cpu` starts one only."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The settings of a training that one process has done, and its folder."""
    folder = tmp_path_factory.mktemp("alone")
    arguments = ["trainer.dropout=0", "trainer.learning_rate=0.001", "trainer.max_steps=8"]
    arguments += ["trainer.precision=fp32"]  # in bf16 rounding is coarser than what is compared
    # Even batches on two processes, and held-out records for both.
    arguments += ["trainer.token_budget=2048", "corpus.held_out=0.5"]
    arguments = settings(folder, *arguments, count=218)
    return arguments, launched(folder, arguments)


@pytest.mark.services
@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_two_processes_train_as_one(alone, tmp_path, launcher):
    """Equal batches and masks, gradients and figures over all targets: equal up to rounding."""
    arguments, one = alone
    two = launched(tmp_path, arguments, *launcher)
    assert curve(two, "tokens") == curve(one, "tokens")
    for name in ("loss", "base_loss", "type_loss", "eval_base_loss", "eval_type_accuracy"):
        assert curve(two, name) == pytest.approx(curve(one, name), abs=1e-4), name
    of_one, of_two = (json.loads((out / "training.json").read_text()) for out in (one, two))
    assert of_two["training"]["processes"] == 2
    assert of_two["evaluation"] == pytest.approx(of_one["evaluation"], abs=1e-4)


@pytest.mark.services
def test_two_killed_processes_are_gone_on_with(tmp_path):
    """Dropout too: each process takes its own random numbers up again."""
    arguments = ["trainer.max_steps=80", "trainer.log_steps=10", "trainer.eval_steps=40"]
    arguments = settings(tmp_path, *arguments, "trainer.checkpoint_steps=20")
    undisturbed = launched(tmp_path / "a", arguments, *TORCHRUN)
    out = tmp_path / "b" / "out"
    killed = subprocess.Popen(
        [*command(*TORCHRUN), *arguments, f"out={out}"],
        env=environment(tmp_path / "b"),
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while last_whole_checkpoint(out / "checkpoints", processes=2) is None:
        assert killed.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    launcher = psutil.Process(killed.pid)
    family = [launcher, *launcher.children(recursive=True)]  # workers have sessions of their own
    assert len(family) >= 3
    for process in family:
        process.kill()
    psutil.wait_procs(family)
    assert not (out / "training.json").exists()
    resumed = launched(tmp_path / "b", arguments, *TORCHRUN)
    for name in ("loss", "learning_rate", "tokens", "eval_base_loss", "eval_type_loss"):
        assert curve(resumed, name) == pytest.approx(curve(undisturbed, name), rel=1e-4), name
    files = [(folder / "model.safetensors").read_bytes() for folder in (resumed, undisturbed)]
    assert files[0] == files[1]
