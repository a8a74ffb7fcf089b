"""Heads that were written for an earlier release."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

from rnaernie_bench.heads.bases.contact import ContactHead


def adapted(head: Any) -> Any:
    """Return a head that keeps the contract, also one that was written for an earlier release.

    Those had ``features(outputs, input_ids)`` and ``predict(features)``, or, of contacts,
    ``head(states, mask, attentions)``.
    """
    old: Any = getattr(head, "features", None)
    if old is None:
        _warn(head)
        head.reads_attentions, head.first = False, 1
        head.features = lambda outputs, batch: ContactHead.features(head, outputs, batch)
        head.features.states_alone = True
        head.predict = lambda features, batch: head(features, batch["mask"])
    elif "input_ids" in inspect.signature(old).parameters:
        _warn(head)
        head.features = lambda outputs, batch: old(outputs, batch["input_ids"])
    predict: Any = head.predict
    if len(inspect.signature(predict).parameters) == 1:
        head.predict = lambda features, batch: predict(features)
    return head


def _warn(head: Any) -> None:
    warnings.warn(
        f"{type(head).__name__} is written for an earlier release: heads have "
        "features(outputs, batch) and predict(features, batch) (docs/plugins.md)",
        DeprecationWarning,
        stacklevel=3,
    )
