"""What a record tells of the search that chose its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnaernie_bench.results.record import Record


@dataclass(frozen=True)
class Search:
    """A search that chose the settings of a run on validation."""

    study: str
    """Its name."""
    trials: int
    """The configurations that it tried to the end or gave up on."""


def search_of(record: Mapping[str, Any]) -> Search | None:
    """Return the search that chose the settings of a run, as its record tells."""
    selection = record["selection"]
    if "study" not in selection:
        return None
    return Search(selection["study"], selection["study_trials"])


def chosen_by(search: Search | None, record: Record) -> Record:
    """Return `record` with what the choice of its settings cost.

    ``selection.trials`` counts the settings that validation has compared: those that a run compares
    itself, for each trial of the search.

    Args:
        search: what chose the settings; None returns the record as it is.
        record: a record, perhaps with a search in it, which is replaced.
    """
    if search is None:
        return record
    selection, former = record["selection"], search_of(record)
    own = max(1, selection["trials"]) // (max(1, former.trials) if former else 1)
    cost = {"trials": own * search.trials, "study": search.study, "study_trials": search.trials}
    return {**record, "selection": {**selection, **cost}}
