"""The longest open reading frame: by hand, against a loop, and as a classifier."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.baselines import orf_length
from rnaernie_bench.baselines.orf_length import longest_orf, orf_features
from rnaernie_bench.core.errors import DataError
from tests.training_kit import installed


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


@pytest.mark.parametrize(
    ("sequence", "codons"),
    [
        ("", 0),
        ("AU", 0),
        ("AUG", 1),
        ("AUGUAA", 1),
        ("AUGCCCUAG", 2),
        ("CAUGCCCUGACCC", 2),  # the second frame
        ("CCAUGCCCGGGUAA", 3),  # the third
        ("AUGAAAUGA", 2),  # AUG AAA UGA; the AUG inside it is a frame of one codon
        ("AUGCCC", 2),  # no stop: to the last whole codon
        ("AUGCCCGG", 2),
        ("UAAAUGCC", 1),  # a stop before the start does not end it
        ("CCCGGGUAA", 0),  # no start
        ("AUGAUGUAAAUGCCCCCCCCCUGA", 4),  # the later of two is the longer
        ("AUGNNNUAA", 2),
        ("AUGUANCCCUAA", 3),  # UAN is no stop
        ("ANGCCC", 0),
    ],
)
def test_by_hand(sequence, codons):
    assert longest_orf(sequence) == codons


@given(st.text("ACGUN", max_size=120))
def test_against_a_loop(sequence):
    longest = 0
    for start in range(len(sequence) - 2):
        if sequence[start : start + 3] == "AUG":
            codons = [sequence[i : i + 3] for i in range(start, len(sequence) - 2, 3)]
            stops = [n for n, codon in enumerate(codons) if codon in ("UAA", "UAG", "UGA")]
            longest = max(longest, min(stops, default=len(codons)))
    assert longest_orf(sequence) == longest


def test_features_are_length_and_coverage():
    rows = orf_features(["CAUGCCCUGACC", "GGG", ""])
    assert np.allclose(rows, [[math.log(3), 6 / 12], [0, 0], [0, 0]])


def test_coding_is_told_from_noncoding_and_restored(task, tmp_path):
    train = task.split().train
    changed = [
        type(item)(item.id, "AUG" + "GCC" * (30 if item.label == 2 else 1) + "UAAACG" * 20,
                   item.label)
        for item in train
    ]  # fmt: skip
    context = task.context(task.config("backbone=orf_length"), train=changed)
    model, report = orf_length.fit(context, context.config.backbone)
    logits = model.logits([item.sequence for item in changed])
    assert logits.dtype == np.float32 and logits.shape == (len(changed), 3)
    assert ((logits.argmax(1) == 2) == [item.label == 2 for item in changed]).all()
    assert (report.parameters, report.max_bases, report.converged) == (9, None, True)
    model.save(tmp_path)
    again = orf_length.restore(tmp_path).logits([item.sequence for item in changed])
    assert np.allclose(again, logits)


def test_one_class_is_refused(task):
    train = [item for item in task.split().train if item.label == 0]
    context = task.context(task.config("backbone=orf_length"), train=train)
    with pytest.raises(DataError, match="items of one class, two are needed"):
        orf_length.fit(context, context.config.backbone)
