"""Seed alignments of Rfam: Stockholm text, alone or in a tar archive, read as a stream."""

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
from rnaernie_bench.data.alphabet import LETTERS, foreign_letter, normalise
from rnaernie_bench.pretraining.types import rfam_type

MAX_MEMBER_BYTES = 1 << 28
"""An alignment larger than 256 MiB is none of Rfam's: a damaged or hostile archive."""

_GAPS = str.maketrans("", "", ".-~_")
_TAR_MAGIC, _TAR_OFFSET = b"ustar", 257


@dataclass(frozen=True, slots=True)
class Family:
    """One family with the sequences of its seed alignment."""

    accession: str
    type: str
    """One of `RNA_TYPES`."""
    sequences: tuple[tuple[str, str], ...]
    """Names and sequences without gaps, normalised, in the order of the alignment."""


def read_families(path: Path) -> Iterator[Family]:
    """Yield the families of a file of Stockholm alignments, holding one at a time.

    The file is Stockholm text or a tar archive of such files, plain or gzip; what it is is seen
    from its first bytes. Nothing is ever extracted to disk.

    Raises:
        DataError: naming file, member and line: if the archive is truncated or damaged or holds
            anything but alignments of a sensible size; if an alignment is cut off, has no
            accession, no or an unknown type, or a foreign letter.
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
                        yield from _stockholm(_checked(archive, info, path), f"{path}, {member}")
            else:
                yield from _stockholm(binary, str(path))
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            "the archive is truncated or damaged" + (f" at or after {member}" if member else "")
            + f" ({error})",
            where=path,
            remedy="fetch it again",
        ) from error  # fmt: skip
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror or error}",
            where=path,
            remedy="check the path and its permissions",
        ) from error


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


def _stockholm(lines: Iterable[bytes], where: str) -> Iterator[Family]:
    """Yield the families of Stockholm text; rows of interleaved blocks are joined by name."""
    marks: dict[str, list[str]] = {}
    rows: dict[str, list[str]] = {}
    number = families = 0
    for number, raw in enumerate(lines, start=1):
        line = raw.decode("utf-8", errors="replace").strip()
        if line.startswith("#=GF"):
            _, tag, value = (*line.split(maxsplit=2), "", "")[:3]
            marks.setdefault(tag, []).append(value)
        elif line == "//":
            yield _family(marks, rows, where)
            families += 1
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
    if rows or marks or not families:
        raise DataError(
            "the alignment is cut off: its last line is not `//`",
            where=f"{where}, line {number}",
            remedy="fetch it again; Stockholm alignments are expected",
        )


def _family(marks: dict[str, list[str]], rows: dict[str, list[str]], where: str) -> Family:
    """Return a checked family."""
    missing = [tag for tag in ("AC", "TP") if not any(marks.get(tag, ()))]
    if missing or not rows:
        lack = f"no '#=GF {missing[0]}' line" if missing else "no sequences"
        raise DataError(
            f"the family {marks.get('AC', ['without accession'])[0]} has {lack}",
            where=where,
            remedy="give Rfam's seed alignments, which name accession and type of each family",
        )
    accession = marks["AC"][0]
    terms = [value.split(";")[1].strip() for value in marks.get("DR", ()) if value[:3] == "SO;"]
    try:
        kind = rfam_type(marks["TP"][0], terms)
    except DataError as error:
        raise DataError(
            error.what, where=f"{where}, family {accession}", remedy=error.remedy
        ) from error
    sequences = []
    for name, parts in rows.items():
        sequence = normalise("".join("".join(parts).split()).translate(_GAPS))
        foreign = foreign_letter(sequence)
        if foreign:
            raise DataError(
                f"foreign letter {foreign[1]!r} at base {foreign[0] + 1} of {name}",
                where=f"{where}, family {accession}",
                remedy=f"sequences are written in T and the letters {LETTERS}",
            )
        sequences.append((name, sequence))
    return Family(accession, kind, tuple(sequences))
