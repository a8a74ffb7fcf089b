"""The folder of a run: one process at a time, and sound whatever happens while it is written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import as_bench_error

RECORD = "record.json"
"""Stands in the folder of a finished run only; it is written last."""
CHECKPOINTS = "checkpoints"
MODEL = "model"
UNFINISHED = ".unfinished"
"""Stands in the folder of a run from its start until its tracker has been closed; it says which."""

State = Literal["new", "unfinished", "finished"]


@contextmanager
def run_folder(folder: Path, *, repeat: bool) -> Iterator[State]:
    """Hold the folder of a run for this process and say what is in it.

    With `repeat`, a finished run is set aside and comes back unless the block finishes another. A
    folder that a failure leaves is kept if it holds a checkpoint to continue from or a trained
    model, and removed if not. Failed writes of the block, whichever library they come from, become
    a BenchError.

    Args:
        folder: `runs_dir/<task>/<run_id>`.
        repeat: whether to start afresh where a finished run stands.

    Yields:
        `finished` only without `repeat`; `unfinished` if there is something to continue with.

    Raises:
        ResultError: if another process holds the folder.
        BenchError: if the folder cannot be written.
    """
    former = folder.with_name(f".{folder.name}")
    lock = locked(folder, folder.parents[1] / ".locks", remedy="choose another runs_dir")
    try:
        _settle(folder, former)
        if repeat and (folder / RECORD).exists():
            folder.rename(former)
        finished = (folder / RECORD).exists()
        yield "finished" if finished else "unfinished" if folder.exists() else "new"
        shutil.rmtree(former, ignore_errors=True)
    except BaseException as error:
        trained = (folder / MODEL).exists()
        resumable = trained or any((folder / CHECKPOINTS).rglob("checkpoint-*"))
        if former.exists() or not (resumable or (folder / RECORD).exists()):
            shutil.rmtree(folder, ignore_errors=True)
        _settle(folder, former)
        known = as_bench_error(error, folder) if isinstance(error, Exception) else None
        if known is None:
            raise
        raise known from error
    finally:
        lock.release()


def _settle(folder: Path, former: Path) -> None:
    """End a repetition that did not get to its end: the run that was set aside comes back."""
    if former.exists():
        if (folder / RECORD).exists():
            shutil.rmtree(former, ignore_errors=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            former.rename(folder)


def locked(folder: Path, locks: Path, *, remedy: str) -> FileLock:
    """Return a lock that holds `folder` for this process; it has to be released.

    Args:
        folder: what is held.
        locks: where the lock's file lies, and stays: another process may be about to take it.
        remedy: what to do instead of waiting.

    Raises:
        ResultError: if another process holds the folder.
        BenchError: if `locks` cannot be written.
    """
    try:
        locks.mkdir(parents=True, exist_ok=True)
        lock = FileLock(locks / f"{folder.name}.lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ResultError(
            "another process is at work there",
            where=folder,
            remedy=f"wait for it to end, or {remedy}",
        ) from error
    except OSError as error:
        raise as_bench_error(error, locks) or error from error
    return lock
