"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from rnaernie_bench.core.errors import BenchError, DataError

_REMEDIES = {
    errno.ENOSPC: ("no space is left", "free some or choose another folder"),
    errno.EDQUOT: ("the disk quota is used up", "free some space or choose another folder"),
    errno.EROFS: ("the file system is read-only", "choose a folder that can be written to"),
    errno.EACCES: ("permission is denied", "choose a folder that can be written to"),
    errno.EPERM: ("permission is denied", "choose a folder that can be written to"),
    errno.EEXIST: ("a file is where a folder is needed", "move it or choose another folder"),
    errno.ENOTDIR: ("a file is where a folder is needed", "move it or choose another folder"),
    errno.ENAMETOOLONG: ("a name is too long", "choose a shorter one"),
    errno.ELOOP: ("links lead in a circle", "choose another folder"),
    errno.EISDIR: ("a folder is where a file is needed", "move it or choose another name"),
}

_FULL = re.compile(
    r"No space left on device|os error 28|\d+ requested and \d+ written|file write failed"
    r"|unexpected pos \d+ vs|PytorchStreamWriter failed|database or disk is full"
)
"""How safetensors, NumPy, torch and SQLite word a full disk, without its error number."""

_OF_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Numbers that tell of the file written, whichever file a copy names."""

_waiting: ContextVar[list[tuple[Path, Path]] | None] = ContextVar("waiting", default=None)


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary sibling of `path` to write to; it becomes `path` when the block succeeds.

    Missing parent folders are made. The sibling keeps the end of the name, so that writers which
    read the suffix (`.gz`, `.npy`) behave; it is deleted when the block fails or is interrupted.

    Args:
        path: the file to make or to replace.

    Yields:
        The path to write to, in the same folder.

    Raises:
        BenchError: the folder is full, read-only or in the way of something else.
    """
    target = Path(path)
    device = target.exists() and not (target.is_file() or target.is_dir())
    device = device or target.parent == Path("/dev")  # /dev/stdout may be a file
    beside = Path(tempfile.gettempdir()) / target.name if device else target
    temporary, kept = _sibling(beside), False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(beside.parent)
        yield temporary
        _sync(temporary)
        if device:  # is written to, not replaced
            with temporary.open("rb") as made, target.open("wb") as out:
                shutil.copyfileobj(made, out)
        elif (waiting := _waiting.get()) is None:
            temporary.replace(target)
        else:
            waiting.append((temporary, target))
            kept = True
    except OSError as error:
        # The failing call may be about another file, such as one the block was reading.
        own = error.filename in (None, str(temporary)) or error.errno in _OF_WRITING
        where = target if own else error.filename
        known = as_bench_error(error, where)
        if known is None:
            raise
        raise known from error
    finally:
        if not kept:
            _discard(temporary)


@contextmanager
def together() -> Iterator[None]:
    """Let the files that `atomic_path` writes in the block appear at its end: all of them, or none.

    Raises:
        BenchError: they cannot be written.
    """
    waiting: list[tuple[Path, Path]] = []
    token = _waiting.set(waiting)
    try:
        yield
        for temporary, target in waiting:
            temporary.replace(target)
    except OSError as error:
        raise as_bench_error(error) or error from error
    finally:
        _waiting.reset(token)
        for temporary, _ in waiting:
            _discard(temporary)


@contextmanager
def atomic_folder(path: str | os.PathLike[str], *, replace: bool = False) -> Iterator[Path]:
    """Give an empty sibling of the folder `path`; it becomes `path` when the block succeeds.

    Missing parent folders are made. The sibling is deleted when the block fails or is interrupted.

    Args:
        path: the folder to make; an empty one is taken as missing.
        replace: whether a folder that holds files is replaced.

    Yields:
        The folder to write into.

    Raises:
        BenchError: the folder holds files and `replace` is not set, or it cannot be written,
            whichever library wrote.
    """
    target = Path(path).resolve()
    temporary = _sibling(target)
    former = temporary.with_name(f"{temporary.name}{_FORMER}")
    _sweep(target.parent)
    if not replace and target.is_dir() and any(target.iterdir()):
        raise BenchError(
            "it contains files already", where=path, remedy="choose another folder, or empty it"
        )
    try:
        temporary.mkdir(parents=True)
        yield temporary
        with ThreadPoolExecutor() as pool:  # of thousands of files a disk takes many at once
            list(pool.map(_sync, filter(Path.is_file, temporary.rglob("*"))))
        if target.is_dir():
            target.rename(former)
        temporary.rename(target)
    except Exception as error:
        known = as_bench_error(error, path)
        if known is None:
            raise
        raise known from error
    finally:
        if former.exists() and not target.exists():
            former.rename(target)
        for leftover in (temporary, former):
            shutil.rmtree(leftover, ignore_errors=True)


