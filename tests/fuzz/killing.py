"""Kills a command at its N-th file event, repeats it, and compares with one that nobody disturbed.

A command runs in a fork of this process, where all libraries are imported already. What Python
tells audit hooks of files is counted: opening for writing, renaming, making, removing, connecting
to SQLite. At the N-th the process kills itself, as the kernel or a power cut would.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LIMIT_S = 240
"""A command that takes longer hangs."""

_EVENTS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "sqlite3.connect")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PASSING = ("created", "cost", "environment", "git_commit")
"""What a record says of the moment when it was made."""
_PASSING_METRICS = ("_s", "_per_second", "runtime")


@dataclass(frozen=True)
class Command:
    """A command line that writes, in a folder of its own."""

    name: str
    arguments: tuple[str, ...]
    prepare: Callable[[Path], None]
    """Makes what it needs in an empty folder."""
    ends: tuple[int, ...] = (0,)
    """How a repetition may end; where it refuses to do what is done, what is there has to be
    whole all the same."""
    inside: Callable[[Path], None] = lambda folder: None
    """What is done in the process first, as for settings that no argument names."""


@dataclass(frozen=True)
class Kill:
    """One kill, and what it did."""

    command: str
    event: int
    faults: tuple[str, ...]


def kills(
    commands: list[Command], count: int, seed: int, folder: Path, tell: Callable[[str], None]
) -> Iterator[Kill]:
    """Yield `count` kills, spread over the commands and over the events of each.

    Those of a command depend on the seed and on their number alone, so that parts of the commands
    can be tried by themselves.
    """
    share = [count // len(commands) + (i < count % len(commands)) for i in range(len(commands))]
    for command, number in zip(commands, share, strict=True):
        if not number:
            continue
        template, here = folder / command.name / "template", folder / command.name / "here"
        here.mkdir(parents=True)  # always the same place: stores hold absolute paths
        command.prepare(here)
        _copy(here, template)
        status, events = call(command, here)
        if status != 0:
            said = (here / ".said").read_text()[-300:]
            yield Kill(command.name, 0, (f"undisturbed, it ends with {status}: {said}",))
            continue
        expected = state(here)
        tell(f"{command.name}: {events} events, {number} kills")
        places = list(range(1, events + 1)) * -(-number // events)  # again, where there are few
        rng = random.Random(f"{seed} {command.name}")
        for event in sorted(rng.sample(places, number)):
            _copy(template, here)
            yield Kill(command.name, event, tuple(_disturbed(command, here, event, expected)))
        shutil.rmtree(folder / command.name)


def _disturbed(command: Command, folder: Path, event: int, expected: Any) -> Iterator[str]:
    status, _ = call(command, folder, kill_at=event)
    if status not in (-signal.SIGKILL, 0):  # a run may have fewer events than the first
        yield f"killed, it ends with {status}"
    status, _ = call(command, folder)
    if status not in command.ends:
        yield f"repeated, it ends with {status}: {(folder / '.said').read_text()[-300:]}"
    found = state(folder)
    for name in sorted(expected.keys() | found.keys()):
        if not _alike(expected.get(name), found.get(name)):
            yield f"{name} is {_short(found.get(name))}, not {_short(expected.get(name))}"


def call(command: Command, folder: Path, *, kill_at: int = 0) -> tuple[int, int]:
    """Run a command in a fork, and return its status and how many file events it had."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _become(command, folder, kill_at, writer)
    os.close(writer)
    status = _wait(child)
    with os.fdopen(reader, "rb") as told:
        count = told.read()
    return status, int(count or b"0")


def _wait(child: int) -> int:
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 124


