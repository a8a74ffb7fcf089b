"""Files of embeddings: what they hold, bounded memory, equal bytes, and nothing half-written."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rnaernie_bench.backbones.loading import load_backbone
from rnaernie_bench.core.errors import BenchError, ConfigError
from rnaernie_bench.prediction import embedding_files as module
from rnaernie_bench.prediction.embed import Embedder, States
from rnaernie_bench.prediction.embedding_files import Written, write_embeddings, writer_for
from tests.backbone_kit import save_masked_lm

RECORDS = [("one", "ACGU"), ("zwei", "GGCAUUACGGA"), ("3", "C"), ("é", "UUUUUUU")]
LENGTHS = [4, 11, 1, 7]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("net")
    save_masked_lm(folder)
    return load_backbone(str(folder))


def write(path, encoder, pooling, records=RECORDS):
    return write_embeddings(records, path, Embedder(encoder, pooling), metadata={"model": "m"})


def read(path):
    """Return ids, one array of rows a sequence, and the metadata of either format."""
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            ids, metadata = file["ids"].tolist(), json.loads(str(file["metadata"]))
            if "offsets" in file:
                rows = np.split(file["states"], file["offsets"][1:-1])
            else:
                rows = [row[None] for row in file["embeddings"]]
        return ids, rows, metadata
    table = pq.read_table(path)
    metadata = json.loads(table.schema.metadata[b"rnaernie_bench"])
    values = table[table.column_names[1]].to_pylist()
    rows = [np.atleast_2d(np.array(value, dtype=np.float32)) for value in values]
    return table["id"].to_pylist(), rows, metadata


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize("pooling", ["cls", "mean", "token"])
@pytest.mark.parametrize("block", [1, 12, 2**18])
def test_what_is_written(tmp_path, encoder, monkeypatch, pooling, suffix, block):
    monkeypatch.setattr(module, "BLOCK_TOKENS", block)
    path = tmp_path / f"out{suffix}"
    assert write(path, encoder, pooling) == Written(4, 0)
    ids, rows, metadata = read(path)
    assert ids == [name for name, _ in RECORDS]
    expected = list(Embedder(encoder, pooling)([sequence for _, sequence in RECORDS]))
    assert [len(found) for found in rows] == (LENGTHS if pooling == "token" else [1] * 4)
    for found, wanted in zip(rows, expected, strict=True):
        assert found.dtype == np.float32
        assert np.allclose(found, wanted, atol=1e-5)
    assert metadata == {
        "pooling": pooling, "weights_sha256": encoder.weights_sha256, "model": "m",
    }  # fmt: skip


def test_layout_of_npz(tmp_path, encoder):
    write(tmp_path / "mean.npz", encoder, "mean")
    with np.load(tmp_path / "mean.npz", allow_pickle=False) as file:
        assert set(file) == {"ids", "embeddings", "metadata"}
        assert file["embeddings"].shape == (4, 16)
    write(tmp_path / "token.npz", encoder, "token")
    with np.load(tmp_path / "token.npz", allow_pickle=False) as file:
        assert set(file) == {"ids", "offsets", "states", "metadata"}
        assert file["offsets"].tolist() == [0, 4, 15, 16, 23]
        assert file["states"].shape == (23, 16)


def test_layout_of_parquet(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_TOKENS", 12)
    write(tmp_path / "mean.parquet", encoder, "mean")
    file = pq.ParquetFile(tmp_path / "mean.parquet")
    assert str(file.schema_arrow.field("embedding").type).startswith("fixed_size_list<")
    assert file.schema_arrow.field("embedding").type.list_size == 16
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [2, 2]


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize("pooling", ["mean", "token"])
def test_the_same_bytes_again(tmp_path, encoder, pooling, suffix):
    first, again = tmp_path / f"first{suffix}", tmp_path / f"again{suffix}"
    write(first, encoder, pooling)
    write(again, encoder, pooling)
    assert first.read_bytes() == again.read_bytes()


def test_blocks_are_bounded(encoder, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_TOKENS", 12)
    blocks = list(module._blocks(iter(RECORDS), Embedder(encoder, "mean")))
    assert [(len(block), full) for block, full in blocks] == [(2, True), (2, False)]
    monkeypatch.setattr(module, "BLOCK_BYTES", 4 * 16 * 3)  # three vectors
    blocks = list(module._blocks(iter(RECORDS), Embedder(encoder, "token")))
    assert [len(block) for block, _ in blocks] == [1, 1, 2]
    long = [("a", "ACGU" * 200), ("b", "ACGU" * 200)]  # a sequence counts as what is read of it
    monkeypatch.setattr(module, "BLOCK_TOKENS", 509)
    assert len(list(module._blocks(iter(long), Embedder(encoder, "mean")))) == 1


def test_records_are_read_as_they_are_needed(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_TOKENS", 1)
    seen = []

    def records():
        for record in RECORDS:
            seen.append(("read", record[0]))
            yield record

    write_embeddings(
        records(), tmp_path / "out.npz", Embedder(encoder), metadata={},
        progress=lambda done: seen.append(("done", done)),
    )  # fmt: skip
    names = [name for name, _ in RECORDS]
    assert seen == [event for name in names for event in (("read", name), ("done", 1))]


def test_cut_sequences_are_counted(tmp_path, encoder):
    records = [("a", "ACGU" * 200), ("b", "ACGU")]
    assert write(tmp_path / "out.npz", encoder, "token", records) == Written(2, 1)
    assert [len(rows) for rows in read(tmp_path / "out.npz")[1]] == [508, 4]


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_a_failure_leaves_nothing(tmp_path, encoder, monkeypatch, suffix):
    monkeypatch.setattr(module, "BLOCK_TOKENS", 1)

    def records():
        yield RECORDS[0]
        raise BenchError("no more")

    with pytest.raises(BenchError, match="no more"):
        write(tmp_path / f"out{suffix}", encoder, "mean", records())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.txt", r"'.txt' is no format of embeddings; choose one of .h5ad, .npz, .parquet"),
        ("out.npy", r"'.npy' is no format of embeddings; did you mean .npz"),
        ("out", r"out: it has no suffix; choose one of .h5ad, .npz, .parquet"),
    ],
)
def test_formats_there_are_not(name, message):
    with pytest.raises(ConfigError, match=message):
        writer_for(Path(name))


def test_a_file_in_the_way_of_the_folder(tmp_path, encoder):
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match=r"cannot be written: a file is where a folder"):
        write(tmp_path / "file" / "out.npz", encoder, "mean")


def test_an_interrupted_embedding_goes_on(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_TOKENS", 4)
    path, whole = tmp_path / "out.npz", tmp_path / "whole.npz"
    write(whole, encoder, "mean")

    def broken(records):
        yield from records[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(path, encoder, "mean", broken(RECORDS))
    assert not path.exists()
    # Other settings take nothing of it; the same ones take what is done.
    assert write(tmp_path / "out.npz", encoder, "cls").before == 0
    with pytest.raises(KeyboardInterrupt):
        write(path, encoder, "mean", broken(RECORDS))
    assert write(path, encoder, "mean").before == 2
    assert path.read_bytes() == whole.read_bytes()
    assert {found.name for found in tmp_path.iterdir()} == {"out.npz", "whole.npz"}


def test_a_file_for_single_cell_tools(tmp_path, encoder):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "out.h5ad"
    write(path, encoder, "mean")
    expected = Embedder(encoder)([sequence for _, sequence in RECORDS]).rows
    with h5py.File(path) as file:
        assert np.allclose(file["X"], expected, atol=1e-6)
        assert file["obs/_index"].asstr()[:].tolist() == [name for name, _ in RECORDS]
        assert len(file["var/_index"]) == 16
        assert (file.attrs["encoding-type"], file["obs"].attrs["_index"]) == ("anndata", "_index")
        assert json.loads(file["uns/rnaernie_bench"].asstr()[()])["model"] == "m"
    with pytest.raises(ConfigError, match="one vector, and a sequence several rows of states"):
        write(path, encoder, "token")


def test_several_layers_and_maps_in_files(tmp_path, encoder):
    records = RECORDS[:2]
    both = Embedder(encoder, states=States(layers=(0, 1)))
    write_embeddings(records, tmp_path / "l.npz", both, metadata={})
    with np.load(tmp_path / "l.npz") as file:
        assert file["embeddings"].shape == (2, 2, 16)
        assert np.allclose(file["embeddings"].reshape(2, 32), both([s for _, s in records]).rows)
    maps = Embedder(copy.deepcopy(encoder), states=States(attentions=True))
    write_embeddings(records, tmp_path / "a.npz", maps, metadata={})
    write_embeddings(records, tmp_path / "a.parquet", maps, metadata={})
    with np.load(tmp_path / "a.npz") as file:
        assert file["attentions"].shape == (4 * 4 + 11 * 11, *maps.shape)
        assert file["offsets"].tolist() == [0, 16, 16 + 121]
        first = file["attentions"][:16].reshape(16, -1)
    table = pq.read_table(tmp_path / "a.parquet")
    assert np.allclose(np.array(table["attentions"][0].as_py()), first, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "pooling"),
    [
        *((f"o.{end}", pooling) for end in ("npz", "parquet") for pooling in ("mean", "token")),
        ("o.h5ad", "mean"),
    ],
)
def test_records_are_added_to_a_file(tmp_path, encoder, name, pooling):
    path, whole = tmp_path / name, tmp_path / f"whole_{name}"
    embedder = Embedder(encoder, pooling)

    def add(records, target):
        return write_embeddings(records, target, embedder, metadata={"model": "m"}, append=True)

    add(RECORDS[:2], path)
    assert add(RECORDS, path) == Written(2, 0, kept=2)
    add(RECORDS, whole)
    if name.endswith("h5ad"):
        h5py = pytest.importorskip("h5py")
        with h5py.File(path) as one, h5py.File(whole) as other:
            assert one["obs/_index"][:].tolist() == other["obs/_index"][:].tolist()
            assert np.allclose(one["X"], other["X"], atol=1e-6)
    else:
        ids, rows, metadata = read(path)
        wanted = read(whole)
        assert (ids, metadata) == (wanted[0], wanted[2])
        for found, expected in zip(rows, wanted[1], strict=True):
            assert np.allclose(found, expected, atol=1e-6)
    with pytest.raises(ConfigError, match="it was made with model m, not another"):
        write_embeddings(RECORDS, path, embedder, metadata={"model": "another"}, append=True)
