from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.prediction.projections import (
    NEIGHBOURS,
    Projection,
    colours_of,
    project,
    projection_figure,
    read_vectors,
)

SQUARE = np.array([[3, 0, 0], [-3, 0, 0], [0, 1, 0], [0, -1, 0]], dtype=np.float32)
"""Nine tenths of the variance lie along the first axis, the rest along the second."""


@pytest.fixture(autouse=True)
def without_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)


def test_principal_components_without_umap() -> None:
    found = project(SQUARE)
    assert found.axes == ("principal component 1, 90 %", "principal component 2, 10 %")
    assert np.abs(found.points) == pytest.approx(np.abs(SQUARE[:, :2]), abs=1e-6)
    with pytest.raises(ConfigError, match="2 vectors make no picture"):
        project(SQUARE[:2])


def test_umap_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(**options: Any) -> Any:
        assert options["random_state"] == 0
        return SimpleNamespace(fit_transform=lambda vectors: vectors[:, :2])

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=make))
    many = np.tile(SQUARE, (NEIGHBOURS, 1))
    assert project(many).axes == ("UMAP 1", "UMAP 2")
    assert project(SQUARE).axes[0].startswith("principal")  # too few neighbours


def test_files_with_one_vector_a_sequence_are_read(tmp_path: Path) -> None:
    path = tmp_path / "out.npz"
    np.savez(path, ids=np.array(["a", "b", "c", "d"]), embeddings=SQUARE)
    ids, found = read_vectors(path)
    assert ids == ["a", "b", "c", "d"]
    assert np.array_equal(found, SQUARE)
    np.savez(path, ids=np.array(["a"]), states=SQUARE, offsets=np.array([0, 4]))
    with pytest.raises(ConfigError, match="one vector a sequence is drawn"):
        read_vectors(path)


def test_points_have_the_colours_of_a_column(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id,kind,weight\na,tRNA,1\nb,tRNA,2.5\nc,miRNA,\n", encoding="utf-8")
    kinds = colours_of("abcd", table, "kind")
    assert kinds == ["tRNA", "tRNA", "miRNA", ""]
    projection = Projection(SQUARE[:, :2].astype(float), ("x", "y"))
    figure = projection_figure(projection, kinds, title="t", legend="kind")
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts == ["no value: 1", "tRNA: 2", "miRNA: 1"]
    weights = colours_of("abcd", table, "weight")
    _, bar = projection_figure(projection, weights, title="t", legend="weight").axes
    assert bar.get_ylabel() == "weight"
    with pytest.raises(DataError, match="colour"):
        colours_of("abcd", table, "family")
