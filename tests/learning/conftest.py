"""What tests of several strategies share."""

from __future__ import annotations

import pytest

from rnaernie_bench.learning import features


@pytest.fixture
def embedded(monkeypatch):
    """Count the sequences that features are computed of."""
    counts = []
    original = features.scores

    def counting(compute, inputs, **arguments):
        counts.append(len(inputs.costs))
        return original(compute, inputs, **arguments)

    monkeypatch.setattr(features, "scores", counting)
    return counts
