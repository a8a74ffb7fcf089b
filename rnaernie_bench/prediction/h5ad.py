"""Embeddings as an AnnData file (`.h5ad`), which single-cell tools read.

The layout is that of anndata's on-disk format (https://anndata.readthedocs.io, file format, version
0.1.0 of the container and 0.2.0 of its elements): vectors are `X`, ids name the observations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from rnaernie_bench.prediction.embedding_layout import Blocks, Layout

_ELEMENTS = ("layers", "obsm", "obsp", "varm", "varp")
"""Groups that a reader expects, without anything in them."""


def write_h5ad(path: Path, blocks: Blocks, layout: Layout) -> None:
    """Write vectors of sequences, a block at a time.

    Args:
        path: a file that ends in .h5ad.
        blocks: ids, sequences and embeddings.
        layout: what the file holds beside them.

    Raises:
        ConfigError: where a sequence has several rows, or h5py is not installed.
    """
    h5py = _library()
    if layout.several:
        raise ConfigError(
            f"an observation has one vector, and a sequence several rows of {layout.several}",
            where=path,
            remedy="write .npz or .parquet, or use --pooling mean",
        )
    ids: list[str] = []
    told: list[str] = []
    with h5py.File(path, "w") as file:
        _encoded(file, "anndata", "0.1.0")
        vectors = file.create_dataset(
            "X", (0, layout.width), "<f4", maxshape=(None, layout.width), chunks=True
        )
        _encoded(vectors, "array", "0.2.0")
        for names, sequences, embeddings in blocks:
            ids += names
            told += sequences
            vectors.resize(len(ids), axis=0)
            vectors[len(ids) - len(names) :] = embeddings.rows
        columns = {"sequence": told} if layout.sequences else {}
        _frame(file.create_group("obs"), ids, columns)
        _frame(file.create_group("var"), list(_numbered(layout.shape)), {})
        for name in _ELEMENTS:
            _encoded(file.create_group(name), "dict", "0.1.0")
        uns = file.create_group("uns")
        _encoded(uns, "dict", "0.1.0")
        text = uns.create_dataset("rnaernie_bench", data=json.dumps(layout.metadata))
        _encoded(text, "string", "0.2.0")


def require() -> None:
    """Refuse the format before anything is computed, if its library is not installed.

    Raises:
        ConfigError: saying how it is installed.
    """
    _library()


def _library() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(
            "h5py is not installed",
            where=".h5ad",
            remedy="install the extra: pip install 'rnaernie-bench[h5ad]'",
        ) from error
    return h5py


def _numbered(shape: tuple[int, ...]) -> Iterable[str]:
    """Yield the names of the numbers of a vector: of several layers, after each other."""
    if len(shape) == 1:
        yield from (str(number) for number in range(shape[0]))
    else:
        yield from (f"{layer}.{number}" for layer in range(shape[0]) for number in range(shape[1]))


def _frame(group: Any, index: Sequence[str], columns: Mapping[str, Sequence[str]]) -> None:
    """Fill a group as a table of texts."""
    import h5py

    _encoded(group, "dataframe", "0.2.0")
    group.attrs["_index"] = "_index"
    text = h5py.string_dtype()
    if columns:
        group.attrs["column-order"] = list(columns)
    else:
        group.attrs.create("column-order", [], dtype=text, shape=(0,))
    for name, values in {"_index": index, **columns}.items():
        found = group.create_dataset(name, data=list(values), dtype=text)
        _encoded(found, "string-array", "0.2.0")


def _encoded(element: Any, kind: str, version: str) -> None:
    element.attrs["encoding-type"] = kind
    element.attrs["encoding-version"] = version
