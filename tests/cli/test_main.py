from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from rnaernie_bench import __version__
from rnaernie_bench.cli import tasks as tasks_command
from rnaernie_bench.cli.main import COMMANDS, main
from rnaernie_bench.cli.run import heading
from rnaernie_bench.config.compose import compose
from rnaernie_bench.config.options import RunConfig
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.runs import runner
from rnaernie_bench.task import catalogue
from rnaernie_bench.task.catalogue import BACKBONES, STRATEGIES

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Give `call(*arguments) -> (status, stdout, stderr)`, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(arguments)
        except SystemExit as stop:
            status = int(stop.code or 0)
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Give `failing(error)`: the command `tasks list` raises it from then on."""

    def replace(error: BaseException) -> None:
        def execute(arguments: object) -> int:
            raise error

        monkeypatch.setattr(tasks_command, "execute", execute)

    return replace


# Help, names and arguments.


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help(call: Call, command: str) -> None:
    status, out, err = call(command, "--help")
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: rnaernie-bench {command} ")
    assert "--debug" in out


def test_help_names_every_command(call: Call) -> None:
    status, out, _ = call("--help")
    assert status == 0
    commands = out.partition("positional arguments:")[2].partition("options:")[0]
    assert set(COMMANDS) <= {line.split()[0] for line in commands.splitlines() if line.strip()}
    assert "--debug" in out
    assert call("--version") == (0, f"rnaernie-bench {__version__}\n", "")


def test_no_command_shows_the_help(call: Call) -> None:
    status, out, err = call()
    assert (status, out) == (2, "")
    assert err.startswith("usage: ")
    assert "rnaernie-bench run task=ncrna_cls" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("runn", "there is no command 'runn', did you mean run?; see rnaernie-bench --help"),
        ("zzz", f"there is no command 'zzz', choose one of {', '.join(sorted(COMMANDS))}; see rn"),
        ("--verbose", "the following arguments are required: COMMAND; see rnaernie-bench --help"),
        ("run --seed=1", "'--seed=1' is not understood; see rnaernie-bench run --help"),
        ("run --seed 1", "'--seed' is not understood; see rnaernie-bench run --help"),
        ("tasks list a=b", "'a=b' is not understood; see rnaernie-bench tasks --help"),
        ("tasks", "the following arguments are required: ACTION; see rnaernie-bench tasks --help"),
        (
            "tasks show",
            "the following arguments are required: TASK; see rnaernie-bench tasks show --help",
        ),
    ],
)
def test_arguments_that_cannot_be_parsed_are_one_line(
    call: Call, arguments: str, expected: str
) -> None:
    status, out, err = call(*arguments.split())
    assert (status, out) == (2, "")
    assert err.startswith(f"rnaernie-bench: {expected}")
    assert err.endswith("--help\n")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            "run",
            "task: no task is chosen; add task=NAME, one of degradation, glms_activity, ",
        ),
        (
            "run task=ncrn_cls",
            "task: there is no task 'ncrn_cls'; did you mean ncrna_cls or ncrna_family or lncrna?",
        ),
        ("run task=ncrna_cls seeed=1", "seeed: unknown key 'seeed'; did you mean seed?"),
        (
            "run task=ncrna_cls trainer.max_epochs=banana",
            "trainer.max_epochs: 'banana' is not a whole number; correct the value",
        ),
        (
            "run task=ncrna_cls backbone=kmerr",
            "backbone: there is no backbone 'kmerr'; did you mean kmer or ",
        ),
        ("run ncrna_cls", "'ncrna_cls' is not a setting; settings are written key=value"),
        (
            "run task=ncrna_cls --task-path missing",
            "missing: this folder has no task; name one that contains T/task.yaml",
        ),
        (
            "tasks show ncrna",
            "task: no task is called 'ncrna'; did you mean lncrna or ncrna_cls or ",
        ),
        ("backbones show kmr", "backbone: no backbone is called 'kmr'; did you mean kmer or "),
        ("strategies show ful", "strategy: no strategy is called 'ful'; did you mean full?"),
        ("suite suite=nothing", "suite: there is no suite 'nothing'; "),
    ],
)
def test_misspelt_names_are_one_line(call: Call, arguments: str, expected: str) -> None:
    status, out, err = call(*arguments.split())
    assert (status, out) == (2, "")
    assert err.startswith(f"rnaernie-bench: {expected}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        "run task=ncrna_cls seed=3 --repeat",
        "run --repeat task=ncrna_cls seed=3",
        "run task=ncrna_cls --repeat seed=3",
        "run task=ncrna_cls seed=3 --repeat --debug",
        "--debug run task=ncrna_cls --repeat seed=3",
    ],
)
def test_settings_may_stand_around_options(
    call: Call, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    seen: list[tuple[int, bool]] = []

    def execute(config: RunConfig, *, repeat: bool, **_: Any) -> None:
        seen.append((config.seed, repeat))
        raise ConfigError("enough")

    monkeypatch.setattr(runner, "execute", execute)
    status, _, said = call(*arguments.split())
    assert (status, "Traceback" in said) == (2, "--debug" in arguments)
    assert seen == [(3, True)]


def test_the_first_lines_say_what_runs() -> None:
    real = ["task=ncrna_cls", "preset=bench"]
    assert (
        heading(compose(real))
        == "ncrna_cls, split families, fold 1: rnaernie-tiny, strategy full, seed 0"
    )
    assert heading(compose([*real, "backbone=rnaernie-mini"])) == (
        "ncrna_cls, split families, fold 1: rnaernie-mini (random weights), strategy full, seed 0"
    )
    assert (
        heading(compose([*real, "backbone=kmer"]))
        == "ncrna_cls, split families, fold 1: kmer, seed 0"
    )
    demo = heading(compose(["task=ncrna_cls", "seed=1"])).splitlines()
    assert demo[0].startswith("DEMO on simulated data: the scores say nothing about real RNA.")
    assert demo[0].endswith("rnaernie-bench run task=ncrna_cls preset=bench")
    assert demo[1].endswith("seed 1")


# Exit statuses.


@pytest.mark.parametrize("flags", [["--debug"], []])
def test_a_known_failure(
    call: Call, failing: Callable[[BaseException], None], flags: list[str]
) -> None:
    failing(ConfigError("is wrong", where="file:3", remedy="mend it"))
    status, out, said = call("tasks", "list", *flags)
    expected = "rnaernie-bench: file:3: is wrong; mend it\n"
    assert (status, out) == (2, "")
    assert said.endswith(expected) if flags else said == expected
    assert said.startswith("Traceback") == bool(flags)


def test_an_unexpected_failure(call: Call, failing: Callable[[BaseException], None]) -> None:
    failing(ValueError("two\nlines"))
    expected = "rnaernie-bench: unexpected ValueError: two lines; --debug shows where\n"
    assert call("tasks", "list") == (1, "", expected)
    assert "ValueError: two\nlines\n" in call("--debug", "tasks", "list")[2]


def test_no_failure_shows_a_password(call: Call, failing: Callable[[BaseException], None]) -> None:
    failing(ValueError("cannot reach postgresql://me:s3/cr@et@host/db?password=hid&x=1"))
    for flags in ([], ["--debug"]):
        said = call("tasks", "list", *flags)[2]
        assert "s3" not in said and "et@" not in said and "hid" not in said
        assert "postgresql://host/db?password=***&x=1" in said


def test_an_interrupt(
    call: Call, failing: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(KeyboardInterrupt())
    assert call("tasks", "list") == (2, "", "rnaernie-bench: interrupted\n")

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "execute", interrupt)
    status, _, err = call("run", "task=ncrna_cls")
    expected = "interrupted; repeat the command to continue from its checkpoint, if there is one"
    assert (status, err) == (2, f"rnaernie-bench: {expected}\n")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "no space is left"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "permission is denied"),
    ],
)
def test_a_folder_that_cannot_be_written_to(
    call: Call, failing: Callable[[BaseException], None], number: int, reason: str
) -> None:
    failing(OSError(number, os.strerror(number), "runs/x.json"))
    status, out, err = call("tasks", "list")
    assert (status, out) == (2, "")
    assert err.startswith(f"rnaernie-bench: runs/x.json: cannot be written: {reason}; ")
    assert err.count("\n") == 1


def test_an_operating_system_error_without_remedy(
    call: Call, failing: Callable[[BaseException], None]
) -> None:
    failing(OSError(errno.EIO, "Input/output error"))
    status, _, err = call("tasks", "list")
    assert (status, err) == (1, "rnaernie-bench: OSError: [Errno 5] Input/output error\n")


def test_a_file_in_the_way_of_a_run(call: Call, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("no folder")
    status, _, err = call("run", "task=ncrna_cls", "backbone=majority", "tracking=none")
    assert status == 2
    assert "a file is where a folder is needed" in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


# Lists.


def test_tasks(call: Call) -> None:
    status, out, _ = call("tasks", "list")
    assert status == 0
    found = [line.split()[:3] for line in out.splitlines()]
    assert len(found) >= 7
    assert ["ncrna_cls@1", "sequence", "multiclass"] in found
    status, out, _ = call("tasks", "show", "ncrna_cls")
    assert status == 0
    assert out.startswith("# ncrna_cls")


def test_tasks_of_a_further_folder(call: Call, tmp_path: Path) -> None:
    from rnaernie_bench.task.task import load_task

    source = load_task("ncrna_cls").folder / "task.yaml"
    folder = tmp_path / "mine" / "other"
    folder.mkdir(parents=True)
    text = source.read_text().replace("name: ncrna_cls", "name: other", 1)
    (folder / "task.yaml").write_text(text)
    out = call("tasks", "list", "--task-path", "mine")[1]
    found = [line.split()[0] for line in out.splitlines()]
    assert found == sorted(found)
    assert {"lncrna@2", "other@1"} <= {*found}
    out = call("tasks", "show", "--task-path", "mine", "other")[1]
    assert out == "Non-coding RNA classification (nRC, 13 classes)\n"


def test_backbones_and_strategies(call: Call) -> None:
    out = call("backbones", "list")[1]
    rows = [line.split() for line in out.splitlines() if line.strip()]
    kinds = {row[0]: row[1] for row in rows if row[0] in BACKBONES}
    assert kinds == {name: BACKBONES.get(name).kind for name in BACKBONES}
    assert kinds["rnaernie"] == "encoder"
    assert kinds["kmer"] == "baseline"
    out = call("strategies", "list")[1]
    assert [line.split()[0] for line in out.splitlines()] == list(STRATEGIES)
    for group, name, option in (
        ("backbones", "kmer", "max_k: 5 "),
        ("strategies", "full", "learning_rate: 0.0001 "),
    ):
        status, out, _ = call(group, "show", name)
        assert status == 0
        assert any(line.startswith(option) for line in out.splitlines())


@pytest.mark.parametrize(
    ("command", "registry"), [("backbones", "BACKBONES"), ("strategies", "STRATEGIES")]
)
def test_a_broken_plugin_does_not_hide_the_others(
    call: Call, monkeypatch: pytest.MonkeyPatch, command: str, registry: str
) -> None:
    entry = EntryPoint("broken", "no_such_module:ENTRY", "group")
    monkeypatch.setattr(getattr(catalogue, registry), "_plugins", {"broken": entry})
    status, out, _ = call(command, "list")
    assert status == 0
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "cannot be loaded: ModuleNotFoundError" in lines["broken"]
    assert len(lines) > 2


def test_termination_interrupts(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a scheduler's does; a second one does not disturb the tidying up."""

    def execute(arguments: object) -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
        return 0

    monkeypatch.setattr(tasks_command, "execute", execute)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert call("tasks", "list") == (2, "", "rnaernie-bench: interrupted\n")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
