"""Alignments in Stockholm format: text, alone or in a tar archive, read as a stream."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.files import unreadable

MAX_MEMBER_BYTES = 1 << 28
"""An alignment larger than 256 MiB is none of Rfam's: a damaged or hostile archive."""

_TAR_MAGIC, _TAR_OFFSET = b"ustar", 257


@dataclass(frozen=True, slots=True)
class Alignment:
    """One alignment."""

    marks: dict[str, list[str]]
    """What its lines ``#=GF TAG VALUE`` say, by tag."""
    rows: dict[str, str]
    """Names and rows as they are written, gaps and all; those of interleaved blocks are joined."""
    where: str
    """File and member."""


def read_alignments(path: Path) -> Iterator[Alignment]:
    """Yield the alignments of a file, holding one at a time.

    The file is Stockholm text or a tar archive of such files, plain or gzip; what it is is seen
    from its first bytes. Nothing is ever extracted to disk.

    Raises:
        DataError: naming file, member and line: if the archive is truncated or damaged or holds
            anything but alignments of a sensible size, or if an alignment is cut off.
    """
    member = ""
    try:
        with ExitStack() as stack:
            binary: io.BufferedReader = stack.enter_context(path.open("rb"))
            if binary.peek(2)[:2] == b"\x1f\x8b":
                unpacked = stack.enter_context(gzip.GzipFile(fileobj=binary))
                binary = io.BufferedReader(cast(io.RawIOBase, unpacked))
            if binary.peek(512)[_TAR_OFFSET:].startswith(_TAR_MAGIC):
                with tarfile.open(fileobj=binary, mode="r|") as archive:
                    for info in archive:
                        member = info.name
                        if info.isdir() or PurePosixPath(member).name.startswith("."):
                            continue
                        yield from _read(_checked(archive, info, path), f"{path}, {member}")
            else:
                yield from _read(binary, str(path))
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            "the archive is truncated or damaged" + (f" at or after {member}" if member else "")
            + f" ({error})",
            where=path,
            remedy="fetch it again",
        ) from error  # fmt: skip
    except OSError as error:
        raise unreadable(error, path) from error


def _checked(archive: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> IO[bytes]:
    """Return the content of a plain member of sensible size."""
    stream = archive.extractfile(info) if info.isreg() else None
    if stream is None or info.size > MAX_MEMBER_BYTES:
        odd = "is not a plain file" if stream is None else f"has {info.size} bytes"
        raise DataError(
            f"the member {odd}",
            where=f"{path}, {info.name}",
            remedy="the archive should contain Stockholm alignments only",
        )
    return stream


def _read(lines: Iterable[bytes], where: str) -> Iterator[Alignment]:
    """Yield the alignments of Stockholm text."""
    marks: dict[str, list[str]] = {}
    rows: dict[str, list[str]] = {}
    number = alignments = 0
    for number, raw in enumerate(lines, start=1):
        line = raw.decode("utf-8", errors="replace").strip()
        if line.startswith("#=GF"):
            _, tag, value = (*line.split(maxsplit=2), "", "")[:3]
            marks.setdefault(tag, []).append(value)
        elif line == "//":
            joined = {name: "".join("".join(parts).split()) for name, parts in rows.items()}
            yield Alignment(marks, joined, where)
            alignments += 1
            marks, rows = {}, {}
        elif line and not line.startswith("#"):
            name, _, row = line.partition(" ")
            if not row:
                raise DataError(
                    "the line is not `NAME ALIGNED-SEQUENCE`",
                    where=f"{where}, line {number}",
                    remedy="give Stockholm alignments",
                )
            rows.setdefault(name, []).append(row)
    if rows or marks or not alignments:
        raise DataError(
            "the alignment is cut off: its last line is not `//`",
            where=f"{where}, line {number}",
            remedy="fetch it again; Stockholm alignments are expected",
        )
