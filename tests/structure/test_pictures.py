from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnaernie_bench.core.figures import save_figure
from rnaernie_bench.structure.notations import NO_PAIRS, dot_bracket_to_pairs
from rnaernie_bench.structure.pictures import (
    MISSED,
    RIGHT,
    WRONG,
    arc_figure,
    contact_map_figure,
)

SEQUENCE = "GGGAAAACCCAAGAAAC"
PREDICTED = dot_bracket_to_pairs("(((....)))..(...)")
REFERENCE = dot_bracket_to_pairs("((......))[[...]]")


def colours(collection) -> list[str]:
    from matplotlib.colors import to_hex

    return [to_hex(colour).upper() for colour in collection.get_colors()]


def test_arcs_tell_right_from_wrong_from_missed() -> None:
    probabilities = np.zeros((17, 17))
    probabilities[PREDICTED[:, 0], PREDICTED[:, 1]] = [1.0, 0.8, 0.4, 0.0]
    figure = arc_figure(
        SEQUENCE, PREDICTED, title="x", probabilities=probabilities, reference=REFERENCE
    )
    above, below = figure.axes[0].collections
    # The longest arcs are drawn first.
    assert colours(above) == [RIGHT, RIGHT, WRONG, WRONG]
    assert above.get_colors()[:, 3] == pytest.approx([1.0, 0.85, 0.55, 0.25])
    assert colours(below).count(RIGHT) == 2 and colours(below).count(MISSED.upper()) == 2
    assert min(path.vertices[:, 1].min() for path in above.get_paths()) > 0
    assert max(path.vertices[:, 1].max() for path in below.get_paths()) < 0
    ends = above.get_paths()[0].vertices[[0, -1], 0]
    assert ends.tolist() == [9, 0]
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["in both: 2", "predicted only (above): 2", "reference only (below): 2"]


def test_without_a_reference_there_is_one_side() -> None:
    figure = arc_figure(SEQUENCE, PREDICTED, title="x")
    (above,) = figure.axes[0].collections
    assert set(colours(above)) == {RIGHT}
    letters = [text.get_text() for text in figure.axes[0].texts]
    assert "".join(letters) == SEQUENCE


def test_a_contact_map_shows_all_three() -> None:
    probabilities = np.full((17, 17), 0.5)
    figure = contact_map_figure(probabilities, title="x", predicted=PREDICTED, reference=REFERENCE)
    axes = figure.axes[0]
    shown = np.asarray(axes.images[0].get_array())
    assert (shown[0, 1], shown[1, 0]) == (0.5, 0)
    rings, marks = axes.collections
    assert rings.get_offsets().tolist()[0] == [10, 1]  # right of the diagonal, bases from 1
    assert marks.get_offsets().tolist()[0] == [1, 10]


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_pictures_of_nothing_and_of_much_are_written(tmp_path: Path, suffix: str) -> None:
    figures = {
        "empty": arc_figure("A", NO_PAIRS, title="x", reference=NO_PAIRS),
        "long": arc_figure("A" * 300, np.array([(0, 299)]), title="x"),
        "map": contact_map_figure(np.zeros((5, 5)), title="x"),
    }
    for name, figure in figures.items():
        path = tmp_path / f"{name}.{suffix}"
        save_figure(figure, path)
        assert path.stat().st_size > 1000
