from __future__ import annotations

import sys

import numpy as np
import pytest

from rnaernie_bench.structure.layouts import CROSSING, NESTED, add_layout, coordinates
from rnaernie_bench.structure.notations import NO_PAIRS
from rnaernie_bench.structure.pictures import arc_figure

SEQUENCE = "GGGGAAAACCCCAAUU"
PAIRS = np.array([(0, 11), (1, 10), (2, 9), (3, 8), (5, 15)])  # a hairpin, and a pair across it


def test_paired_bases_face_each_other_and_neighbours_lie_side_by_side() -> None:
    pytest.importorskip("RNA")
    places = coordinates(PAIRS, len(SEQUENCE))
    assert places is not None and places.shape == (16, 2)
    across = np.linalg.norm(places[[0, 1, 2, 3]] - places[[11, 10, 9, 8]], axis=1)
    assert np.ptp(across) < 0.1 * across.mean()  # the steps of a ladder
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps.max() < 2 * steps.min()
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(16, k=1)]
    assert apart.min() > 0.5 * steps.min()  # no base lies on another


def test_pairs_that_cross_have_a_colour_of_their_own() -> None:
    pytest.importorskip("RNA")
    from matplotlib.colors import to_hex

    figure = arc_figure(SEQUENCE, PAIRS, title="x")
    add_layout(figure, SEQUENCE, PAIRS)
    _, axes = figure.axes
    colours = [to_hex(colour).lower() for colour in axes.collections[0].get_colors()]
    assert colours == [NESTED.lower()] * 4 + [CROSSING.lower()]
    letters = "".join(text.get_text() for text in axes.texts)
    assert letters == SEQUENCE + "5'3'"


def test_without_viennarna_arcs_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "RNA", None)
    figure = arc_figure("AA", NO_PAIRS, title="x")
    add_layout(figure, "AA", NO_PAIRS)
    assert len(figure.axes) == 1
