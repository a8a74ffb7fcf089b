"""Embeddings of sequences, block by block, as NumPy's npz, as Parquet or as AnnData.

Memory is bounded by a block, whatever the file's size. The same command writes the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING
from zipfile import ZipFile, ZipInfo

import numpy as np

from rnaernie_bench.core.errors import BenchError, ConfigError
from rnaernie_bench.core.files import atomic_path
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.prediction.embedding_append import held_in
from rnaernie_bench.prediction.embedding_layout import Blocks, Layout
from rnaernie_bench.prediction.embedding_parts import Parts
from rnaernie_bench.prediction.h5ad import require, write_h5ad

if TYPE_CHECKING:
    from rnaernie_bench.prediction.embed import Embedder, Embeddings

BLOCK_TOKENS = 2**18
"""Tokens of the sequences held at a time: enough to batch them by length."""
BLOCK_BYTES = 2**28
"""Of their vectors, where there is one a nucleotide."""


@dataclass(frozen=True)
class Written:
    """What a file was made of."""

    sequences: int
    truncated: int
    """How many of them were cut to the encoder's limit."""
    windowed: int = 0
    """How many were read by windows."""
    before: int = 0
    """How many had been embedded before, by a command that was interrupted."""
    kept: int = 0
    """How many further ones the file held already."""


Writer = Callable[[Path, Blocks, Layout], None]


def writer_for(path: Path) -> Writer:
    """Return what writes the format that the end of a file's name stands for.

    Raises:
        ConfigError: if it stands for none.
    """
    writers: dict[str, Writer] = {
        ".npz": write_npz, ".parquet": write_parquet, ".h5ad": write_h5ad
    }  # fmt: skip
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise ConfigError(
            f"'{path.suffix}' is no format of embeddings" if path.suffix else "it has no suffix",
            where=path,
            remedy=did_you_mean(path.suffix, list(writers)),
        )
    if writer is write_h5ad:
        require()
    return writer


def write_embeddings(
    records: Iterable[tuple[str, str]],
    path: Path,
    embedder: Embedder,
    *,
    metadata: Mapping[str, str | None],
    sequences: bool = False,
    append: bool = False,
    progress: Callable[[int], object] = lambda done: None,
) -> Written:
    """Embed sequences in their order and write the file, whole or not at all.

    Blocks that have been computed stay beside it until it is written: the same call goes on where
    an interrupted one was.

    Args:
        records: ids and normalised sequences, none of them empty; at least one.
        path: a file that ends in .npz, .parquet or .h5ad.
        embedder: the backbone with its pooling.
        metadata: kept in the file, with the pooling and the hash of the weights.
        sequences: whether they are kept as well, for `backbone=features`.
        append: whether what the file holds already stays: records with other ids are added.
        progress: called with the number of sequences of each finished batch.

    Returns:
        How many sequences there were.

    Raises:
        ConfigError: if the name of the file stands for no format.
        BenchError: if it cannot be written; and what `records` raises.
    """
    write = writer_for(path)
    states = embedder.states
    layout = Layout(
        embedder.shape,
        embedder.several,
        {
            "pooling": "attentions" if states.attentions else embedder.pooling,
            "weights_sha256": embedder.encoder.weights_sha256,
            **({} if states.layers is None else {"layers": ", ".join(map(str, states.layers))}),
            **({} if states.overlap is None else {"window_overlap": str(states.overlap)}),
            **metadata,
            **({"max_bases": str(embedder.encoder.max_bases)} if sequences else {}),
        },
        sequences,
    )
    count = long = before = 0
    held = held_in(path, layout) if append and path.exists() else None
    if held is not None:
        known = {*held.ids}
        records = (record for record in records if record[0] not in known)
    parts = Parts(path, {**layout.metadata, "shape": layout.shape, "several": layout.several})

    def blocks() -> Iterator[tuple[Sequence[str], Sequence[str], Embeddings]]:
        nonlocal count, long, before
        if held is not None:
            yield held.ids, held.sequences, held.embeddings
        for block, full in _blocks(records, embedder):
            names, read = zip(*block, strict=True)
            count += len(read)
            long += sum(len(s) > embedder.encoder.max_bases for s in read)
            found = parts.take(names, read)
            if found is not None:
                before += len(read)
                progress(len(read))
            else:
                found = embedder(read, progress)
                if full:  # the last one ends with the file
                    parts.keep(names, read, found)
            yield names, read, found

    try:
        with atomic_path(path) as temporary:
            write(temporary, blocks(), layout)
    except BenchError:  # the user has to change something: this would not be gone on with
        parts.remove()
        raise
    parts.remove()
    cut = states.overlap is None
    kept = 0 if held is None else len(held.ids)
    return Written(count, long if cut else 0, 0 if cut else long, before, kept)


