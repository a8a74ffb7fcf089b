from __future__ import annotations

import numpy as np
import pytest

from rnaernie_bench.plots import confusion_matrix_figure

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
