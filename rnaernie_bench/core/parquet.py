"""Parquet files that may come from strangers: opened once it is known what they unfold into.

A footer says how large columns are, and each page has a header of its own, by which readers claim
memory before they unpack. Here the headers are read first: pages that say more than their footer,
and encodings that repeat what they hold, are refused.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

MOST_FOOTER_BYTES = 1 << 22
"""Of a footer, each byte of which may take some hundred in memory."""
MOST_PAGES = 100_000
MOST_MEMORY = 6 << 30
"""Addresses of the process that tries a file out: its code takes one GiB of them."""
_TAIL = 8
"""Bytes behind the footer: its length, and the mark of the format."""
_DICTIONARY = 2
_DEEPEST = 8
_ENCODINGS = {0, 2, 3, 4, 5, 6, 8, 9}
"""Those that hold each value, or a number for it; DELTA_BYTE_ARRAY repeats beginnings."""


@dataclass(frozen=True)
class Page:
    """What the header of a page says."""

    kind: int
    packed: int
    """Bytes in the file."""
    unpacked: int
    """Bytes in memory."""
    values: int
    encoding: int


def try_out(paths: Iterable[Path]) -> None:
    """Read files of strangers in a process of its own, with little memory, and keep nothing.

    Damage may end the reader without an error, which whoever reads the files then is spared. Errors
    of other kinds are his to meet.

    Raises:
        ValueError: a file ends the reader, or takes too much memory.
    """
    named = [str(path) for path in paths]
    if not named:
        return
    command = [sys.executable, "-c", _CHILD, *named]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    said = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode not in (0, 1):
        raise ValueError(f"it ends its reader ({said.strip()[:200]})")
    if done.returncode and ("MemoryError" in said or "malloc" in said):
        raise ValueError(f"it unfolds into more than {MOST_MEMORY >> 30} GiB")


_CHILD = "import sys; from rnaernie_bench.core.parquet import unfold; unfold(sys.argv[1:])"


def unfold(paths: Iterable[str]) -> None:
    """Read all of some files, in as little memory as they may take."""
    with suppress(ImportError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    for path in paths:
        for _ in open_parquet(path).iter_batches(batch_size=256, use_threads=False):
            pass


@lru_cache(maxsize=256)
def _tried(path: Path, size: int, mtime_ns: int) -> None:
    """Try a file out, if it is another than before: size and time belong to the cache's key."""
    try_out([path])


def open_parquet(
    path: str | os.PathLike[str], *, dictionaries: tuple[str, ...] = (), strange: bool = False
) -> Any:
    """Return a `pyarrow.parquet.ParquetFile` whose pages are as its footer says.

    Args:
        path: of the file.
        dictionaries: the columns whose values are to be kept once each, if there are such.
        strange: whether anybody may have written it: it is tried out first, see `try_out`.

    Raises:
        ValueError: the file lies about its size, or cannot be Parquet.
        OSError, pyarrow.ArrowException: it cannot be read.
    """
    import pyarrow.parquet as pq

    if Path(path).exists() and not Path(path).is_file():
        raise ValueError("it is no file")
    if strange:
        status = Path(path).stat()
        _tried(Path(path).absolute(), status.st_size, status.st_mtime_ns)
    with Path(path).open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(size - _TAIL, 0))
        length, mark = stream.read(4), stream.read(4)
        if mark != b"PAR1":
            raise ValueError("it is no Parquet file, or one that is cut off")
        if int.from_bytes(length, "little") > MOST_FOOTER_BYTES:
            raise ValueError(f"its footer is larger than {MOST_FOOTER_BYTES >> 20} MiB")
        metadata = pq.read_metadata(path)
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            _check(metadata, content)
    columns = {metadata.schema.column(i).path for i in range(metadata.num_columns)}
    return pq.ParquetFile(path, read_dictionary=sorted(columns.intersection(dictionaries)))


