"""What is said of rows whose predictions were made elsewhere. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rnaernie_bench.results.record import is_evaluation, is_external

CAVEAT = (
    "Rows marked external are predictions that others made: nobody here could check whether a test "
    "part chose their epochs, or whether test items, or relatives of them, were in their training "
    "data."
)

_CHOSEN = {
    "unknown": "what chose its epoch is unknown",
    "test": "a test part chose its epoch: too high",
}
"""By `external.selection`; nothing is said where validation chose."""


def evaluation_notes(record: Mapping[str, Any], part: str) -> Iterator[str]:
    """Yield what a reader of a model's evaluation should know; nothing of other rows."""
    if not is_evaluation(record):
        return
    model, known = record["evaluation"]["model"], record["tests"][part]["training"]
    fold = f" fold {model['fold']}" if model["fold"] else ""
    yield f"fitted on {model['task']} {model['split']}{fold}"
    if len(model["runs"]) > 1:
        yield f"ensemble of {len(model['runs'])}"
    for what, verb in (("identical", "stand in"), ("near", "have relatives in")):
        if known[what]:
            yield f"{known[what]:,} items {verb} its training data"


def external_notes(record: Mapping[str, Any], part: str) -> Iterator[str]:
    """Yield what a reader of an imported row should know; nothing of other rows."""
    if not is_external(record):
        return
    told, test = record["external"], record["tests"][part]
    if told["selection"] in _CHOSEN:
        yield _CHOSEN[told["selection"]]
    if missing := test.get("n_missing"):
        yield f"{missing:,} of {missing + test['n']:,} items missing: not ranked"
    if several := test.get("one_partner"):
        f1 = several["metrics"]["f1"]
        yield (
            f"{several['n']:,} structures give a base several partners, and all pairs count"
            + (f": with one partner a base F1 {f1:.3f}" if f1 is not None else "")
        )
    yield from told.get("caveats", ())