_LEFT = re.compile(r"\.(?P<host>[0-9a-f]{6})-(?P<process>\d+)-[0-9a-f]{8}-(?P<name>.+)")
"""The names of siblings."""
_FORMER = ".former"


@cache
def _host() -> str:
    import platform

    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _sibling(target: Path) -> Path:
    """Return a name beside `target` that is no other's, and tells which process it is of."""
    return target.with_name(f".{_host()}-{os.getpid()}-{secrets.token_hex(4)}-{target.name}")


@cache
def _sweep(folder: Path) -> None:
    """Delete what processes of this machine that are dead left in a folder, once a process.

    A folder that had been set aside for a new one that never came is put back.
    """
    with suppress(OSError):
        for left in folder.iterdir():
            found = _LEFT.fullmatch(left.name)
            if not found or found["host"] != _host() or _lives(int(found["process"])):
                continue
            target = left.with_name(found["name"].removesuffix(_FORMER))
            if left.name.endswith(_FORMER) and not target.exists():
                left.rename(target)
            elif left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                _discard(left)


def _lives(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))


def visible(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield what `folder.glob` finds, but for hidden names: what is not whole yet."""
    for path in folder.glob(pattern):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def as_bench_error(error: Exception, where: object = None) -> BenchError | None:
    """Return what a user can do about a failed write, or None if that is not what `error` is.

    Args:
        error: what the operating system said, or what torch, NumPy or safetensors made of it.
        where: the file to name; the one that `error` names if None.
    """
    if isinstance(error, BenchError):
        return None
    code = getattr(error, "errno", None)
    if code not in _REMEDIES and _FULL.search(str(error)):
        code = errno.ENOSPC
    if code not in _REMEDIES:
        return None
    what, remedy = _REMEDIES[code]
    place = where or getattr(error, "filename", None)
    return BenchError(f"cannot be written: {what}", where=place, remedy=remedy)


def unreadable(error: OSError, where: object) -> DataError:
    """Return what to say of a file that the operating system does not let us read.

    Args:
        error: what it said.
        where: the file, as messages call it.
    """
    return DataError(
        f"the file cannot be read: {error.strerror or error}",
        where=where,
        remedy="check the path and its permissions",
    )


def _sync(file: Path) -> None:
    """Have the content on disk: a crash after a rename could leave the new name without it."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _discard(temporary: Path) -> None:
    """Delete `temporary` if it is there; the error that led here matters more than this one."""
    try:
        temporary.unlink(missing_ok=True)
    except OSError:
        return


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8 with Unix line ends, whole or not at all.

    Raises:
        BenchError: the file cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | os.PathLike[str], value: object) -> None:
    """Write `value` to `path` as JSON, laid out as `as_json` does.

    Raises:
        BenchError: the file cannot be written.
        ValueError: `value` holds a NaN or an infinity, which JSON does not know.
    """
    write_text(path, as_json(value) + "\n")


def as_json(value: object, indent: str = "") -> str:
    """Return `value` as JSON, keys in their order: what holds nothing else stands on one line.

    Raises:
        ValueError: `value` holds a NaN or an infinity, which JSON does not know.
    """
    inner = f"{indent} "
    if isinstance(value, Mapping) and any(map(_holds, value.values())):
        lines = [f"{json.dumps(str(k), ensure_ascii=False)}: {as_json(v, inner)}"
                 for k, v in value.items()]  # fmt: skip
        ends = "{}"
    elif isinstance(value, list | tuple) and any(map(_holds, value)):
        lines, ends = [as_json(child, inner) for child in value], "[]"
    else:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    body = f",\n{inner}".join(lines)
    return f"{ends[0]}\n{inner}{body}\n{indent}{ends[1]}"


def _holds(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple)