def _check(metadata: Any, content: mmap.mmap) -> None:
    """Compare the pages of all columns with a footer."""
    count = 0
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if metadata.num_rows != (held := sum(group.num_rows for group in groups)):
        raise ValueError(f"it has {held} rows, its footer says {metadata.num_rows}")
    for group in groups:
        for place in range(metadata.num_columns):
            column, name = group.column(place), metadata.schema.column(place).path
            flat = not metadata.schema.column(place).max_repetition_level
            if flat and column.num_values != group.num_rows:
                raise ValueError(
                    f"the column {name} has {column.num_values} values in {group.num_rows} rows"
                )
            start = column.data_page_offset
            if column.has_dictionary_page and 0 < column.dictionary_page_offset < start:
                start = column.dictionary_page_offset
            end, unpacked, values = start + column.total_compressed_size, 0, 0
            if not 0 <= start <= end <= len(content):
                raise ValueError(f"the column {name} reaches beyond the file")
            for page in pages(content, start, end, column.num_values):
                count, unpacked, values = count + 1, unpacked + page.unpacked, values + page.values
                if page.encoding not in _ENCODINGS:
                    raise ValueError(f"the column {name} has the encoding {page.encoding}")
                if unpacked > column.total_uncompressed_size or values > column.num_values:
                    raise ValueError(
                        f"the pages of the column {name} say that they unfold into more than the "
                        "footer says"
                    )
                if count > MOST_PAGES:
                    raise ValueError(f"it has more than {MOST_PAGES:,} pages")


def pages(content: mmap.mmap | bytes, start: int, end: int, values: int) -> Iterator[Page]:
    """Yield what the headers of a column's pages say, until its values are complete.

    Args:
        content: the file.
        start: where the first page begins.
        end: where the last ends.
        values: how many there are.

    Raises:
        ValueError: a header is damaged.
    """
    seen = 0
    while seen < values and start < end:
        try:
            header, start = _structure(content, start)
        except IndexError:
            raise ValueError("a page has no end") from None
        about: Any = header.get(5) or header.get(7) or header.get(8) or {}
        kind, unpacked, packed = (header.get(field, -1) for field in (1, 2, 3))
        held, encoding = about.get(1, 0), about.get(4 if 8 in header else 2, -1)
        start += packed
        if min(kind, unpacked, packed, held) < 0 or start > end:
            raise ValueError("the header of a page is damaged")
        if kind == _DICTIONARY:
            if held > unpacked:
                raise ValueError("a dictionary has more values than bytes")
            held = 0
        seen += held
        yield Page(kind, packed, unpacked, held, encoding)


def _structure(content: Any, at: int, depth: int = 0) -> tuple[dict[int, Any], int]:
    """Return the numbers and structures of a Thrift structure by field, and where it ends."""
    if depth > _DEEPEST:
        raise ValueError("the header of a page is nested too deep")
    found: dict[int, Any] = {}
    field = 0
    while head := content[at]:
        at += 1
        if head >> 4:
            field += head >> 4
        else:
            field, at = _number(content, at)
        found[field], at = _value(content, at, head & 15, depth)
    return found, at + 1


def _value(content: Any, at: int, kind: int, depth: int) -> tuple[Any, int]:
    """Return a value of the compact protocol, None for what no header needs, and its end."""
    if kind in (1, 2):  # true and false, which take no byte
        return kind == 1, at
    if kind == 3:
        return content[at], at + 1
    if kind in (4, 5, 6):
        return _number(content, at)
    if kind == 7:
        return None, at + 8
    if kind == 8:
        length, at = _unsigned(content, at)
        return None, at + length
    if kind == 12:
        return _structure(content, at, depth + 1)
    raise ValueError(f"the header of a page has a value of the kind {kind}")


def _number(content: Any, at: int) -> tuple[int, int]:
    value, at = _unsigned(content, at)
    return (value >> 1) ^ -(value & 1), at


def _unsigned(content: Any, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number in the header of a page has no end")
