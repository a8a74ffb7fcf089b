"""Command lines that write, each with the little that it needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import yaml

from rnaernie_bench.core import paths
from rnaernie_bench.data.audit import BEGIN, END
from tests.fuzz.killing import Command, call
from tests.paddle_kit import write_checkpoint
from tests.pretraining.pretraining_kit import TINY_NET as PRETRAINED
from tests.pretraining.pretraining_kit import records as corpus
from tests.training_kit import QUICK, TASK, TINY_NET, TinyTask, records

TASKS = ("--task-path", "tasks")
RESULTS = ("--results-dir", "results")
KMER = ("run", *TASKS, *QUICK, "backbone=kmer", "backbone.max_k=1", "runs_dir=runs")
TRACKED = (*KMER, "tracking=mlflow")
FULL = (
    "run",
    *TASKS,
    *QUICK,
    *TINY_NET,
    "strategy=full",
    "trainer.precision=fp32",
    "runs_dir=runs",
)
EXACT = ("--precision", "fp32")
"""Else each process chooses by what is faster in it."""
SPACE = "sweep.space=[{key: backbone.max_k, type: int, low: 1, high: 3}]"
SWEEP = (
    "sweep", *TASKS, *QUICK, "backbone=kmer", SPACE, "sweep.pruner=none", "sweep.sampler=random",
    "sweep.trials=2", "sweep.seeds=1", "runs_dir=runs",
)  # fmt: skip
PRETRAIN = (
    "pretrain", "corpus=fasta", "corpus.files=[corpus.fasta]", "corpus.exclude=[]",
    "corpus.held_out=0.1", "motifs=[motifs.txt]", *PRETRAINED, "tracking=none",
    "trainer.max_steps=4", "trainer.token_budget=600", "trainer.log_steps=2",
    "trainer.eval_steps=2", "trainer.checkpoint_steps=2", "trainer.progress=false", "out=out",
    "trainer.precision=fp32",
)  # fmt: skip


def nothing(folder: Path) -> None:
    """Make a task with its data."""
    card = TinyTask(folder).tasks / TASK / "README.md"
    card.write_text(f"# Tiny\n\n{BEGIN}\n{END}\n")
    (folder / "x.fa").write_text(">a\nACGUACGU\n>b\nGGGCCC\n")


def after(*before: tuple[str, ...]) -> Callable[[Path], None]:
    """Return what makes a folder in which commands were called already."""

    def prepare(folder: Path) -> None:
        nothing(folder)
        for arguments in before:
            status, _ = call(Command("", arguments, nothing), folder)
            assert status == 0, (folder / ".said").read_text()

    return prepare


def _run_ids(folder: Path) -> list[str]:
    paths = sorted(folder.glob("runs/*/*/record.json"))
    return [json.loads(path.read_text())["run_id"] for path in paths]


def pretraining(folder: Path) -> None:
    """Write a corpus."""
    lines = (f">s{i} {name}\n{bases}\n" for i, (name, bases) in enumerate(corpus(60)))
    (folder / "corpus.fasta").write_text("".join(lines))
    (folder / "motifs.txt").write_text("ACGU\nGGCC\nAAAA\nUUUU\n")


def suite(folder: Path) -> None:
    """Write a suite beside the shipped settings."""
    nothing(folder)
    configs = folder / "configs"
    (configs / "suite").mkdir(parents=True)
    for group in paths.configs_folder().iterdir():
        if group.name != "suite":
            (configs / group.name).symlink_to(group)
    settings = [each for each in (*KMER, "tracking=mlflow") if "=" in each]
    grids = [{"backbone": ["majority", "kmer"], "seed": [0]}]
    settings = [each for each in settings if not each.startswith("backbone")]
    content = {"name": "small", "summary": "two", "common": settings, "grids": grids}
    (configs / "suite" / "small.yaml").write_text(json.dumps(content))


def of_suite(folder: Path) -> None:
    """Find settings beside the suite."""
    paths.configs_folder = lambda: folder / "configs"


def served(folder: Path) -> None:
    """Make a task whose files lie on a server, which ends with this process."""
    nothing(folder)
    handler = partial(Quiet, directory=str(folder / "data" / "tiny"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    path = folder / "tasks" / TASK / "task.yaml"
    declared = yaml.safe_load(path.read_text())
    for part, file in declared["dataset"]["files"].items():
        file["url"] = f"http://127.0.0.1:{server.server_port}/{part}.fasta"
        file["path"] = f"fetched/{part}.fasta"
    path.write_text(yaml.safe_dump(declared))


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and does not say so."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def checkpoint(folder: Path) -> None:
    """Write a checkpoint as the authors' program does."""
    write_checkpoint(folder)


