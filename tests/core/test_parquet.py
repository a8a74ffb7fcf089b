"""Parquet files whose pages are not as their footer says are refused before they are unpacked."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rnaernie_bench.core.errors import BenchError, DataError
from rnaernie_bench.core.parquet import open_parquet, pages
from rnaernie_bench.data.tables import open_file
from rnaernie_bench.results.parquet import read_table


def number(value: int) -> bytes:
    """Return a number as Thrift's compact protocol writes it."""
    value, found = value << 1, b""
    while value > 127:
        found, value = found + bytes([value & 127 | 128]), value >> 7
    return found + bytes([value])


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd"])
@pytest.mark.parametrize("options", [{}, {"use_dictionary": False, "write_page_index": True}])
def test_files_as_they_are_written_are_read(
    tmp_path: Path, version: str, codec: str, options: dict[str, bool]
) -> None:
    table = pa.table(
        {
            "text": ["ACGU" * 5, None, ""] * 700,
            "number": np.arange(2100.0),
            "list": [[1.0, 2.0], [], None] * 700,
            "fixed": pa.FixedSizeListArray.from_arrays(pa.array(np.arange(4200)), 2),
            "flag": [True, False, None] * 700,
            "nested": [{"a": [1]}] * 2100,
        }
    )
    pq.write_table(
        table, tmp_path / "t.parquet", compression=codec, data_page_version=version,
        row_group_size=1000, data_page_size=512, **options,
    )  # fmt: skip
    assert open_parquet(tmp_path / "t.parquet").read().equals(table)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Return a column of 10,000 numbers in one page, which unfolds into 80,000 bytes."""
    schema = pa.schema([pa.field("y", pa.float64(), nullable=False)])
    pq.write_table(
        pa.table({"y": np.zeros(10_000)}, schema=schema), tmp_path / "sound.parquet",
        compression="zstd", use_dictionary=False, write_statistics=False, data_page_size=1 << 20,
    )  # fmt: skip
    return tmp_path / "sound.parquet"


def test_pages_say_what_they_unfold_into(sound: Path) -> None:
    column = pq.read_metadata(sound).row_group(0).column(0)
    start, end = column.data_page_offset, column.data_page_offset + column.total_compressed_size
    (page,) = pages(sound.read_bytes(), start, end, 10_000)
    assert (page.kind, page.unpacked, page.values, page.encoding) == (0, 80_000, 10_000, 0)
    with pytest.raises(ValueError, match="a page has no end"):
        list(pages(sound.read_bytes()[: start + 3], start, end, 10_000))


@pytest.mark.parametrize(
    ("said", "lie", "words"),
    [
        ("page", 1_000_000, "say that they unfold into more"),
        ("footer", 70_000, "say that they unfold into more"),
        ("values", 9_000, "it has 10000 rows, its footer says 9000"),
    ],
)
def test_pages_that_lie_are_refused(sound: Path, said: str, lie: int, words: str) -> None:
    column = pq.read_metadata(sound).row_group(0).column(0)
    true = {"page": 80_000, "footer": column.total_uncompressed_size, "values": 10_000}[said]
    # A number in its field: as Thrift writes 32 and 64 bits, behind the field before.
    field = {"page": b"\x15", "footer": b"\x16", "values": b"\x16"}[said]
    content = sound.read_bytes()
    assert field + number(true) in content
    sound.write_bytes(content.replace(field + number(true), field + number(lie), 1))
    for read in (open_parquet, open_file, read_table):
        with pytest.raises((ValueError, BenchError), match=words):
            read(sound)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.abort()", "it ends its reader"),
        ("raise MemoryError", "it unfolds into more than 6 GiB"),
    ],
)
def test_a_file_that_ends_its_reader_is_refused(
    sound: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    assert len(list(open_file(sound).placed())) == 10_000
    monkeypatch.setattr("rnaernie_bench.core.parquet._CHILD", code)
    os.utime(sound, ns=(0, 0))  # as if it were another file
    with pytest.raises(DataError, match=words):
        open_file(sound)


def test_a_footer_without_end_is_refused(sound: Path) -> None:
    content = sound.read_bytes()
    sound.write_bytes(content[:-8] + (1 << 30).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(ValueError, match="footer is larger than 4 MiB"):
        open_parquet(sound)
