"""Embeddings in the plane: by UMAP where it is installed, else by principal components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.figures import PIXELS_PER_INCH
from rnaernie_bench.core.theme import CURVES, INK, MUTED, PALETTE, PAPER, RAMP, RULE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NEIGHBOURS = 15
"""Of UMAP, its usual number; of fewer sequences than that, principal components are shown."""

OTHERS, NONE = "others", "no value"


@dataclass(frozen=True)
class Projection:
    """Places of vectors in the plane."""

    points: np.ndarray
    """float64 of shape (vectors, 2)."""
    axes: tuple[str, str]
    """What they are called."""


def read_vectors(path: Path) -> tuple[list[str], np.ndarray]:
    """Return ids and vectors, float32 (sequences, hidden), of a file of embeddings.

    Raises:
        ConfigError: if it holds anything else than one vector a sequence.
    """
    if path.suffix.lower() == ".npz":
        with np.load(path, allow_pickle=False) as file:
            found = file["embeddings"] if "embeddings" in file else np.empty(0)
            ids = [str(name) for name in file["ids"]]
    else:
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        column = table.column("embedding") if "embedding" in table.column_names else []
        found = np.array([cell.as_py() for cell in column], dtype=np.float32)
        ids = table.column("id").to_pylist()
    if found.ndim != 2:
        raise ConfigError(
            "one vector a sequence is drawn, and the file has several",
            where=path,
            remedy="embed with --pooling mean or cls, and one layer",
        )
    return ids, found


def project(vectors: np.ndarray) -> Projection:
    """Return vectors in the plane, the same for the same vectors.

    By UMAP (McInnes et al. 2018, doi 10.21105/joss.00861) where umap-learn is installed and there
    are more than `NEIGHBOURS` vectors, else by their first two principal components.

    Args:
        vectors: of shape (vectors, hidden), three or more.

    Raises:
        ConfigError: for fewer vectors.
    """
    if len(vectors) < 3:
        raise ConfigError(f"{len(vectors)} vectors make no picture", remedy="embed three or more")
    if len(vectors) > NEIGHBOURS and (points := _umap(vectors)) is not None:
        return Projection(points, ("UMAP 1", "UMAP 2"))
    from sklearn.decomposition import PCA

    pca = PCA(n_components=2, svd_solver="full")
    points = pca.fit_transform(vectors.astype(np.float64))
    shares = 100 * pca.explained_variance_ratio_
    first, second = (f"principal component {n}, {s:.0f} %" for n, s in enumerate(shares, start=1))
    return Projection(points, (first, second))


def _umap(vectors: np.ndarray) -> np.ndarray | None:
    try:
        import umap
    except ImportError:
        return None
    reducer = umap.UMAP(n_neighbors=NEIGHBOURS, random_state=0, n_jobs=1)
    return np.asarray(reducer.fit_transform(vectors), dtype=np.float64)


def colours_of(ids: Sequence[str], path: Path, column: str, identity: str = "id") -> list[str]:
    """Return the value of a table's column for each id, empty where the table has none.

    Args:
        ids: of sequences.
        path: a table; CSV, TSV, Parquet or Arrow.
        column: the column.
        identity: the column of ids; without one, ids are the numbers of rows, from 1.

    Raises:
        DataError: for a table that cannot be read or lacks the column.
    """
    from rnaernie_bench.data.tables import open_file

    opened = open_file(path)
    opened.require({"the colour": column})
    known: Mapping[str, str] = {
        str(row[identity]) if identity in opened.columns else str(number): _text(row[column])
        for number, (_, row) in enumerate(opened.placed(), start=1)
    }
    return [known.get(name, "") for name in ids]


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def projection_figure(
    projection: Projection, values: Sequence[str] | None, *, title: str, legend: str = ""
) -> Figure:
    """Draw vectors as points, coloured by values.

    Values that are all numbers have a ramp, others a colour each: the most frequent have their own,
    all further ones share one.

    Args:
        projection: the points.
        values: one a point, empty where there is none; None for points of one colour.
        title: the heading.
        legend: what the values are.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.4, 5.6), dpi=PIXELS_PER_INCH, facecolor=PAPER, layout="constrained")
    axes = figure.add_subplot()
    size = float(np.clip(3000 / len(projection.points), 4, 30))
    if values is None:
        axes.scatter(
            projection.points[:, 0],
            projection.points[:, 1],
            s=size,
            color=PALETTE["blue"],
            linewidths=0,
        )
    elif (numbers := _numbers(values)) is not None:
        _draw_numbers(axes, projection.points, numbers, size, legend)
    else:
        _draw_classes(axes, projection.points, values, size, legend)
    axes.set_xlabel(projection.axes[0], color=MUTED, fontsize=9)
    axes.set_ylabel(projection.axes[1], color=MUTED, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(RULE)
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK)
    return figure


def _numbers(values: Sequence[str]) -> np.ndarray | None:
    """Return values as numbers, NaN where there is none; None unless all are numbers."""
    try:
        return np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        return None


def _draw_numbers(
    axes: Axes, points: np.ndarray, numbers: np.ndarray, size: float, legend: str
) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    ramp = LinearSegmentedColormap.from_list("values", RAMP[1:])
    known = np.isfinite(numbers)
    axes.scatter(points[~known, 0], points[~known, 1], s=size, color=RULE, linewidths=0)
    x, y = points[known].T
    drawn = axes.scatter(x, y, s=size, c=numbers[known], cmap=ramp, linewidths=0)
    assert axes.figure is not None
    bar = axes.figure.colorbar(drawn, ax=axes, shrink=0.8)
    bar.set_label(legend, color=MUTED, fontsize=8)
    bar.ax.tick_params(labelsize=8, labelcolor=MUTED, length=0)
    bar.outline.set_visible(False)


def _draw_classes(
    axes: Axes, points: np.ndarray, values: Sequence[str], size: float, legend: str
) -> None:
    names, counts = np.unique([value for value in values if value], return_counts=True)
    order = [str(names[place]) for place in np.argsort(-counts, kind="stable")]
    own = order[: len(CURVES)]
    shown = np.array([v if v in own else OTHERS if v else NONE for v in values])
    shades = dict(zip(own, (PALETTE[name] for name in CURVES), strict=False))
    for name, shade in ({NONE: RULE, OTHERS: MUTED} | shades).items():
        some = points[shown == name]
        if len(some):
            label = f"{name}: {len(some):,}"
            axes.scatter(some[:, 0], some[:, 1], s=size, color=shade, linewidths=0, label=label)
    axes.legend(
        title=legend, fontsize=8, title_fontsize=8, frameon=False, labelcolor=INK,
        loc="upper left", bbox_to_anchor=(1, 1), alignment="left",
    )  # fmt: skip