def _become(command: Command, folder: Path, kill_at: int, writer: int) -> None:
    """Be the command; this does not return."""
    status = 1
    try:
        os.chdir(folder)
        os.environ["RNAERNIE_BENCH_DATA"] = str(folder / "data")
        os.environ["RNAERNIE_BENCH_CACHE"] = str(folder / "cache")
        said = os.open(folder / ".said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        count, inside = 0, str(folder)

        def watch(name: str, values: tuple[Any, ...]) -> None:
            nonlocal count
            if name == "open":
                writes = isinstance(values[2], int) and values[2] & _WRITES
                if not writes:
                    return
            elif name not in _EVENTS:
                return
            path = values[0]
            path = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
            if not path.startswith(inside) and Path(path).is_absolute():
                return
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

        command.inside(folder)
        sys.addaudithook(watch)
        from rnaernie_bench.cli.main import main

        status = main(list(command.arguments))
        sys.stdout.flush()
        os.write(writer, str(count).encode())
    except SystemExit as error:
        status = int(error.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def state(folder: Path) -> dict[str, Any]:
    """Return what a folder holds, as far as two commands on equal input should agree on it."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        parts = name.split("/")
        kept = parts[:2] == ["cache", "data"]  # what is fetched
        if parts[0] in ("cache", "data", "configs", ".said") and not kept:
            continue
        if ".locks" in parts or path.is_dir():
            continue
        if "mlflow-artifacts" in parts or path.name.endswith((".lock", ".db-journal")):
            continue
        found[name] = _content(path)
    return found


def _content(path: Path) -> Any:
    if path.name == "mlflow.db":
        return _mlflow(path)
    if path.name == "studies.db":
        return _studies(path)
    if path.suffix == ".json":
        return _plain(json.loads(path.read_text()))
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays}
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        return dict(load_file(path))
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_table(path).to_pydict()
    if path.suffix in (".zip", ".png", ".md", ".html", ".jsonl"):
        return "there"  # dates and times stand in it, or figures that are compared elsewhere
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _plain(value: Any) -> Any:
    """Return a document without what passes, and without the digests of files with such in them."""
    if isinstance(value, dict):
        passing = (*_PASSING, "sha256", "files", "encoder_sha256")
        kept = {k: v for k, v in value.items() if k not in passing and not k.endswith("_s")}
        return {key: _plain(inner) for key, inner in kept.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _mlflow(path: Path) -> Any:
    """Return the runs of a store: name, status, settings, figures and kinds of files."""
    with sqlite3.connect(path) as base:
        runs = base.execute("select run_uuid, name, status, artifact_uri from runs").fetchall()
        found = []
        for run, name, status, artifacts in runs:
            params = base.execute("select key, value from params where run_uuid = ?", [run])
            metrics = base.execute(
                "select key, value from latest_metrics where run_uuid = ?", [run]
            )
            timeless = {
                k: v for k, v in metrics if not k.endswith(("_s", "_per_second", "runtime"))
            }
            kept = Path(artifacts.removeprefix("file://"))
            files = sorted({each.name for each in kept.rglob("*")})
            shown = {k: v for k, v in params if "dir" not in k}
            found.append([name, status, shown, timeless, [f for f in files if f[0] != "."]])
    return sorted(found, key=lambda each: json.dumps(each, default=str))


def _studies(path: Path) -> Any:
    """Return the settings and values of the trials that ended well, and how many still run."""
    with sqlite3.connect(path) as base:
        rows = base.execute("select trial_id, state from trials").fetchall()
        trials = []
        for trial, how in rows:
            if how not in ("COMPLETE", "PRUNED"):
                continue
            params = base.execute(
                "select param_name, param_value from trial_params where trial_id = ?", [trial]
            ).fetchall()
            values = base.execute(
                "select value from trial_values where trial_id = ?", [trial]
            ).fetchall()
            trials.append([how, sorted(params), values])
        going = sum(how == "RUNNING" for _, how in rows)
    return [sorted(trials, key=lambda each: json.dumps(each)), going]


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.dtype.kind != "f":  # names
            return bool(one.dtype == other.dtype and np.array_equal(one, other))
        # Sums may differ by rounding, which Adam turns into a hundredth of a step.
        return one.shape == other.shape and np.allclose(one, other, rtol=1e-3, atol=2e-4)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return bool(np.isclose(one, other, rtol=1e-3, atol=2e-4, equal_nan=True))
    return bool(one == other)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 200 else f"{text[:200]}..."


def _copy(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target
