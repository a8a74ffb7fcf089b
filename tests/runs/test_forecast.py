"""How long runs will take: the arithmetic, by hand, and a suite of tiny runs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rnaernie_bench.config.options import TrainerOptions
from rnaernie_bench.core.time_limit import duration
from rnaernie_bench.data.items import Dataset, SequenceItem, evenly
from rnaernie_bench.runs import forecast as module
from rnaernie_bench.runs.forecast import Rates, forecast, seconds_of
from tests.cli.test_output import check
from tests.training_kit import TINY_NET, installed


def items(*lengths: int) -> tuple[SequenceItem, ...]:
    return tuple(SequenceItem(f"i{n}", "A" * n, 0) for n in lengths)


def plan_of(**trainer: Any) -> Any:
    """Return what is read of a plan: 4 items to train on, 3 epochs, 1 + 3 to score, 6 sequences."""
    options = {
        "max_epochs": 3,
        "token_budget": 5,
        "evaluate_every": 1000,
        "learning_rates": (),
        **trainer,
    }
    split = SimpleNamespace(
        train=items(1, 2, 3, 4),
        validation=items(5),
        tests={"full": items(4, 5, 6), "deduplicated": items(5, 6)},
    )
    return SimpleNamespace(
        config=SimpleNamespace(trainer=TrainerOptions(**options)),
        scheme=SimpleNamespace(split=split),
        used=Dataset("d", {"all": items(1, 2, 3, 4, 5, 6, 6)}),
    )


def test_a_run_takes_what_its_parts_take() -> None:
    rates = Rates(start=1.0, embedding=0.5, training=10.0, scoring=2.0)
    assert seconds_of(plan_of(), rates) == 1.0 + 6 * 0.5 + 4 * 3 * 10.0 + 4 * 2.0
    assert seconds_of(plan_of(), rates, shared=True) == 1.0 + 4 * 3 * 10.0 + 4 * 2.0
    once = Rates(start=1.0, embedding=0.5, training=10.0, scoring=2.0, by_steps=False)
    assert seconds_of(plan_of(), once) == 1.0 + 6 * 0.5 + 4 * 10.0 + 4 * 2.0


def test_a_long_run_is_told_beforehand_and_a_short_one_not(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan_of()
    rates = Rates(start=1.0, embedding=0.5, training=10.0, scoring=2.0)  # 132 s, as above
    monkeypatch.setattr(module, "trains_together", lambda config: True)
    monkeypatch.setattr(module, "_measured", lambda planned: rates)
    assert module.foretold(planned) is None  # 45 bases: to measure them is to run
    monkeypatch.setattr(module, "SAMPLE_BASES", 0)
    assert module.foretold(planned) == (
        "learns from 4 items, chooses on 1, is tested on 3: 2 min at least, estimated from samples"
    )
    monkeypatch.setattr(module, "_measured", lambda planned: Rates(1.0, 0.0, 0.0, 0.0))
    assert module.foretold(planned) is None


@pytest.mark.parametrize(
    ("trainer", "epochs"),
    [
        ({}, 11),  # as many evaluations without a better one as patience, after the first
        ({"patience": 4}, 5),
        ({"patience": 4, "evaluate_every": 1}, 2.5),  # ten bases are two steps
        ({"max_epochs": 3}, 3),
        ({"max_steps": 3}, 1.5),
        ({"learning_rates": None}, 17),  # two tries of two, one of four evaluations
        ({"learning_rates": (1e-3, 1e-2)}, 13),
    ],
)
def test_the_fewest_epochs(trainer: dict[str, Any], epochs: float) -> None:
    assert module.fewest_epochs(plan_of(**{"max_epochs": 1000, **trainer})) == epochs


def test_rates_are_what_two_sizes_differ_by() -> None:
    small = module._Timing(10, embedding=2.0, training=3.0, scored=5, scoring=1.0, sequences=20)
    big = module._Timing(30, embedding=6.0, training=5.0, scored=10, scoring=0.5, sequences=60)
    rates = module._rates(small, big)
    assert rates.training == pytest.approx(0.1)
    assert rates.start == pytest.approx(2.0)
    assert rates.embedding == pytest.approx(0.1)
    assert rates.scoring == 0.05  # it took less for more of them: all of it counts


def test_a_sample_has_all_lengths() -> None:
    assert [len(i.sequence) for i in evenly(items(9, 1, 5, 3, 7), 3)] == [1, 5, 9]
    assert len(evenly(items(1, 2), 3)) == 2


def test_durations() -> None:
    assert [duration(s) for s in (3.2, 200, 7200)] == ["3 s", "3 min", "2.0 h"]


def test_states_and_times_of_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with installed(tmp_path) as task:
        assert task.cli(settings=["backbone=majority"]) == 0
        before = sorted(tmp_path.rglob("*"))
        frozen = (*TINY_NET, "strategy=frozen", f"results_dir={tmp_path / 'results'}")
        runs = [
            ("backbone=majority",), frozen, (*frozen, "seed=1"), (*frozen, "seed=1", "fold=null"),
            ("backbone=kmer", "protocol=as_published"),
        ]  # fmt: skip
        said: list[str] = []
        cache = os.environ["RNAERNIE_BENCH_CACHE"]
        configs = [task.config(*run) for run in runs]
        finished, first, other, again, failed = forecast(configs, [task.tasks], notify=said.append)
        assert (finished.state, finished.seconds) == ("finished", 0.0)
        assert {run.state for run in (first, other, again)} == {"new"}
        assert first.seconds and other.seconds and again.seconds
        assert other.seconds > again.seconds  # its features are there by then
        assert (failed.run_id, failed.state, failed.seconds) == (None, "failed", None)
        assert "fills no batch" in failed.failure or "whole batches" in failed.failure
        assert len(said) == 1  # runs of a kind are measured once
        assert os.environ["RNAERNIE_BENCH_CACHE"] == cache
        assert sorted(tmp_path.rglob("*")) == before


def test_what_cannot_be_measured_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(module, "_miniature", fail)
    with installed(tmp_path) as task:
        [run] = forecast([task.config("backbone=majority")], [task.tasks])
    assert (run.state, run.seconds, run.failure) == ("new", None, "RuntimeError: out of memory")


def test_a_dry_run_shows_runs_and_the_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rnaernie_bench.cli import suite

    runs = [("task=ncrna_cls", f"seed={seed}", "launcher.n_processes=2") for seed in range(3)]
    found = [
        module.Forecast("a" * 12, "finished", recorded=True, done=True),
        module.Forecast("b" * 12, "new", seconds=100.0),
        module.Forecast(None, "failed", seconds=None, failure="no data"),
    ]
    monkeypatch.setattr(module, "forecast", lambda *_, **__: found)
    arguments = SimpleNamespace(task_path=[], again=False, json=False)
    assert suite._dry_run(runs, arguments) == 2
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split()[:4] == ["a" * 12, "finished,", "in", "results"]
    assert lines[1].split()[:4] == ["b" * 12, "new", "2", "min"]
    assert lines[2].split()[:3] == ["-", "failed", "?"]
    assert lines[3] == (
        "3 runs, 1 done; the others take 2 min at least, 50 s by 2 processes, "
        "estimated from samples"
    )
    assert err == "cannot be executed: no data\n"
    arguments.json = True
    assert suite._dry_run(runs, arguments) == 2
    told = json.loads(capsys.readouterr().out)
    check("suite", told)
    assert [run["seconds"] for run in told] == [0.0, 100.0, None]
    assert told[2]["overrides"][1] == "seed=2"
