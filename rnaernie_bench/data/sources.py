"""Where data files come from: the user's folders, the cache, a checksummed download.

Whatever is found is compared with the SHA-256 its task declares before anything reads it.
"""

from __future__ import annotations

import hashlib
import sys
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from rnaernie_bench.core import paths
from rnaernie_bench.core.errors import BenchError, DataError
from rnaernie_bench.core.files import atomic_path, unreadable
from rnaernie_bench.task.declaration import DataFile
from rnaernie_bench.task.task import Task

TIMEOUT = 30
"""Seconds a server may stay silent."""

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def find(path: str) -> Path | None:
    """Return the first file at `path` below a data folder or the cache, or None."""
    for folder in (*paths.data_folders(), _cache()):
        if (folder / path).is_file():
            return folder / path
    return None


def own_or_found(name: str) -> Path | None:
    """Return the user's file `name`, which may begin with ``~``; else what `find` finds."""
    own = Path(name).expanduser()
    return own if own.is_file() else find(name)


def locate(file: DataFile, *, task: str = "TASK", download: bool = False) -> Path:
    """Return where `file` lies, its checksum verified.

    Searched in order: the folders of `$RNAERNIE_BENCH_DATA`, the cache, and, if `download` allows
    it, the file's public address. A damaged copy in the cache is replaced by a download.

    Args:
        file: as a task declares it.
        task: the task's name, for messages.
        download: whether the network may be used.

    Raises:
        DataError: if the file is missing, differs from its checksum or cannot be downloaded.
    """
    found = find(file.path)
    cached = _cache() / file.path
    if found and not (download and found == cached and sha256(found) != file.sha256):
        _verify(found, file, task)
        return found
    if not download:
        raise DataError(
            "the data file is neither in a folder of RNAERNIE_BENCH_DATA nor in the cache",
            where=file.path,
            remedy=f"run `rnaernie-bench data fetch {task}` or set RNAERNIE_BENCH_DATA"
            " (preset=demo needs no files)",
        )
    _download(file, cached)
    return cached


def fetch(task: Task) -> list[Path]:
    """Return where each file of `task` lies, downloading those that are not here.

    Raises:
        DataError: at the first file that cannot be had.
    """
    return [locate(file, task=task.name, download=True) for file in task.data_files.values()]


def verify(task: Task, *, checksums: bool = True) -> list[tuple[str, Path | None, str | None]]:
    """Check every file of `task` without touching the network.

    Args:
        task: whose files.
        checksums: whether they are read and compared, or only looked for.

    Returns:
        For each its name, where it lies (None if missing) and what is wrong (None if nothing is).
    """
    report: list[tuple[str, Path | None, str | None]] = []
    for part, file in task.data_files.items():
        found = find(file.path)
        if found and not checksums:
            report.append((part, found, None))
            continue
        try:
            report.append((part, locate(file, task=task.name), None))
        except DataError as error:
            report.append((part, found, str(error)))
    return report


def sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file; an unchanged file is read once a process.

    Raises:
        DataError: if the file cannot be read.
    """
    try:
        status = path.stat()
        return _digest(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise unreadable(error, path) from error


@lru_cache(maxsize=256)
def _digest(path: Path, size: int, mtime_ns: int) -> str:
    """Return the digest of `path`; size and time belong to the cache's key."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _cache() -> Path:
    return paths.cache_folder() / "data"


def _verify(path: Path, file: DataFile, task: str) -> None:
    found = sha256(path)
    if found != file.sha256:
        raise DataError(
            f"the file differs from what the task declares: its SHA-256 is {found},"
            f" expected {file.sha256}",
            where=path,
            remedy=f"remove it, then run `rnaernie-bench data fetch {task}`"
            if file.url
            else "put the right file there, or correct its sha256 in the task",
        )


def _download(file: DataFile, target: Path) -> None:
    """Download `file` to `target`, which appears only when it is whole and verified."""
    import pooch
    import requests

    if not file.url:
        raise DataError(
            "the task declares no address to download the file from",
            where=file.path,
            remedy="put it into a folder of RNAERNIE_BENCH_DATA",
        )
    host = urlsplit(file.url).hostname
    options = {"proxies": {"no_proxy": host}} if host in _LOOPBACK else {}
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), timeout=TIMEOUT, headers=_HEADERS, **options
    )
    try:
        with atomic_path(target) as temporary:
            downloader(file.url, str(temporary), None)
            if sha256(temporary) != file.sha256:
                raise DataError(
                    f"the download is not what the task declares (expected SHA-256 {file.sha256})",
                    where=file.url,
                    remedy="try again; if it persists, the published file has changed: report it",
                )
    except requests.RequestException as error:
        response = error.response
        reason = (
            f"HTTP {response.status_code} {response.reason}"
            if response is not None
            else f"{type(error).__name__}: {error}"
        )
        raise DataError(
            f"the download failed: {reason}",
            where=file.url,
            remedy="check the network and the proxy settings, or get the file by other means and"
            f" put it at {file.path} below a folder of RNAERNIE_BENCH_DATA",
        ) from error
    except (BenchError, OSError) as error:
        if isinstance(error, DataError):
            raise
        what = error.what if isinstance(error, BenchError) else f"cannot be stored: {error}"
        raise DataError(
            f"the download {what}",
            where=target.parent,
            remedy="free space there or set RNAERNIE_BENCH_CACHE",
        ) from error


_HEADERS = {"User-Agent": "rnaernie-bench (pooch)", "Accept-Encoding": "identity"}
"""Bytes as they are stored: a transfer encoding would only hide a cut connection."""
