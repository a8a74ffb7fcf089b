"""Charts: what is drawn, and what they say."""

from __future__ import annotations

import re
from typing import Any

from rnaernie_bench.leaderboard.page import charts
from tests.leaderboard.page.conftest import evidence_of, tables_of


def test_all_rows_compete_but_the_best_are_drawn(records: Any) -> None:
    table = tables_of(evidence_of(records))[0]
    assert [row.train_s for row in table.rows] == [12, 0.5, 50]
    everything = list(charts.cost_charts(table, 3))
    assert [chart.title for chart in everything] == [
        "Macro F1 against training time",
        "Macro F1 against prediction time",
        "Macro F1 against size",
    ]
    assert "rows are drawn" not in everything[0].caption
    # The cheapest row is a baseline, and the best one is drawn anyhow: the third is left out.
    few = next(charts.cost_charts(table, 1))
    assert "Not beaten at their cost: kmer and net · full." in few.caption
    assert few.caption.endswith(" 2 of 3 rows are drawn.")
    points = [
        len(re.findall("<use[^>]*stroke-width: 1.4", chart.svg)) for chart in (everything[0], few)
    ]
    assert points == [3, 2]


def test_a_chart_leaves_room_for_its_labels(records: Any) -> None:
    chart = next(charts.cost_charts(tables_of(evidence_of(records))[0], 3))
    [(wide, high)] = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', chart.svg)
    pattern = r'text-anchor: (\w+)[^>]*? x="([\d.-]+)" y="([\d.-]+)"[^>]*rotate\(-0[^>]*>([^<]+)<'
    texts = re.findall(pattern, chart.svg)
    assert {anchor for anchor, *_ in texts} >= {"middle", "end"}
    for anchor, x, y, text in texts:
        length = 5.3 * len(text)
        left = float(x) - {"start": 0.0, "middle": length / 2, "end": length}[anchor]
        assert left >= 0, text
        assert left + length <= float(wide), text
        assert 0 < float(y) < float(high), text