def _blocks(
    records: Iterable[tuple[str, str]], embedder: Embedder
) -> Iterator[tuple[list[tuple[str, str]], bool]]:
    """Yield consecutive records, as many as may be held at a time, and whether more may follow."""
    capacity, states, limit = BLOCK_TOKENS, embedder.states, embedder.encoder.max_bases
    if embedder.several:
        capacity = min(capacity, BLOCK_BYTES // (4 * embedder.width))
    block: list[tuple[str, str]] = []
    tokens = 0
    for record in records:
        block.append(record)
        bases = len(record[1]) if states.overlap is not None else min(len(record[1]), limit)
        tokens += bases**2 if states.attentions else bases
        if tokens >= capacity:
            yield block, True
            block, tokens = [], 0
    if block:
        yield block, False


def write_npz(path: Path, blocks: Blocks, layout: Layout) -> None:
    """Write arrays that `numpy.load` reads without pickle.

    They are ``ids`` (sequences,), perhaps ``sequences`` (sequences,), and ``embeddings``
    (sequences, hidden) float32; with a vector a nucleotide ``states`` (nucleotides, hidden)
    instead, where sequence `i` owns ``states[offsets[i]:offsets[i + 1]]``; with attention
    ``attentions`` (pairs of nucleotides, layers, heads) alike, row by row of each map; and
    ``metadata``, a JSON text. Several layers stand before the last axis.
    """
    ids: list[str] = []
    told: list[str] = []
    owned: list[np.ndarray] = []
    # The shape stands before the rows in the file, and is known after the last one.
    with TemporaryFile(dir=path.parent) as spool, ZipFile(path, "w") as archive:
        for names, sequences, embeddings in blocks:
            ids += names
            told += sequences
            owned.append(np.diff(embeddings.offsets))
            spool.write(np.ascontiguousarray(embeddings.rows, dtype="<f4").data)
        offsets = np.cumsum(np.concatenate([np.zeros(1, dtype=np.int64), *owned]))
        arrays = {"ids": np.array(ids), "metadata": np.array(json.dumps(layout.metadata))}
        if layout.sequences:
            arrays["sequences"] = np.array(told)
        if layout.several:
            arrays["offsets"] = offsets
        for name, array in arrays.items():
            with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        spool.seek(0)
        name = layout.several or "embeddings"
        shape = (int(offsets[-1]), *layout.shape)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        with archive.open(ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, header)
            shutil.copyfileobj(spool, member, 2**20)


def write_parquet(path: Path, blocks: Blocks, layout: Layout) -> None:
    """Write a table, a row group a block.

    Its columns are ``id``, perhaps ``sequence``, and ``embedding``, a list of `hidden` float32;
    with a vector a nucleotide ``states`` instead, a list of such lists. The schema's metadata holds
    a JSON text.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    vector = pa.list_(pa.float32(), layout.width)
    content = (
        pa.field(layout.several, pa.list_(vector)) if layout.several
        else pa.field("embedding", vector)
    )  # fmt: skip
    metadata = {"rnaernie_bench": json.dumps(layout.metadata)}
    texts = ["id", "sequence"] if layout.sequences else ["id"]
    fields = [pa.field(name, pa.string()) for name in texts]
    schema = pa.schema([*fields, content], metadata=metadata)
    with pq.ParquetWriter(path, schema, use_dictionary=False) as writer:
        for names, sequences, embeddings in blocks:
            values = pa.FixedSizeListArray.from_arrays(
                pa.array(embeddings.rows.reshape(-1)), layout.width
            )
            if layout.several:
                offsets = pa.array(embeddings.offsets, type=pa.int32())
                values = pa.ListArray.from_arrays(offsets, values)
            told = [names, sequences][: len(fields)]
            columns = [pa.array(text, pa.string()) for text in told]
            writer.write_table(pa.table([*columns, values], schema=schema))
