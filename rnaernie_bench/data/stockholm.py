"""Seed alignments of families, as Rfam has them: Stockholm text, alone or in a tar archive."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.alphabet import LETTERS, foreign_letter, normalise

MAX_MEMBER_BYTES = 1 << 28
"""An alignment larger than 256 MiB is none of Rfam's: a damaged or hostile archive."""

_GAPS = str.maketrans("", "", ".-~_")
_TAR_MAGIC, _TAR_OFFSET = b"ustar", 257


@dataclass(frozen=True, slots=True)
class Alignment:
    """One family with the sequences of its seed alignment."""

    marks: Mapping[str, Sequence[str]]
    """Values of its ``#=GF`` lines by tag, such as AC, TP and CL, in their order."""
    sequences: tuple[tuple[str, str], ...]
    """Names and sequences without gaps, normalised, in the order of the alignment."""
    where: str
    """Its place, for messages."""

    @property
    def accession(self) -> str:
        """What the family is called, such as RF00005."""
        return self.marks["AC"][0]


def read_alignments(path: Path) -> Iterator[Alignment]:
    """Yield the alignments of a file, holding one at a time.

    The file is Stockholm text or a tar archive of such files, plain or gzip; what it is is seen
    from its first bytes. Nothing is ever extracted to disk.

    Raises:
        DataError: naming file, member and line: if the archive is truncated or damaged or holds
            anything but alignments of a sensible size; if an alignment is cut off, has no
            accession, type or sequence, or a foreign letter.
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


def _stockholm(lines: Iterable[bytes], where: str) -> Iterator[Alignment]:
    """Yield the alignments of Stockholm text; rows of interleaved blocks are joined by name."""
    marks: dict[str, list[str]] = {}
    rows: dict[str, list[str]] = {}
    number = found = 0
    for number, raw in enumerate(lines, start=1):
        line = raw.decode("utf-8", errors="replace").strip()
        if line.startswith("#=GF"):
            _, tag, value = (*line.split(maxsplit=2), "", "")[:3]
            marks.setdefault(tag, []).append(value)
        elif line == "//":
            yield _alignment(marks, rows, where)
            found += 1
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
    if rows or marks or not found:
        raise DataError(
            "the alignment is cut off: its last line is not `//`",
            where=f"{where}, line {number}",
            remedy="fetch it again; Stockholm alignments are expected",
        )


def _alignment(marks: dict[str, list[str]], rows: dict[str, list[str]], where: str) -> Alignment:
    """Return a checked alignment."""
    missing = [tag for tag in ("AC", "TP") if not any(marks.get(tag, ()))]
    if missing or not rows:
        lack = f"no '#=GF {missing[0]}' line" if missing else "no sequences"
        raise DataError(
            f"the family {marks.get('AC', ['without accession'])[0]} has {lack}",
            where=where,
            remedy="give Rfam's seed alignments, which name accession and type of each family",
        )
    place = f"{where}, family {marks['AC'][0]}"
    sequences = []
    for name, parts in rows.items():
        sequence = normalise("".join("".join(parts).split()).translate(_GAPS))
        foreign = foreign_letter(sequence)
        if foreign:
            raise DataError(
                f"foreign letter {foreign[1]!r} at base {foreign[0] + 1} of {name}",
                where=place,
                remedy=f"sequences are written in T and the letters {LETTERS}",
            )
        sequences.append((name, sequence))
    return Alignment(marks, tuple(sequences), place)
