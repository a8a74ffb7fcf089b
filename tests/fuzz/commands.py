"""Command lines that write, each with the little that it needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from rnaernie_bench.data.audit import BEGIN, END
from tests.fuzz.killing import Command, call
from tests.pretraining.pretraining_kit import TINY_NET as PRETRAINED
from tests.pretraining.pretraining_kit import records as corpus
from tests.training_kit import QUICK, TASK, TINY_NET, TinyTask

TASKS = ("--task-path", "tasks")
RESULTS = ("--results-dir", "results")
KMER = ("run", *TASKS, *QUICK, "backbone=kmer", "backbone.max_k=1", "runs_dir=runs")
TRACKED = (*KMER, "tracking=mlflow")
FULL = ("run", *TASKS, *QUICK, *TINY_NET, "strategy=full", "runs_dir=runs")
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
    ]  # fmt: skip
    return [Command(*each) for each in found]
