"""One evaluation for every level and problem: tuned and scored once, intervals by group or item."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnaernie_bench.core import distributed
from rnaernie_bench.data.items import Split
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.evaluation import evaluate as module
from rnaernie_bench.evaluation.evaluate import Evaluation, evaluate
from rnaernie_bench.metrics.measuring import Measures
from rnaernie_bench.metrics.problems import outputs
from rnaernie_bench.task.task import Task, read_task
from tests.kit import LABELS, make_task

KINDS = list(LABELS)


class Guess:
    """A model whose scores follow from the letters, a little; it counts what it scores."""

    decoding = None

    def __init__(self, task: Task) -> None:
        self.task = task
        self.calls: list[int] = []

    def logits(self, inputs: Any) -> np.ndarray:
        self.calls.append(len(inputs))
        rng = np.random.default_rng(0)
        width = outputs(self.task.problem, len(self.task.labels))
        units = [self.task.level_entry.units(x) for x in inputs]
        rich = np.repeat([str(x).count("A") / len(str(x)) for x in inputs], units)
        return (rng.normal(size=(sum(units), width)) + 4 * rich[:, None]).astype(np.float32)

    def probabilities(self, sequences: Any) -> Any:
        self.calls.append(len(sequences))
        for index, sequence in enumerate(sequences):
            matrix = np.zeros((len(sequence), len(sequence)), np.float32)
            matrix[0, -1] = matrix[1, -2] = 0.4
            yield index, matrix


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def case(request: Any, tmp_path_factory: Any) -> tuple[Task, Split, Guess, Evaluation]:
    """Give task, split, model and evaluation of each level and problem; tests draw groups."""
    folder: Path = tmp_path_factory.mktemp("made")
    make_task(folder, *request.param, resampling="group")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNAERNIE_BENCH_DATA", folder.anchor)
        patch.setenv("RNAERNIE_BENCH_CACHE", str(folder / "cache"))
        task = read_task(folder / "tasks" / "made" / "task.yaml")
        split = make_split(task, load_dataset(task, simulated=False), "only")
    model = Guess(task)
    decoder = "greedy" if task.decodes else None
    return task, split, model, evaluate(model, split, task, decoder=decoder)


def test_what_is_recorded_follows_from_the_predictions(case: Any) -> None:
    task, split, _, found = case
    truth, predicted = found.predictions.part("all")
    [(part, test)] = found.tests.items()
    assert (part, test["n"], test["n_truncated"]) == ("all", len(split.tests["all"]), 0)
    assert len(found.predictions) == test["n"]
    assert tuple(test["metrics"]) == task.answer.metrics == tuple(found.validation["metrics"])
    groups = found.predictions.groups_of("all")
    assert len(set(groups)) < len(groups)
    by_group = Measures(task.answer, task.measured, by="group")
    assert test["metrics"] == by_group.figures(truth, predicted, groups)


def test_every_item_is_scored_once(case: Any) -> None:
    task, split, model, _ = case
    validation, test = len(split.validation), len(split.tests["all"])
    # Of structures, probabilities are too many to be kept: they are computed to tune, and again to
    # count; last comes the one that is drawn.
    extra = ([validation], [1]) if task.decodes else ([], [])
    assert model.calls == [*extra[0], validation, test, *extra[1]]


def test_entries_and_pictures_are_those_of_the_answer(case: Any) -> None:
    task, _, _, found = case
    test, several = found.tests["all"], task.problem in ("multilabel", "regression")
    assert ("per_column" in test) == several
    whole = task.level in ("sequence", "pair")
    classes = whole and task.problem in ("binary", "multiclass")
    assert ("per_class" in test) == ("confusion" in test) == classes
    assert ("breakdown" in test) == ("n_unread" in test) == task.decodes
    names = [name for name, _ in found.figures("all", "title")]
    assert all(name.endswith("-all.png") for name in names)
    assert len(names) == {"binary": 2, "multilabel": 0}.get(task.problem, 1) * whole + task.decodes


def test_a_predictor_gets_what_was_tuned(case: Any) -> None:
    task, _, _, found = case
    assert task.answer.from_predictor(found.predictor) == found.tuning
    untuned = task.answer.name in (
        "structure",
        "token_multiclass",
        "regression",
        "token_regression",
    )
    assert ("temperature" not in found.selected) == untuned
    assert (found.trials > 0) == ("decoder" in found.selected) == task.decodes


@pytest.mark.parametrize("case", [("contact", "binary")], indirect=True, ids=["structures"])
def test_structures_are_shared_out_among_processes(
    case: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, split, model, found = case
    items, shares = split.tests["all"], []
    monkeypatch.setattr(distributed, "count", lambda: 2)
    monkeypatch.setattr(distributed, "gather", lambda share: shares.append(share) or [share] * 2)
    for number in range(2):
        monkeypatch.setattr(distributed, "number", lambda number=number: number)
        module._predicted(model, items, task, found.tuning)
    assert sum(len(counts) for _, counts in shares) == len(items)
    monkeypatch.setattr(distributed, "gather", lambda share: shares)
    truth, counts = module._predicted(model, items, task, found.tuning)
    expected = found.predictions.part("all")
    assert np.array_equal(truth, expected[0]) and np.array_equal(counts, expected[1])
