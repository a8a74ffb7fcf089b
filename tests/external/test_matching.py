"""Rows find their items whatever their order; what does not fit is counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.items import SequenceItem
from rnaernie_bench.external.matching import Matcher
from rnaernie_bench.external.units import in_order

ITEMS = tuple(SequenceItem(f"i{k}", "ACGU"[: k + 1], 0) for k in range(4))
ROW = st.tuples(st.sampled_from(["i0", "i1", "i2", "i3", "other"]), st.integers(0, 1))


@given(st.lists(ROW, min_size=1, max_size=9))
def test_faults_are_counted_as_a_dictionary_of_lists_does(rows: list[tuple[str, int]]) -> None:
    matcher = Matcher(ITEMS, by_id=True)
    for place, (name, value) in enumerate(rows):
        items = matcher.items_of(str(place), name, ())
        assert len(items) == (name != "other")
        if items:
            matcher.add(str(place), items, np.array([value]))
    said: dict[str, list[int]] = {}
    for name, value in rows:
        said.setdefault(name, []).append(value)
    unknown = len(said.pop("other", []))
    contradictory = {name for name, values in said.items() if len(set(values)) > 1}
    found = {name: values[0] for name, values in said.items() if name not in contradictory}
    if not found:
        with pytest.raises(DataError):
            matcher.finish(allowed=True)
        return
    counts = matcher.finish(allowed=True)
    assert {name: int(value[0]) for name, value in matcher.found.items()} == found
    assert counts["unknown"] == unknown
    assert counts["contradictory"] == len(contradictory)
    assert counts["missing"] == len(ITEMS) - len(found)
    assert counts["rows"] == len(rows)
    if sum(counts[name] for name in ("unknown", "contradictory", "missing")):
        with pytest.raises(DataError, match="--allow-missing"):
            Matcher.finish(matcher, allowed=False)


def test_items_of_one_sequence_share_a_row_or_have_one_each() -> None:
    twins = (SequenceItem("a", "ACGU", 0), SequenceItem("b", "ACGU", 1))
    for times, duplicates in ((1, 0), (2, 0), (3, 1)):
        matcher = Matcher(twins, by_id=False)
        for place in range(times):
            items = matcher.items_of(str(place), None, ("acgt",))
            matcher.add(str(place), items, np.array([1.0]))
        assert matcher.finish(allowed=True)["duplicate"] == duplicates
        assert set(matcher.found) == {"a", "b"}


@given(
    st.lists(
        st.one_of(st.floats(-1e300, 1e300, allow_nan=False), st.integers(-5, 5).map(float)),
        min_size=1,
        max_size=60,
    )
)
def test_scores_keep_their_order_in_half_precision(scores: list[float]) -> None:
    values = np.array(scores)
    found = in_order(values[:, None])[:, 0].astype(np.float16)
    assert np.isfinite(found).all()
    assert np.array_equal(np.sign(np.subtract.outer(found.astype(float), found.astype(float))),
                          np.sign(np.subtract.outer(values, values)))  # fmt: skip


def test_more_scores_than_half_precision_has_numbers_keep_their_order() -> None:
    found = in_order(np.arange(100_000.0)[:, None])[:, 0].astype(np.float16)
    assert np.isfinite(found).all()
    assert (np.diff(found.astype(np.float64)) >= 0).all()
    assert len(np.unique(found)) > 30_000
