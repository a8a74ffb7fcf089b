"""What tests of several strategies share."""

from __future__ import annotations

import pytest

from rnaernie_bench.learning import features, strengths


@pytest.fixture
def embedded(monkeypatch):
    """Count the sequences that features are computed of, and fit few regressions to them."""
    for bound, value in (("LOWEST", 0), ("HIGHEST", 0), ("ALWAYS", 1), ("FURTHEST", 0)):
        monkeypatch.setattr(strengths, bound, value)
    counts = []
    original = features.scores

    def counting(compute, inputs, **arguments):
        counts.append(len(inputs.costs))
        return original(compute, inputs, **arguments)

    monkeypatch.setattr(features, "scores", counting)
    return counts
