"""The baseline that sees nothing of a sequence but the probabilities of its types."""

from __future__ import annotations

import numpy as np
import pytest

from rnaernie_bench.baselines import types_only
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.runs.plan import plan
from tests.training_kit import installed


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


def test_fitted_saved_and_restored(task, tmp_path):
    config = task.config("backbone=types_only")
    model, report = types_only.fit(task.context(config), config.backbone)
    sequences = [item.sequence for item in task.split().validation]
    logits = model.logits(sequences)
    assert logits.shape == (12, 3) and report.parameters == 28 * 3 + 3
    assert report.trials >= 9
    p = types_only.probabilities(model.guide.logits(sequences))
    assert np.allclose(p.sum(axis=1), 1)
    assert np.allclose(logits, p @ model.linear.weights.T + model.linear.bias, atol=1e-5)
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    assert np.allclose(types_only.restore(tmp_path / "model").logits(sequences), logits, atol=1e-4)
    # The id holds the weights, not their address.
    assert len(types_only.weights_sha256(config.backbone)) == 64
    assert plan(config, [task.tasks]).run_id == plan(config, [task.tasks]).run_id


@pytest.mark.parametrize("value", ["[-1]", "[0]"])
def test_strengths_are_above_zero(task, value):
    with pytest.raises(ConfigError, match="above 0"):
        task.config("backbone=types_only", f"backbone.C={value}")
