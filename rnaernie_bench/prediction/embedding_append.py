"""Files of embeddings read again, for new records to be added behind their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.prediction.embed import Embeddings
from rnaernie_bench.prediction.embedding_layout import Layout

_MAY_DIFFER = ("rnaernie_bench",)
"""Metadata in which files may differ that are one: the version of this package."""


@dataclass(frozen=True)
class Held:
    """What a file holds."""

    ids: list[str]
    sequences: list[str]
    """Empty if it has none."""
    embeddings: Embeddings
    metadata: Mapping[str, Any]


def held_in(path: Path, layout: Layout) -> Held:
    """Return what a file holds, of the layout that is to be added to it.

    Raises:
        DataError: if it cannot be read as such a file.
        ConfigError: if its numbers were made otherwise.
    """
    read: dict[str, Callable[[Path, Layout], Held]] = {
        ".npz": _npz, ".parquet": _parquet, ".h5ad": _h5ad
    }  # fmt: skip
    try:
        found = read[path.suffix.lower()](path, layout)
    except Exception as error:  # of three libraries
        raise DataError(
            f"nothing can be added to it: {type(error).__name__}: {error}", where=path,
            remedy="write another file",
        ) from error  # fmt: skip
    wanted = json.loads(json.dumps(layout.metadata))
    for key in sorted({*wanted, *found.metadata} - {*_MAY_DIFFER}):
        if wanted.get(key) != found.metadata.get(key):
            raise ConfigError(
                f"it was made with {key} {found.metadata.get(key)}, not {wanted.get(key)}",
                where=path,
                remedy="repeat its options, or write another file",
            )
    return found


def _npz(path: Path, layout: Layout) -> Held:
    with np.load(path, allow_pickle=False) as file:
        rows = file[layout.several or "embeddings"].reshape(-1, layout.width)
        ids = file["ids"].tolist()
        offsets = file["offsets"] if layout.several else np.arange(len(ids) + 1)
        told = file["sequences"].tolist() if layout.sequences else []
        metadata = json.loads(str(file["metadata"]))
    return Held(ids, told, Embeddings(rows, offsets), metadata)


def _parquet(path: Path, layout: Layout) -> Held:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    metadata = json.loads(table.schema.metadata[b"rnaernie_bench"])
    column = table[layout.several or "embedding"].combine_chunks()
    offsets = np.arange(len(table) + 1)
    if layout.several:
        offsets = column.offsets.to_numpy().astype(np.int64)
        column = column.flatten()
    rows = column.flatten().to_numpy().reshape(-1, layout.width)
    told = table["sequence"].to_pylist() if layout.sequences else []
    return Held(table["id"].to_pylist(), told, Embeddings(rows, offsets), metadata)


def _h5ad(path: Path, layout: Layout) -> Held:
    import h5py

    with h5py.File(path) as file:
        ids = file["obs/_index"].asstr()[:].tolist()
        told = file["obs/sequence"].asstr()[:].tolist() if layout.sequences else []
        metadata = json.loads(file["uns/rnaernie_bench"].asstr()[()])
        rows = file["X"][:]
    return Held(ids, told, Embeddings(rows, np.arange(len(ids) + 1)), metadata)
