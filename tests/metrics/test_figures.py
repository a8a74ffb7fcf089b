from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.core.figures import save_figure
from rnaernie_bench.metrics.figures import confusion_matrix_figure

CONFUSION = np.array([[3, 1, 0], [0, 0, 0], [0, 2, 2]])
NAMES = ("tRNA", "5S", "IRES")


def test_confusion_matrix_shows_counts_colours_and_recall() -> None:
    figure = confusion_matrix_figure(CONFUSION, NAMES, "demo")
    (axes,) = figure.axes
    assert np.asarray(axes.images[0].get_array()) == pytest.approx(
        np.array([[0.75, 0.25, 0], [0, 0, 0], [0, 0.5, 0.5]])
    )
    figure.draw_without_rendering()
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells[(0, 0)] == "3" and cells[(1, 2)] == "2"
    assert (2, 0) not in cells
    (recalls,) = axes.child_axes
    assert [label.get_text() for label in recalls.get_yticklabels()] == ["75 %", "no item", "50 %"]


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_equal_figures_give_equal_files(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        save_figure(confusion_matrix_figure(CONFUSION, NAMES, "x"), tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_figure_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    figure = confusion_matrix_figure(CONFUSION, NAMES, "demo")
    with pytest.raises(BenchError, match=r"'\.bmp' is no picture format; use \.png or \.svg"):
        save_figure(figure, tmp_path / "matrix.bmp")
    (tmp_path / "matrix.png").mkdir()
    with pytest.raises(BenchError, match="cannot be written"):
        save_figure(figure, tmp_path / "matrix.png")
    assert [path.name for path in tmp_path.iterdir()] == ["matrix.png"]
