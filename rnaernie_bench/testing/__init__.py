"""For the tests of plug-ins: a tiny backbone, tiny tasks, and a run of a few steps.

A test of a head, for one, is a line::

    def test_head(tmp_path):
        try_out(tmp_path, head="my_head")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.task.catalogue import PER_BASE, EncoderEntry

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.runs.runner import Outcome

MOCK_TASKS = Path(__file__).parent / "mock_tasks"
"""A folder of tasks on simulated data, for `task_path`: `mock_cls` (classes of sequences),
`mock_value` (a number each), `mock_token` (which bases pair), `mock_contact` (which pairs),
`mock_pair` (whether two sequences interact)."""

MAX_BASES = 508
TOLERANCE = 2e-3
"""Of numbers in prediction files, which have half precision; relative where they are large."""


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
        initializer_range=0.5,  # so large that sequences differ by more than rounding
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = RnaErnieModel._from_config(config, attn_implementation="sdpa")
    return Encoder(model.eval(), tokenizer, MAX_BASES, weights_sha256(model))


MOCK = EncoderEntry(
    options=MockOptions,
    load="rnaernie_bench.testing:load_mock",
    summary="one random layer, for tests",
    levels=PER_BASE,
)


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
            folder, does not score as the run did.
        BenchError: if the run fails.
    """
    from rnaernie_bench import api

    chosen = {
        "trainer.max_epochs": 1,
        "trainer.learning_rates": [],
        "trainer.progress": False,
        "task.data": "simulated",
    }
    heads = {} if head is None else {"task.head": head}
    outcome = api.run(
        task,
        backbone=backbone,
        strategy=strategy,
        settings={**chosen, **heads, **(settings or {})},
        runs_dir=folder / "runs",
        task_path=[MOCK_TASKS, *task_path],
    )
    check_saved(outcome.folder, [MOCK_TASKS, *task_path])
    return outcome


def check_saved(run: Path, task_path: Iterable[Path] = ()) -> None:
    """Score the test items once more by the model in a run's folder: it must predict the same.

    Args:
        run: the folder of a finished run.
        task_path: folders of tasks that its task may be in.

    Raises:
        AssertionError: if the record is not valid, or a prediction differs from the run's: what is
            decided at all, numbers by more than their precision in the file.
        BenchError: if the model or the data cannot be read.
    """
    import json

    import numpy as np

    from rnaernie_bench import api
    from rnaernie_bench.data.loading import load_dataset, make_split
    from rnaernie_bench.evaluation.evaluate import evaluate
    from rnaernie_bench.results.predictions import read_predictions
    from rnaernie_bench.results.record import validate_record

    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    try:
        validate_record(record)
    except BenchError as error:
        raise AssertionError(str(error)) from error
    task = api.load_task(record["task"]["name"], task_path)
    dataset = load_dataset(task, simulated=record["dataset"]["simulated"])
    split = make_split(task, dataset, record["split"]["name"], fold=record["split"]["fold"])
    decoder = record["selection"].get("decoder")
    predictor = api.load_run(run)
    again = evaluate(
        predictor.fitted, split, task, decoder=decoder, max_bases=predictor.max_bases,
        calibrated=record["protocol"] == "clean",
    ).predictions  # fmt: skip
    kept = read_predictions(run / "predictions.parquet")
    assert np.array_equal(again.ids, kept.ids), "the run scored other items"
    for name in kept.predicted.dtype.names or ():
        loaded, saved = again.predicted[name], kept.predicted[name]
        exact = not np.issubdtype(saved.dtype, np.floating)
        tolerance = 0 if exact else TOLERANCE
        alike = np.isclose(loaded, saved, rtol=tolerance, atol=tolerance, equal_nan=not exact)
        assert alike.all(), (
            f"`{name}` of a test item differs between the loaded model and the run: what is saved "
            "is not what was trained"
        )
