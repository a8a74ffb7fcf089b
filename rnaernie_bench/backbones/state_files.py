"""States of sequences that were computed elsewhere: files of arrays, by id or by sequence.

A file is one of these. Nothing is unpickled, and arrays are memory-mapped where the format allows.

- npz: one array a sequence under its id or sequence; or as `embed` writes it, ``ids`` and perhaps
  ``sequences`` with ``embeddings`` (sequences, width), or with ``states`` (bases of all, width) and
  ``offsets``.
- safetensors: one tensor a sequence.
- a folder: ``NAME.npy`` or ``NAME.pt`` (a tensor) of each sequence.
- Parquet: columns ``id`` or ``sequence``, or both, and ``embedding``, a list, or ``states``, a list
  of lists. It is copied once into the cache, as arrays.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.files import atomic_path
from rnaernie_bench.core.parquet import open_parquet
from rnaernie_bench.core.paths import cache_folder

Array = np.ndarray
_REMEDY = "docs/bring_your_own.md shows the formats"


@dataclass(frozen=True)
class StateFile:
    """Arrays by name, read when they are asked for."""

    path: Path
    sha256: str
    """Of its bytes; of a folder, of the names and bytes of its files."""
    arrays: Mapping[str, Callable[[], Array]]
    """By id or sequence: (width,) for a vector, (bases, width) for a vector of each base."""
    sequences: Mapping[str, str]
    """Id -> sequence, where the file tells it."""
    max_bases: int | None = None
    """Of longer sequences, `embed` wrote the states of so many bases."""

    def of(self, name: str) -> Array:
        """Return an array.

        Raises:
            DataError: it is no array of one or two dimensions of finite numbers.
        """
        try:
            found = np.asarray(self.arrays[name]())
        except (OSError, ValueError, RuntimeError) as error:
            raise _unreadable(self.path, f"'{name}': {error}") from error
        if found.ndim not in (1, 2) or found.dtype.kind not in "fiu" or not found.size:
            raise DataError(
                f"'{name}' is an array {found.shape} of {found.dtype}, not a vector or a matrix of "
                "numbers",
                where=self.path,
                remedy=_REMEDY,
            )
        return found


def open_states(source: str) -> StateFile:
    """Open a file of states.

    Raises:
        DataError: it is missing, of another format, or damaged.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return _folder(path)
    readers = {".npz": _npz, ".safetensors": _safetensors, ".parquet": _parquet}
    if path.suffix.lower() not in readers:
        raise DataError(
            f"'{path.suffix or path.name}' is no format of states",
            where=path,
            remedy=f"give a folder, or a file that ends in {', '.join(readers)}",
        )
    if not path.is_file():
        raise DataError("there is no such file", where=path, remedy="name the file of states")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        arrays, sequences, limit = readers[path.suffix.lower()](path, digest)
    except DataError:
        raise
    except Exception as error:  # each library has its own for what is damaged
        raise _unreadable(path, error) from error
    if not arrays:
        raise DataError("it holds no array", where=path, remedy=_REMEDY)
    return StateFile(path, digest, arrays, sequences, limit)


Read = tuple[dict[str, Callable[[], Array]], dict[str, str], int | None]
"""Arrays, sequences of ids, and the limit that they were computed under."""


def _limit(metadata: str | bytes | None) -> int | None:
    """Return `max_bases` of what `embed` notes of itself."""
    found = json.loads(metadata) if metadata else {}
    limit = found.get("max_bases") if isinstance(found, dict) else None
    return int(limit) if limit else None


def _unreadable(path: Path, error: object) -> DataError:
    return DataError(f"the states cannot be read: {error}", where=path, remedy=_REMEDY)


def _folder(path: Path) -> StateFile:
    files = sorted(file for file in path.iterdir() if file.suffix in (".npy", ".pt"))
    if not files:
        raise DataError("it has no .npy and no .pt file", where=path, remedy=_REMEDY)
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.name} {content}\n".encode())
    names = [file.stem for file in files]
    if len(set(names)) < len(names):
        raise DataError("a name stands for two files", where=path, remedy="keep one of them")
    arrays = {file.stem: _loader(file) for file in files}
    return StateFile(path, digest.hexdigest(), arrays, {})


def _loader(file: Path) -> Callable[[], Array]:
    def numpy() -> Array:
        return np.load(file, mmap_mode="r", allow_pickle=False)

    def torch() -> Array:
        import torch as library

        try:
            found = library.load(file, map_location="cpu", weights_only=True, mmap=True)
        except UnpicklingError as error:
            raise ValueError("it holds something else than a tensor") from error
        if not isinstance(found, library.Tensor):
            raise ValueError("it holds something else than a tensor")
        return np.asarray(found.float())

    return torch if file.suffix == ".pt" else numpy


