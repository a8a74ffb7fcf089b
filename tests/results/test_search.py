from __future__ import annotations

from typing import Any

import pytest

from rnaernie_bench.results.search import Search, chosen_by, search_of


def record(**selection: Any) -> dict[str, Any]:
    return {"run_id": "0", "selection": {"metric": "f1", **selection}}


@pytest.mark.parametrize(("own", "trials"), [(1, 30), (3, 90), (0, 30)])
def test_each_trial_compared_what_a_run_compares(own: int, trials: int) -> None:
    told = chosen_by(Search("s", 30), record(trials=own))
    assert told["selection"] == {
        "metric": "f1", "trials": trials, "study": "s", "study_trials": 30,
    }  # fmt: skip
    assert search_of(told) == Search("s", 30)


def test_a_later_count_replaces_the_former() -> None:
    first = chosen_by(Search("s", 30), record(trials=3))
    assert chosen_by(Search("s", 50), first) == chosen_by(Search("s", 50), record(trials=3))


def test_without_a_search_nothing_is_told() -> None:
    assert chosen_by(None, record(trials=1)) == record(trials=1)
    assert search_of(record(trials=1)) is None