def predictions(folder: Path) -> None:
    """Write predictions of all test items."""
    rows = [header.split()[0] for header, _ in TinyTask(folder).parts["test"]]
    lines = (f"{name},gc_rich\n" for name in rows)
    (folder / "theirs.csv").write_text("id,class\n" + "".join(lines))


def other_data(folder: Path) -> None:
    """Train a model, and write further sequences with labels."""
    after(KMER)(folder)
    rows = [(header.split()[1], bases) for header, bases in records()["validation"]]
    lines = (f"{bases},{label}\n" for label, bases in rows)
    (folder / "new.csv").write_text("sequence,label\n" + "".join(lines))


def commands(folder: Path) -> list[Command]:
    """Return the commands; runs that they are about are made below `folder` to learn their ids."""
    probe = folder / "probe"
    probe.mkdir(parents=True)
    prepare = after(KMER)
    prepare(probe)
    (run,) = _run_ids(probe)
    imported = ("results", "import", run, "--runs-dir", "runs", *RESULTS)
    submitted = ("results", "submit", run, "-o", "b.zip", "--runs-dir", "runs", *RESULTS)
    two = (*KMER, "seed=0,1")
    typed = [setting for setting in PRETRAIN if setting.startswith("corpus")]
    theirs = ("results", "import-predictions", "theirs.csv", "--task", TASK, "--name", "Theirs")
    found = [
        ("run", KMER, nothing),
        ("run-repeat", (*KMER, "--repeat"), prepare),
        ("run-tracked", TRACKED, nothing),
        ("run-full", FULL, nothing),
        ("run-two", two, nothing),
        ("sweep", SWEEP, nothing),
        ("pretrain", PRETRAIN, pretraining),
        ("predict", ("predict", run, "x.fa", "-o", "x.tsv"), prepare),
        ("export", ("export", run, "--to", "model", *TASKS), prepare, (0, 2)),
        ("leaderboard", ("leaderboard", "--runs", "--format", "html", "-o", "p.html", *TASKS,
                         *RESULTS), prepare),
        ("import", imported, prepare),
        ("submit", submitted, prepare),
        ("merge", ("results", "merge", "b.zip", "--results-dir", "other"), after(KMER, submitted)),
        ("build", ("results", "build", *RESULTS, *TASKS), after(KMER, imported)),
        ("audit", ("data", "audit", "tiny_cls", "--write-card", *TASKS), nothing),
        ("new", ("tasks", "new", "fresh", "--folder", "fresh_tasks"), nothing, (0, 2)),
        ("suite", ("suite", "suite=small", *TASKS), suite, (0,), of_suite),
        ("fetch", ("data", "fetch", TASK, *TASKS), served),
        ("convert", ("convert", "model_state.pdparams", "net", "--heads", "2"), checkpoint, (0, 2)),
        ("types", ("types", "train", "types", *typed, "--max-k", "2"), pretraining, (0, 2)),
        ("embed", ("embed", "x.fa", "-o", "x.npz", *EXACT), nothing),
        ("embed-parquet", ("embed", "x.fa", "-o", "x.parquet", "--pooling", "token", *EXACT),
         nothing),
        ("reproduce", ("results", "reproduce", run, "--runs-dir", "runs", *RESULTS, *TASKS),
         after(KMER, imported)),
        ("import-predictions", (*theirs, *TASKS, *RESULTS), predictions),
        ("evaluate", ("evaluate", run, "--test", "new.csv", "--task-path", "tasks"), other_data),
    ]  # fmt: skip
    return [Command(*each) for each in found]
