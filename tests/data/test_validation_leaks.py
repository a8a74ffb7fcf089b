"""Validation mimics the test: it has no more relatives in train than the test part has."""

from __future__ import annotations

import numpy as np
import pytest

from rnaernie_bench.data.leakage import nearest_identity, shares_stretch
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.task.task import find_tasks, load_task

TRAINED = [
    task.name for task in map(load_task, find_tasks()) if task.splits[task.default_split].train
]


@pytest.mark.realdata
@pytest.mark.usefixtures("data_folder")
@pytest.mark.parametrize("name", TRAINED)
def test_validation_has_no_more_relatives_in_train_than_the_test(name: str) -> None:
    task = load_task(name)
    declared = task.splits[task.default_split]
    fold = declared.folds.names[0] if declared.folds else None
    dataset = load_dataset(task, simulated=False)
    split = make_split(task, dataset, task.default_split, fold=fold)
    for partner in task.level_entry.partners or ("sequence",):
        train, validation, test = (
            [getattr(item, partner) for item in part]
            for part in (split.train, split.validation, split.tests[task.default_test_part])
        )
        for relatives in (
            lambda part, train=train: nearest_identity(part, train)[0] > 0,
            lambda part, train=train: shares_stretch(part, train),
        ):
            assert np.mean(relatives(validation)) <= np.mean(relatives(test))
