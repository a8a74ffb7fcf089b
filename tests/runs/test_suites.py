from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from rnaernie_bench.cli.main import main
from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core import paths
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.core.time_limit import stop_for_time, time_limit
from rnaernie_bench.runs import runner, suites
from rnaernie_bench.runs.suites import Suite, load_suite, run_suite

SUITE = {
    "name": "small",
    "summary": "two baselines, two seeds",
    "common": ["task=ncrna_cls", "tracking=none"],
    "grids": [{"backbone": ["majority", "kmer"], "seed": [0, 1]}],
}

Write = Callable[[Any], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Give `write(text or mapping) -> path` of the suite `small`, beside the shipped settings."""
    configs = tmp_path / "configs"
    configs.mkdir()
    for group in paths.configs_folder().iterdir():
        if group.name != "suite":
            (configs / group.name).symlink_to(group)
    path = configs / "suite" / "small.yaml"
    path.parent.mkdir()
    monkeypatch.setattr(paths, "configs_folder", lambda: configs)

    def make(content: Any) -> Path:
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        path.write_text(text, encoding="utf-8")
        return path

    return make


@pytest.fixture
def executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """Stand in for the runner: seed 1 fails, seed 2 is finished before; give what was run."""
    done: list[RunConfig] = []

    def execute(config: RunConfig, **_: Any) -> Any:
        done.append(config)
        if config.seed == 1:
            raise DataError("no data", where="train.fasta")
        run_id = f"{config.backbone.name}-{config.seed}"
        return SimpleNamespace(
            record={"run_id": run_id}, folder=tmp_path / run_id, repeated=config.seed == 2
        )

    monkeypatch.setattr(runner, "execute", execute)
    return done


def test_overrides_are_the_product_of_each_grid() -> None:
    suite = Suite(
        "s", "", ("task=t",), ({"a": (1, 2), "b": ("x",)}, {"c": (None, True, [0.1], "p,q")})
    )
    assert suite.overrides() == [
        ("task=t", "a=1", "b=x"),
        ("task=t", "a=2", "b=x"),
        ("task=t", "c=null"),
        ("task=t", "c=True"),
        ("task=t", "c=[0.1]"),
        ("task=t", "c=p"),
        ("task=t", "c=q"),
    ]


def test_extra_settings_come_last_and_expand() -> None:
    suite = Suite("s", "", ("task=t", "seed=0"), ({"a": (1,)},))
    assert suite.overrides(["seed=4,5"]) == [
        ("task=t", "seed=0", "a=1", "seed=4"),
        ("task=t", "seed=0", "a=1", "seed=5"),
    ]


def test_runs_come_in_the_order_of_tiers() -> None:
    suite = Suite("s", "", ("task=t",), ({"tier": (2,), "a": (1, 2)}, {"a": (3,)}))
    assert suite.overrides() == [("task=t", "a=3"), ("task=t", "a=1"), ("task=t", "a=2")]


def test_a_suite_of_suites_has_their_runs_by_tier_and_those_it_wants(write: Write) -> None:
    others = write(SUITE).parent
    first = {"name": "one", "summary": "", "common": ["task=t"]}
    grids = [{"tier": [2], "seed": [0, 1]}, {"backbone": ["kmer"]}]
    (others / "one.yaml").write_text(yaml.safe_dump(first | {"grids": grids}))
    every = {"name": "every", "summary": "", "common": ["split=s"], "suites": ["small", "one"]}
    (others / "every.yaml").write_text(yaml.safe_dump(every))
    runs = load_suite("every").overrides()
    assert len(runs) == 7
    assert runs[4:] == [
        ("split=s", "task=t", "backbone=kmer"),
        ("split=s", "task=t", "seed=0"),
        ("split=s", "task=t", "seed=1"),
    ]
    quick = {
        "name": "quick",
        "summary": "",
        "suites": ["every"],
        "only": {"tier": [1], "seed": [1]},
    }
    (others / "quick.yaml").write_text(yaml.safe_dump(quick))
    assert [run[-1] for run in load_suite("quick").overrides()] == ["seed=1"] * 2 + [
        "backbone=kmer"
    ]
    (others / "one.yaml").write_text(yaml.safe_dump(first | {"suites": ["every"]}))
    with pytest.raises(ConfigError, match="the suite 'every' holds itself"):
        load_suite("every").overrides()


def test_a_file_becomes_runs_and_extra_settings_win(
    write: Write, executed: list[RunConfig]
) -> None:
    write(SUITE)
    runs = load_suite("small").overrides(["seed=7", "backbone.max_k=2"])
    assert len(runs) == 4
    with pytest.raises(ConfigError, match=r"unknown key 'backbone.max_k'"):  # majority has none
        run_suite(runs)
    assert executed == []
    run_suite([run for run in runs if "backbone=kmer" in run])
    assert [(c.seed, c.backbone.max_k) for c in executed] == [(7, 2), (7, 2)]


def test_an_unknown_suite(write: Write) -> None:
    write(SUITE)
    with pytest.raises(ConfigError, match=r"suite: there is no suite 'smal'; did you mean small?"):
        load_suite("smal")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("name: [", "the suite cannot be read: "),
        ("- a", "a suite is a mapping of keys"),
        ("", "a suite is a mapping of keys"),
        ({**SUITE, "grid": []}, "grid: unknown key 'grid'; did you mean grids?"),
        ({**SUITE, "grids": [{"seed": 1}]}, "grids[0].seed: '1' is not a list"),
        ({**SUITE, "grids": {"seed": [1]}}, "grids: "),
        ({"summary": "", "grids": []}, "the key 'name' is missing"),
    ],
)
def test_a_wrong_file_names_itself(write: Write, content: Any, expected: str) -> None:
    path = write(content)
    with pytest.raises(ConfigError) as caught:
        load_suite("small")
    assert str(caught.value).startswith(f"{path}: {expected}")


def test_a_bad_setting_is_found_before_anything_runs(executed: list[RunConfig]) -> None:
    with pytest.raises(ConfigError, match="seed: 'banana' is not a whole number"):
        run_suite([("task=ncrna_cls",), ("task=ncrna_cls", "seed=banana")])
    assert executed == []


def test_a_failing_run_does_not_stop_the_others(executed: list[RunConfig]) -> None:
    said: list[str] = []
    runs = [("task=ncrna_cls", "backbone=kmer", f"seed={seed}") for seed in range(3)]
    lines = run_suite(runs, notify=said.append)
    assert [(line.run_id, line.outcome, line.failed) for line in lines] == [
        ("kmer-0", "finished", False),
        (None, "train.fasta: no data", True),
        ("kmer-2", "skipped", False),
    ]
    assert [line.overrides for line in lines] == runs
    assert said[0] == "[1/3] task=ncrna_cls backbone=kmer seed=0"
    assert "failed: train.fasta: no data" in said


def test_the_time_ends_between_runs_and_inside_one(
    executed: list[RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([30.0, 30.0, 0.5, 0.5, 0.1])  # asked for before each run, for it, and at its end

    def interrupt(config: RunConfig, **options: Any) -> Any:
        if config.seed == 3:
            with time_limit(0.5):
                stop_for_time()
        return execute(config, **options)

    execute = runner.execute
    monkeypatch.setattr(runner, "execute", interrupt)
    clock = property(lambda self: next(left, -1.0))
    monkeypatch.setattr(suites._Clock, "minutes_left", clock)
    runs = [("task=ncrna_cls", "backbone=kmer", f"seed={seed}") for seed in (0, 3, 4)]
    lines = run_suite(runs, minutes=30)
    assert [(line.failed, line.left) for line in lines] == [(False, False), *[(False, True)] * 2]
    assert [line.outcome.partition(":")[0] for line in lines] == [
        "finished",
        "trainer.max_train_minutes",
        "not started",
    ]
    assert [config.trainer.max_train_minutes for config in executed] == [30.0]


def test_what_stands_in_results_is_passed_over(
    executed: list[RunConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "_recorded", lambda config, *_: "abc" if not config.seed else None)
    runs = [("task=ncrna_cls", "backbone=kmer", f"seed={seed}") for seed in (0, 2)]
    assert [line.outcome for line in run_suite(runs)] == ["in results", "skipped"]
    assert [line.outcome for line in run_suite(runs, again=True)] == ["finished", "skipped"]


def test_an_unexpected_failure_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of memory:\n  see above")

    monkeypatch.setattr(runner, "execute", fail)
    said: list[str] = []
    lines = run_suite([("task=ncrna_cls",), ("task=ncrna_cls", "seed=1")], notify=said.append)
    reason = "unexpected RuntimeError: out of memory: see above"
    assert [(line.outcome, line.failed) for line in lines] == [(reason, True)] * 2
    assert said.count(f"failed: {reason}") == 2


def test_an_interrupt_stops_the_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "execute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        suites.run_suite([("task=ncrna_cls",)])


def test_the_command_closes_with_a_table(
    write: Write, executed: list[RunConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    write(SUITE)
    assert main(["suite", "suite=small"]) == 2
    out, err = capsys.readouterr()
    common = "task=ncrna_cls tracking=none"
    assert out.splitlines() == [
        f"majority-0    finished  {common} backbone=majority seed=0",
        f"-             train.fasta: no data  {common} backbone=majority seed=1",
        f"kmer-0        finished  {common} backbone=kmer seed=0",
        f"-             train.fasta: no data  {common} backbone=kmer seed=1",
    ]
    assert err.splitlines()[-1] == "2 of 4 runs failed; repeat the command to try them again"
    assert main(["suite", "suite=small", "seed=2"]) == 0
    assert "skipped" in capsys.readouterr().out


def test_a_suite_is_needed(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(SUITE)
    assert main(["suite"]) == 2
    expected = "rnaernie-bench: suite: one suite is needed; add suite=NAME; there are: small\n"
    assert capsys.readouterr().err == expected
    assert main(["run", "task=ncrna_cls", "suite=small"]) == 2
    assert "`rnaernie-bench suite` carries suites out" in capsys.readouterr().err
