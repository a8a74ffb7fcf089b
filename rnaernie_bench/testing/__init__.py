"""For the tests of plug-ins: a tiny backbone, tiny tasks, and a run of a few steps.

Importing this module makes `backbone=mock` known. A test of a head, for one, is a line::

    def test_head(tmp_path):
        try_out(tmp_path, head="my_head")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnaernie_bench.catalogue import BACKBONES, EncoderEntry
from rnaernie_bench.errors import BenchError

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.runner import Outcome

MOCK_TASKS = Path(__file__).parent / "mock_tasks"
"""A folder of tasks, for `task_path`: `mock_cls`."""

MAX_BASES = 508
TOLERANCE = 2e-3
"""Predictions are stored in half precision."""


@dataclass(frozen=True)
class MockOptions:
    """Options of `backbone=mock`."""

    name: str
    init: Literal["random"] = "random"
    hidden_size: int = 16


def mock_encoder(seed: int = 0, hidden_size: int = 16) -> Encoder:
    """Return a backbone of one layer with random weights, the same for equal arguments.

    It is an RNAErnie with the hosted vocabulary, and takes sequences of up to 508 bases.

    Args:
        seed: of its weights.
        hidden_size: the width of a state, even.
    """
    return load_mock(MockOptions("mock", hidden_size=hidden_size), seed)


def load_mock(options: MockOptions, seed: int) -> Encoder:
    """Return the backbone that `MockOptions` describe, as `EncoderEntry.load` does."""
    import torch
    from multimolecule import RnaErnieConfig, RnaErnieModel, RnaTokenizer

    from rnaernie_bench.backbones.encoder import Encoder, weights_sha256

    tokenizer = RnaTokenizer()
    config = RnaErnieConfig(
        vocab_size=len(tokenizer),
        num_hidden_layers=1,
        hidden_size=options.hidden_size,
        num_attention_heads=2,
        intermediate_size=2 * options.hidden_size,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = RnaErnieModel._from_config(config, attn_implementation="sdpa")
    return Encoder(model.eval(), tokenizer, MAX_BASES, weights_sha256(model))


MOCK = EncoderEntry(
    options=MockOptions,
    load="rnaernie_bench.testing:load_mock",
    summary="one random layer, for tests",
    levels=("sequence", "contact"),
)
BACKBONES.register("mock")(MOCK)


def try_out(
    folder: Path,
    *,
    task: str = "mock_cls",
    backbone: str = "mock",
    strategy: str = "full",
    head: str | None = None,
    settings: Mapping[str, Any] | None = None,
    task_path: Iterable[Path] = (),
) -> Outcome:
    """Train for one epoch on simulated data, and hold the saved model against the run.

    Args:
        folder: an empty folder, such as pytest's `tmp_path`.
        task: of `MOCK_TASKS`, `task_path`, or an installed package.
        backbone: a backbone or baseline.
        strategy: how a backbone is adapted.
        head: the head; None for the task's.
        settings: further settings by key.
        task_path: further folders of tasks.

    Returns:
        The finished run.

    Raises:
        AssertionError: if the record is not valid, or the model, loaded again from the run's
            folder, does not predict what stands in the predictions of the run.
        BenchError: if the run fails.
    """
    from rnaernie_bench import api

    chosen = {"trainer.max_epochs": 1, "trainer.progress": False, "task.data": "simulated"}
    heads = {} if head is None else {"task.head": head}
    outcome = api.run(
        task,
        backbone=backbone,
        strategy=strategy,
        settings={**chosen, **heads, **(settings or {})},
        runs_dir=folder / "runs",
        task_path=[MOCK_TASKS, *task_path],
    )
    _check(outcome, [MOCK_TASKS, *task_path])
    return outcome


def _check(outcome: Outcome, task_path: Iterable[Path]) -> None:
    """Compare what the loaded model says of the test items with the stored predictions."""
    import numpy as np

    from rnaernie_bench import api
    from rnaernie_bench.data.loading import load_dataset, make_split
    from rnaernie_bench.results.predictions import Predictions, hash_ids, read_predictions
    from rnaernie_bench.results.record import validate_record

    try:
        validate_record(outcome.record)
    except BenchError as error:
        raise AssertionError(str(error)) from error
    task = api.load_task(outcome.record["task"]["name"], task_path)
    split = make_split(task, load_dataset(task, simulated=True), outcome.record["split"]["name"])
    stored = read_predictions(outcome.folder / "predictions.parquet")
    assert isinstance(stored, Predictions)
    rows = {name: row for row, name in enumerate(stored.ids)}
    items = split.tests[task.default_test_part]
    predicted = api.predict(outcome, [item.sequence for item in items])
    for name, item, prediction in zip(
        hash_ids(item.id for item in items), items, predicted, strict=True
    ):
        again = np.log([prediction.probabilities[label] for label in task.labels])
        difference = float(np.abs(again - stored.scores[rows[name]]).max())
        assert difference < TOLERANCE * max(1.0, float(np.abs(again).max())), (
            f"{item.id}: the loaded model differs from the run's by {difference:.2g}"
        )
