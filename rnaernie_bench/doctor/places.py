"""Whether data, cache, runs, tracking store and embedded weights are where they should be."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from rnaernie_bench.core import paths
from rnaernie_bench.core.checks import Finding, of_error
from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.core.secrets import without_secrets
from rnaernie_bench.data.sources import verify
from rnaernie_bench.task.task import find_tasks, read_task

GIBIBYTE = 2**30

LITTLE_SPACE = 2 * GIBIBYTE
"""Free bytes below which a warning is given."""

EMBEDDED = "rnaernie-tiny"
"""The backbone whose weights come with the package."""


def data(task_folders: Iterable[Path] = (), *, full: bool = False) -> Iterator[Finding]:
    """Tell which data folders there are, and which files of each task are found.

    Args:
        task_folders: further folders of tasks.
        full: whether files are compared with their checksums, which reads all of them.
    """
    folders = paths.data_folders()
    if not folders:
        yield Finding("ok", "RNAERNIE_BENCH_DATA", "is not set: data files come from the cache")
    for folder in folders:
        if folder.is_dir():
            yield Finding("ok", "RNAERNIE_BENCH_DATA", f"{folder} is there")
        else:
            remedy = "correct the variable, or make the folder"
            yield Finding("problem", "RNAERNIE_BENCH_DATA", f"{folder} is no folder", remedy)
    for name, folder in find_tasks(task_folders).items():
        try:
            yield from _task_data(folder, full=full)
        except BenchError as error:
            yield of_error(error, f"task {name}")


def _task_data(folder: Path, *, full: bool) -> Iterator[Finding]:
    task = read_task(folder / "task.yaml")
    files = verify(task, checksums=full)
    missing = [part for part, path, _ in files if path is None]
    subject = f"data of {task.name}"
    for _, path, wrong in files:
        if path is not None and wrong is not None:
            yield Finding("problem", subject, wrong)
    if missing:
        yield Finding(
            "warning",
            subject,
            f"{len(missing)} of {len(files)} files are missing: {', '.join(missing)}",
            f"run `rnaernie-bench data fetch {task.name}`, or set RNAERNIE_BENCH_DATA to the"
            " folder they lie below; preset=demo needs none",
        )
    elif files:
        checked = "as declared" if full else "found; --full compares their checksums"
        sound = sum(wrong is None for _, _, wrong in files)
        yield Finding("ok", subject, f"{sound} of {len(files)} files are {checked}")
    for part, table in task.dataset.tables.items():
        if table.sha256:  # counted among the files
            continue
        yield Finding("ok", subject, f"{part} is read from {table.source}, without a checksum")


def cache() -> Iterator[Finding]:
    """Tell whether the cache can be written, how large it is, and what is free beside it."""
    folder = paths.cache_folder()
    chosen = os.environ.get("RNAERNIE_BENCH_CACHE")
    name = str(folder) if chosen else "the user cache of this platform"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    what = f"{name}, {size / GIBIBYTE:.2f} GiB"
    yield from _storage("cache", folder, what, "set RNAERNIE_BENCH_CACHE to another folder")


def storage(runs_dir: Path) -> Iterator[Finding]:
    """Tell whether runs can be written."""
    yield from _storage("runs", runs_dir, str(runs_dir), "choose another folder with runs_dir=DIR")


def tracking(runs_dir: Path, uri: str | None = None) -> Iterator[Finding]:
    """Tell whether the tracking store can be used: the server at `uri`, else the local database."""
    from rnaernie_bench.tracking.store import check_database, check_server

    if uri is not None:
        check_server(uri)
        yield Finding("ok", "tracking", f"the server {without_secrets(uri)} answers")
        return
    database = runs_dir / "mlflow.db"
    if database.exists():
        check_database(database)
        yield Finding("ok", "tracking", f"{database} can be written")
    else:
        yield Finding("ok", "tracking", f"{database} is made by the first run")


def weights() -> Iterator[Finding]:
    """Tell whether the embedded weights are whole, without reading them."""
    remedy = f"install the package anew, or use backbone={EMBEDDED} backbone.init=random"
    folder = paths.embedded_weights(EMBEDDED)
    if folder is None:
        yield Finding("problem", "embedded weights", f"those of {EMBEDDED} are missing", remedy)
        return
    for name in ("config.json", "vocab.txt", "tokenizer_config.json"):
        if not (folder / name).is_file():
            yield Finding("problem", "embedded weights", f"{name} is missing", remedy)
    wrong = damage(folder / "model.safetensors")
    if wrong:
        yield Finding("problem", "embedded weights", f"model.safetensors {wrong}", remedy)
    else:
        yield Finding("ok", "embedded weights", f"those of {EMBEDDED} are in place")


def damage(path: Path) -> str:
    """Return what is wrong with a safetensors file, by its header and its size; empty if nothing.

    The format: eight bytes with the length of a JSON header, little-endian, the header, and the
    tensors, whose offsets it tells (https://github.com/huggingface/safetensors, "Format").
    """
    try:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if length > path.stat().st_size - 8:  # such as the text that stands in for a large file
                return "is cut off, or no safetensors file"
            header = json.loads(stream.read(length))
        ends = [t["data_offsets"][1] for name, t in header.items() if name != "__metadata__"]
        size = 8 + length + max(ends)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except (ValueError, TypeError, KeyError, AttributeError):
        return "is no safetensors file"
    found = path.stat().st_size
    return "" if found == size else f"has {found} bytes, its header says {size}"


def _storage(subject: str, folder: Path, what: str, remedy: str) -> Iterator[Finding]:
    """Tell whether files can be made in `folder`, or where it would be made."""
    parent = folder.absolute()
    while not parent.exists():
        parent = parent.parent
    try:
        with tempfile.TemporaryFile(dir=parent):
            free = shutil.disk_usage(parent).free
    except OSError as error:
        reason = error.strerror or type(error).__name__
        yield Finding("problem", subject, f"{what}, cannot be written ({reason})", remedy)
        return
    room = f"{what}, can be written, {free / GIBIBYTE:.1f} GiB are free"
    if free < LITTLE_SPACE:
        yield Finding("warning", subject, room, f"free some space, or {remedy}")
    else:
        yield Finding("ok", subject, room)
