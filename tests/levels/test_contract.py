"""What every level owes the rest: functions that exist, and items laid out as its units are."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

import rnaernie_bench.testing
from rnaernie_bench.core.registry import resolve
from rnaernie_bench.data.cuts import hold_out
from rnaernie_bench.data.items import Item
from rnaernie_bench.data.simulated import simulated_dataset
from rnaernie_bench.data.targets import targets_of, units_of
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.metrics.problems import Problem, categorical, quantitative
from rnaernie_bench.metrics.registry import has
from rnaernie_bench.task.declaration import HeldOut
from rnaernie_bench.task.task import Task, load_tasks

MOCK = {
    task.level: task for task in load_tasks([Path(rnaernie_bench.testing.MOCK_TASKS)]).values()
    if task.name.startswith("mock_")
}  # fmt: skip
SERVED = [(name, problem) for name, level in LEVELS.working() for problem in level.answers]


def asked(level: str, problem: Problem) -> Task:
    """Return a task of a level and problem, on simulated data."""
    labels = ("one", "two") if problem == "binary" else ("one", "two", "three")
    simulation = MOCK[level].simulation
    families = dict(zip(labels, ("hairpin", "cloverleaf", "long_stem"), strict=False))
    return replace(
        MOCK[level],
        problem=problem,
        labels=labels if not LEVELS.get(level).decodes(problem) else (),
        simulation=replace(simulation, families=families),
    )


@pytest.mark.parametrize("level", list(LEVELS))
def test_functions_are_where_the_level_says(level: str) -> None:
    entry = LEVELS.get(level)
    assert entry.name == level
    for field in fields(entry):
        value = getattr(entry, field.name)
        targets = value.values() if isinstance(value, dict) else [value]
        for target in targets:
            if isinstance(target, str) and ":" in target:
                assert resolve(target) is not None
    readers = ((entry.read_file, entry.files), (entry.read_row, entry.tables))
    assert all(bool(reader) == bool(problems) for reader, problems in readers)
    assert set(entry.predictions) <= set(entry.answers)
    for problem, answer in entry.answers.items():
        assert ANSWERS[answer].problem == problem
        assert ANSWERS[answer].decodes is entry.decodes(problem)
    for problem, metric in entry.own_metrics.items():
        assert has(entry.answers[problem], metric)


@pytest.mark.parametrize(("level", "problem"), SERVED)
def test_items_are_laid_out_as_units_are(level: str, problem: Problem) -> None:
    task = asked(level, problem)
    dataset = simulated_dataset(task)
    items = [item for part in dataset.parts.values() for item in part]
    columns = 1 if categorical(problem) else len(task.labels)
    units = units_of([item.input for item in items], level)
    for item, count in zip(items, units.tolist(), strict=True):
        assert isinstance(item, Item)
        assert item.values().shape == (count, columns)
        assert len(list(LEVELS.get(level).places(item.input))) == count
        assert item.known.all()
        assert quantitative(problem) or item.classes <= {0.0, 1.0, 2.0}
        assert item == item and hash(item) == hash(item)
    assert len({item.line() for item in items}) == len(items)
    assert simulated_dataset(task).fingerprint == dataset.fingerprint
    if task.labels:
        targets = targets_of(items, problem)
        assert targets.sizes.tolist() == units.tolist()
        assert len(targets.values) == int(units.sum())


@pytest.mark.parametrize("level", list(LEVELS))
def test_what_is_held_out_shares_no_sequence_with_what_remains(level: str) -> None:
    task = asked(level, next(iter(LEVELS.get(level).answers)))
    [*_, items] = simulated_dataset(replace(task, simulation=replace(
        task.simulation, sizes={"train": 30}, group_size=2))).parts.values()  # fmt: skip
    rest, held, _ = hold_out(items, HeldOut(0.2))
    assert set(rest) | set(held) == set(items)
    assert rest and held
    assert {item.sequence for item in rest}.isdisjoint(item.sequence for item in held)


def test_what_is_unknown_is_nan() -> None:
    task = asked("token", "regression")
    item = simulated_dataset(task).parts["train"][0]
    blank = replace(item, labels=np.full_like(item.labels, np.nan))
    assert not blank.known.any()
    assert blank.classes == set()
    assert blank != item
