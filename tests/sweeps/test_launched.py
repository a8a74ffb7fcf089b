"""Workers of a launcher on one study."""

from __future__ import annotations

import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.results.store import read_record
from tests.sweeps.sweep_kit import settings
from tests.training_kit import installed


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


@pytest.mark.services
def test_workers_share_a_study_and_test_its_best_once(task, capsys):
    chosen = settings(task.runs, "launcher.n_processes=2")
    assert main(["sweep", *chosen, "--task-path", str(task.tasks)]) == 0
    told = capsys.readouterr()
    assert "2 workers on study" in told.err
    assert "4 complete" in told.out
    records = [read_record(path) for path in task.runs.glob("tiny_cls/*/record.json")]
    assert sorted(record["seed"] for record in records) == [1, 2]
    assert {record["selection"]["study_trials"] for record in records} == {4}
    logs = list((task.runs / "logs").glob("*.log"))
    assert len(logs) == 2


@pytest.mark.services
def test_workers_that_all_fail_are_one_error(task, capsys):
    chosen = [text for text in settings(task.runs) if not text.startswith("sweep.space")]
    wrong = "sweep.space=[{key: trainer.weight_decay, type: float, low: 0.0, high: 0.1}]"
    (task.data / "tiny" / "test.fasta").rename(task.data / "tiny" / "gone.fasta")
    arguments = ["sweep", *chosen, wrong, "launcher.n_processes=2", "--task-path", str(task.tasks)]
    assert main(arguments) == 2
    assert "test.fasta" in capsys.readouterr().err
