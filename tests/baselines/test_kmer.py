"""k-mers: features by hand, classes that train lacks, two classes, and files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rnaernie_bench.baselines import kmer
from rnaernie_bench.core.errors import BenchError, ConfigError
from rnaernie_bench.learning import kmers
from tests.training_kit import installed


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


def fit(tiny, *overrides, **changes):
    config = tiny.config("backbone=kmer", "backbone.max_k=3", *overrides)
    return kmer.fit(tiny.context(config, **changes), config.backbone)


def sequences(items):
    return [item.sequence for item in items]


def test_features_of_five_bases_by_hand():
    row = kmers.kmer_frequencies(["AACAN"], 1, 2).toarray()[0]
    assert row.shape == (4 + 16,)
    # Five windows of one letter: A three times, C once; 4 words. N is not counted.
    assert np.allclose(row[:4], np.sqrt([2 * 3 / 5, 2 * 1 / 5, 0, 0]))
    # Four windows of two: AA, AC, CA once each, AN not; 16 words, in the order AA AC AG AU CA ...
    expected = np.zeros(16)
    expected[[0, 1, 4]] = np.sqrt(4 * 1 / 4)
    assert np.allclose(row[4:], expected)


def test_sequences_shorter_than_k_have_no_features():
    assert kmers.kmer_frequencies(["AC"], 3, 3).nnz == 0


def test_length_does_not_matter():
    short, long = kmers.kmer_frequencies(["A" * 10, "A" * 400], 1, 3).toarray()
    assert np.allclose(short, long)


def test_frequent_bases_are_learned_and_restored(task, tmp_path):
    model, report = fit(task)
    items = task.split().tests["full"]
    logits = model.logits(sequences(items))
    assert logits.shape == (12, 3) and logits.dtype == np.float32
    assert (logits.argmax(1) == [item.label for item in items]).mean() >= 0.9
    assert 1e-12 < report.selected["C"] < 1e12 and report.trials >= 9
    assert report.parameters == 3 * (4 + 16 + 64) + 3
    model.save(tmp_path)
    assert np.allclose(kmers.restore(tmp_path).logits(sequences(items)), logits)


def test_a_class_that_train_lacks_is_never_predicted(task):
    two = [item for item in task.split().train if item.label != 1]
    model, _ = fit(task, train=two)
    items = task.split().tests["full"]
    logits = model.logits(sequences(items))
    assert np.isfinite(logits).all()
    assert set(logits.argmax(1)) == {0, 2}
    kept = np.array([item.label != 1 for item in items])
    labels = np.array([item.label for item in items])
    assert (logits.argmax(1) == labels)[kept].mean() >= 0.9


def test_two_classes(task):
    declared = dataclasses.replace(task.task(), labels=("a_rich", "gc_rich"))
    keep = {
        part: [item for item in getattr(task.split(), part) if item.label < 2]
        for part in ("train", "validation")
    }
    model, _ = fit(task, task=declared, **keep)
    logits = model.logits(sequences(keep["validation"]))
    assert logits.shape == (8, 2)
    assert (logits.argmax(1) == [item.label for item in keep["validation"]]).mean() >= 0.9


def test_one_class_is_refused(task):
    one = [item for item in task.split().train if item.label == 0]
    with pytest.raises(BenchError, match=r"one class.*two"):
        fit(task, train=one)


@pytest.mark.parametrize("override", ["backbone.min_k=0", "backbone.max_k=9", "backbone.C=[0.1,0]"])
def test_options_out_of_range(task, override):
    with pytest.raises(ConfigError, match=r"backbone\."):
        task.config("backbone=kmer", override)
