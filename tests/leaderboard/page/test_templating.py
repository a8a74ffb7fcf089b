"""What templates ask for: code in prose, coloured cells; nothing of a record becomes markup."""

from __future__ import annotations

from rnaernie_bench.leaderboard.page.templating import Templates, count_cells, prose, share_cells


def test_prose_sets_code_and_escapes() -> None:
    assert prose("See `a<b>` & <i>") == "See <code>a&lt;b&gt;</code> &amp; &lt;i&gt;"


def test_cells_are_coloured_by_their_share() -> None:
    assert share_cells([0.256, None]) == '<td style="--s:26%">0.26</td><td>–</td>'
    assert count_cells([(1200, 60), (0, 0)]) == '<td style="--s:60%">1,200</td><td></td>'


def test_style_holds_the_colours() -> None:
    templates = Templates()
    assert "--ink:light-dark(" in templates.css
    assert "/* variables */" not in templates.css
