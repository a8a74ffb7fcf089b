"""Text files read line by line: plain or gzip, from a path or standard input."""

from __future__ import annotations

import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO, cast

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.files import unreadable
from rnaernie_bench.core.progress import tracked

STANDARD_INPUT = "-"
LONGEST = 1 << 28
"""Letters of a line: the longest human chromosome has fewer. Packed lines are read only so far."""

_GZIP_MAGIC = b"\x1f\x8b"
_NO_TEXT = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f\udc80-\udcff]")
"""Control characters, and how surrogateescape marks bytes that are not UTF-8."""


def source_name(source: Path | str) -> str:
    """Return how messages call `source`, which may be `-` for standard input."""
    return "standard input" if str(source) == STANDARD_INPUT else str(source)


def refuse_repeated(
    name: str,
    place: str,
    first: dict[str, str],
    where: str | Path,
    remedy: str = "ids are unique within a file: rename one",
) -> None:
    """Keep where an id stands.

    Args:
        name: the id.
        place: where it stands, as messages about a later one call it.
        first: the places of the ids before it, which this one is added to.
        where: the same place in full.
        remedy: what to do about an id that stands twice.

    Raises:
        DataError: if the id stood in another place before.
    """
    if (before := first.setdefault(name, place)) != place:
        raise DataError(f"the id '{name}' stands in {before} already", where=where, remedy=remedy)


def read_lines(source: Path | str, *, outer: str | None = None) -> Iterator[tuple[int, str]]:
    """Yield the number, from 1, and the text of each line that is not blank, without outer blanks.

    Unix, Windows and old Macintosh line ends are read alike. Gzip is recognised by its first
    bytes, not by the file's name.

    Args:
        source: a path, or `-` for standard input.
        outer: the letters that are taken off both ends of a line; None for all blanks.

    Raises:
        DataError: if the file is missing, damaged or not UTF-8.
    """
    name = source_name(source)
    number = 0
    try:
        with _open(source) as stream:
            lines = iter(partial(stream.readline, LONGEST), "")
            lines = tracked(lines, f"reading {name}", unit="lines")
            for number, text in enumerate(lines, start=1):
                if len(text) >= LONGEST:
                    raise DataError(
                        f"the line has {LONGEST:,} letters or more",
                        where=f"{name}, line {number}",
                        remedy="break it, or give another file: no line of a table or a sequence "
                        "needs so many",
                    )
                line = text.strip(outer)
                if not line.isprintable() and (odd := _NO_TEXT.search(line)):
                    control = f"the control character {odd[0]!r}"
                    raise DataError(
                        "the line has "
                        + (control if odd[0] < "\xa0" else "bytes that are not UTF-8 text"),
                        where=f"{name}, line {number}",
                        remedy="give a plain or gzip text file",
                    )
                if line.strip():
                    yield number, line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"the gzip file is truncated or damaged after line {number} ({error})",
            where=name,
            remedy="fetch or compress it again",
        ) from error
    except OSError as error:
        raise unreadable(error, name) from error


@contextmanager
def _open(source: Path | str) -> Iterator[TextIO]:
    """Open `source` as text, through gzip if it begins like gzip; leave standard input open."""
    with ExitStack() as stack:
        if str(source) == STANDARD_INPUT:
            binary = cast(io.BufferedReader, sys.stdin.buffer)
        else:
            binary = stack.enter_context(Path(source).open("rb"))
        packed = binary.peek(2)[:2] == _GZIP_MAGIC
        unpacked = gzip.GzipFile(fileobj=binary) if packed else binary
        text = io.TextIOWrapper(unpacked, encoding="utf-8-sig", errors="surrogateescape")
        stack.callback(text.detach)  # or its end would close standard input
        yield text