def _npz(path: Path, digest: str) -> Read:
    members: dict[str, Callable[[], Array]] = {}
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            members[info.filename.removesuffix(".npy")] = _member(path, info)
    if "ids" not in members:
        return members, {}, None
    ids = [str(name) for name in members["ids"]()]
    told = [str(s) for s in members["sequences"]()] if "sequences" in members else []
    per_base = "states" in members
    rows = members["states" if per_base else "embeddings"]()
    offsets = members["offsets"]() if per_base else np.arange(len(ids) + 1)
    if len(offsets) != len(ids) + 1 or int(offsets[-1]) != len(rows):
        raise ValueError("ids, offsets and rows do not fit together")
    limit = _limit(str(members["metadata"]())) if "metadata" in members else None
    named = dict(zip(ids, told, strict=True)) if told else {}
    return _rows_of(ids, rows, offsets, per_base), named, limit


def _rows_of(
    ids: list[str], rows: Array, offsets: Array, per_base: bool
) -> dict[str, Callable[[], Array]]:
    if len(set(ids)) < len(ids):
        raise ValueError("an id stands for two sequences")

    def part(start: int, stop: int) -> Callable[[], Array]:
        return lambda: rows[start:stop] if per_base else rows[start]

    ends = offsets.tolist()
    return {name: part(ends[k], ends[k + 1]) for k, name in enumerate(ids)}


def _member(path: Path, info: zipfile.ZipInfo) -> Callable[[], Array]:
    """Return what reads an array of a ZIP file: mapped where it is stored, unpacked elsewhere."""

    def read() -> Array:
        with zipfile.ZipFile(path) as archive, archive.open(info) as file:
            if info.compress_type != zipfile.ZIP_STORED:
                return np.lib.format.read_array(file, allow_pickle=False)
            version = np.lib.format.read_magic(file)
            header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, fortran, dtype = header(file)
            within = file.tell()
        if dtype.hasobject:
            raise ValueError("it holds objects, which are not read")
        with path.open("rb") as plain:  # the local header may be longer than the central one
            plain.seek(info.header_offset + 26)
            name, extra = (int.from_bytes(plain.read(2), "little") for _ in range(2))
        start = info.header_offset + 30 + name + extra + within
        order: Any = "F" if fortran else "C"
        if not np.prod(shape):
            return np.empty(shape, dtype)
        return np.memmap(path, dtype, "r", start, shape, order)

    return read


def _safetensors(path: Path, digest: str) -> Read:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        names = list(file.keys())

    def tensor(name: str) -> Callable[[], Array]:
        def read() -> Array:
            with safe_open(path, framework="pt") as opened:
                return np.asarray(opened.get_tensor(name).float())

        return read

    return {name: tensor(name) for name in names}, {}, None


def _parquet(path: Path, digest: str) -> Read:
    """Copy a table into the cache as one array and an index, and map it."""
    file = open_parquet(path, strange=True)
    columns = set(file.schema_arrow.names)
    per_base = "states" in columns
    content = "states" if per_base else "embedding"
    keys = [name for name in ("id", "sequence") if name in columns]
    if content not in columns or not keys:
        raise ValueError(f"it has the columns {', '.join(sorted(columns))}")
    folder = cache_folder() / "states" / digest
    index = folder / "index.json"
    if not index.exists():
        _copy(file, folder, content, keys, per_base)
    found = json.loads(index.read_text(encoding="utf-8"))
    rows = np.memmap(folder / "rows.f4", np.float32, "r").reshape(-1, found["width"])
    arrays = _rows_of(found["names"], rows, np.array(found["offsets"]), per_base)
    told = found["sequences"]
    limit = _limit((file.schema_arrow.metadata or {}).get(b"rnaernie_bench"))
    return arrays, dict(zip(found["names"], told, strict=True)) if told else {}, limit


def _copy(file: Any, folder: Path, content: str, keys: list[str], per_base: bool) -> None:
    named: list[str] = []
    told: list[str] = []
    offsets, width = [0], 0

    def blocks() -> Iterator[Array]:
        nonlocal width
        for batch in file.iter_batches(batch_size=64, columns=[*keys, content]):
            for row in batch.to_pylist():
                values = np.asarray(row[content], dtype=np.float32)
                values = values if per_base else values[None]
                if values.ndim != 2 or width not in (0, values.shape[1]):
                    raise ValueError(f"row {len(named) + 1} has states of another width")
                width = values.shape[1]
                named.append(str(row[keys[0]]))
                if keys == ["id", "sequence"]:
                    told.append(str(row["sequence"]))
                offsets.append(offsets[-1] + len(values))
                yield values

    with atomic_path(folder / "rows.f4") as temporary, temporary.open("wb") as out:
        for block in blocks():
            out.write(np.ascontiguousarray(block).tobytes())
    with atomic_path(folder / "index.json") as temporary:
        listed = {"names": named, "sequences": told, "offsets": offsets, "width": width}
        temporary.write_text(json.dumps(listed), encoding="utf-8")
