from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from rnaernie_bench.backbones.vocabulary import RNA_TYPES, typed_tokenizer
from rnaernie_bench.pretraining import batches
from rnaernie_bench.pretraining.batches import BatchStream, MaskedBatches, Reader, inputs_of
from rnaernie_bench.pretraining.masking import Masked, Masker, MaskingOptions
from rnaernie_bench.pretraining.motifs import MotifMatcher
from rnaernie_bench.pretraining.scores import TYPE
from tests.pretraining.pretraining_kit import dataset

N = 100


@pytest.fixture(scope="module")
def corpus():
    return dataset(N)


@pytest.fixture(scope="module")
def tokenizer():
    return typed_tokenizer()


@pytest.fixture
def small_windows(monkeypatch):
    """Read the corpus as seven blocks in three windows."""
    monkeypatch.setattr(batches, "BLOCK", 16)
    monkeypatch.setattr(batches, "WINDOW", 3)


def stream(corpus, **changes) -> BatchStream:
    return BatchStream(corpus, **{"token_budget": 600, "steps": 60, "seed": 3, **changes})


def first_epoch(corpus, **changes):
    return [b for b in stream(corpus, **changes) if b.epoch == 0]


@pytest.mark.usefixtures("small_windows")
class TestBatchStream:
    def test_an_epoch_holds_every_record_once_within_the_budget(self, corpus):
        epochs: dict[int, list[int]] = {}
        for batch in stream(corpus):
            epochs.setdefault(batch.epoch, []).extend(batch.records.tolist())
            longest = max(corpus[int(r)]["length"] for r in batch.records)
            assert (longest + 4) * len(batch.records) <= 600
        assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(N))
        assert epochs[0] != epochs[1]

    def test_seed_and_epoch_decide(self, corpus):
        def ids(seed):
            return [b.records.tolist() for b in stream(corpus, seed=seed)]

        assert ids(3) == ids(3)
        assert ids(3) != ids(4)

    def test_progress_counts_optimiser_steps(self, corpus):
        made = list(stream(corpus, steps=4, batches_per_step=2))
        assert [b.progress for b in made] == [0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75]

    def test_a_window_is_read_block_by_block(self, corpus):
        windows = list(stream(corpus)._windows(epoch=0))
        assert sorted(np.concatenate(windows).tolist()) == list(range(N))
        assert len(windows) == 3
        assert max(len(window) for window in windows) == 48
        blocks = {tuple(w[i : i + 16]) for w in windows for i in range(0, len(w), 16)}
        assert tuple(range(16)) in blocks

    def test_ranks_share_every_batch(self, corpus):
        whole = first_epoch(corpus, world_size=1)
        parts = [first_epoch(corpus, rank=rank, world_size=2) for rank in (0, 1)]
        assert len(parts[0]) == len(parts[1])
        assert all(len(a.records) == len(b.records) for a, b in zip(*parts, strict=True))
        union = np.concatenate([b.records for part in parts for b in part])
        assert (
            set(union.tolist())
            == set(range(N))
            == set(np.concatenate([b.records for b in whole]).tolist())
        )

    def test_fewer_records_than_ranks(self):
        parts = [list(stream(dataset(1), steps=3, rank=rank, world_size=2)) for rank in (0, 1)]
        assert [[b.records.tolist() for b in part] for part in parts] == [[[0]] * 3] * 2


def test_a_record_reads_as_bases_and_type(corpus, tokenizer):
    [ids] = Reader(corpus, tokenizer)(np.array([4]))
    record = corpus[4]
    tokens = tokenizer.convert_ids_to_tokens(ids)
    named = f"[{RNA_TYPES[record['type']]}]"
    assert tokens == ["<cls>", *record["sequence"], "[IND]", named, "<eos>"]


def test_long_records_are_cut_to_what_fits(tokenizer):
    from datasets import Dataset

    corpus = Dataset.from_dict({"sequence": ["A" * 600], "type": [0], "length": [600]})
    [ids] = Reader(corpus, tokenizer)(np.array([0]))
    assert len(ids) == 512
    [batch] = islice(stream(corpus), 1)
    assert batch.records.tolist() == [0]


def masked_batches(corpus, tokenizer, **options) -> MaskedBatches:
    masker = Masker(
        MaskingOptions(**{"schedule": "staged", **options}), tokenizer, MotifMatcher([["ACGU"]])
    )
    return MaskedBatches(Reader(corpus, tokenizer), masker, seed=5)


class TestMaskedBatches:
    def test_masks_depend_on_the_record_and_not_on_its_batch(self, corpus, tokenizer):
        made = masked_batches(corpus, tokenizer)
        batch = next(iter(stream(corpus, steps=3)))
        whole = made.__getitems__(batch)["input_ids"]
        for row, record in enumerate(batch.records):
            alone = batches.Batch(batch.epoch, batch.progress, np.array([record]))
            ids = made.__getitems__(alone)["input_ids"][0]
            assert whole[row, : len(ids)].tolist() == ids.tolist()

    def test_an_epoch_brings_fresh_masks(self, corpus, tokenizer):
        made = masked_batches(corpus, tokenizer)
        one, two = (made.__getitems__(batches.Batch(epoch, 0.0, np.arange(5))) for epoch in (0, 1))
        assert one["targets"].tolist() != two["targets"].tolist()

    @pytest.mark.parametrize(("progress", "stage"), [(0, 0), (0.3, 0), (0.34, 1), (0.7, 2)])
    def test_stages_follow_the_progress(self, corpus, tokenizer, progress, stage):
        made = masked_batches(corpus, tokenizer, type_rate=0.0)
        inputs = made.__getitems__(batches.Batch(0, progress, np.arange(20)))
        assert set(inputs["kinds"].tolist()) == {stage}


def test_inputs_of_a_masked_batch():
    input_ids = np.array([[1, 4, 7, 28, 4, 2], [1, 6, 2, 0, 0, 0]])
    labels = np.array([[-100, 6, -100, -100, 29, -100], [-100, 6, -100, -100, -100, -100]])
    masked = Masked(input_ids, labels, np.array([1, 2], np.int8), np.array([True, False]))
    inputs = inputs_of(masked, pad_id=0)
    assert inputs["targets"].tolist() == [1, 4, 7]
    assert inputs["labels"].tolist() == [6, 29, 6]
    assert inputs["kinds"].tolist() == [1, TYPE, 2]
    assert inputs["attention_mask"].sum(dim=1).tolist() == [6, 3]
    assert inputs["tokens"] == 9
