"""From a corpus on disk to masked batches, in memory that does not grow with the corpus.

Blocks of neighbouring records are shuffled and read window by window; a window is cut into batches
of similar lengths. What a batch holds, and how it is masked, follows from the seed and the batch's
number alone: a batch can be made by any worker, and skipped without being made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from rnaernie_bench.backbones.vocabulary import INDICATOR, MAX_BASES
from rnaernie_bench.data.batching import LengthBucketedBatchSampler
from rnaernie_bench.data.encoding import encode
from rnaernie_bench.pretraining.kernels import hash_each
from rnaernie_bench.pretraining.masking import Masked, Masker, sequence_seeds, strategy_of
from rnaernie_bench.pretraining.pairs import PairTable
from rnaernie_bench.pretraining.partners import hide_partners
from rnaernie_bench.pretraining.scores import FIRST_TYPE, TYPE

BLOCK = 1024
"""Records read together."""
WINDOW = 64
"""Blocks in a window."""

SPECIAL_TOKENS = 4
"""<cls>, [IND], a type and <eos>."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Which records make a batch, and where in the training it stands."""

    epoch: int
    progress: float
    """Share of the training that is done, in [0, 1)."""
    records: np.ndarray
    """Positions in the corpus, int64 of shape (sequences,)."""


class BatchStream(Sampler[Batch]):
    """Yields the batches of a whole training, epoch after epoch.

    Every record occurs once an epoch. On several ranks each batch is sharded record by record;
    see `LengthBucketedBatchSampler` for what happens to a remainder. All ranks yield the same
    number of batches.

    Args:
        corpus: a `datasets.Dataset` with the column `length`, at least one record.
        token_budget: the most padded tokens of a batch, over all ranks.
        steps: optimiser steps of the training.
        batches_per_step: batches of each of them.
        seed: of the shuffling.
        rank: this process, from 0.
        world_size: the number of processes.
    """

    def __init__(
        self,
        corpus: Any,
        *,
        token_budget: int,
        steps: int,
        batches_per_step: int = 1,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.records = len(corpus)
        self.lengths = corpus.select_columns(["length"]).with_format("numpy")
        self.token_budget = token_budget
        self.steps = steps
        self.batches_per_step = batches_per_step
        self.seed = seed
        self.rank = rank
        self.world_size = world_size

    def __iter__(self) -> Iterator[Batch]:
        stream = self._endless()
        for step in range(self.steps):
            for _ in range(self.batches_per_step):
                epoch, records = next(stream)
                yield Batch(epoch, step / self.steps, records)

    def _endless(self) -> Iterator[tuple[int, np.ndarray]]:
        epoch = 0
        while True:
            for window, records in enumerate(self._windows(epoch)):
                sampler = LengthBucketedBatchSampler(
                    self._tokens(records),
                    self.token_budget,
                    shuffle=True,
                    seed=self.seed + window,
                    rank=self.rank,
                    world_size=self.world_size,
                )
                sampler.set_epoch(epoch)
                for chosen in sampler:
                    yield epoch, records[chosen]
            epoch += 1

    def _windows(self, epoch: int) -> Iterator[np.ndarray]:
        """Yield the records of each window, in the order they are stored in a block."""
        blocks = -(-self.records // BLOCK)
        order = np.random.default_rng([self.seed, epoch]).permutation(blocks)
        for start in range(0, blocks, WINDOW):
            firsts = BLOCK * order[start : start + WINDOW, None]
            records = (firsts + np.arange(BLOCK)).ravel()
            yield records[records < self.records]

    def _tokens(self, records: np.ndarray) -> np.ndarray:
        """Return how many tokens each of some records has."""
        bases = [
            self.lengths[int(first) : min(int(first) + BLOCK, self.records)]["length"]
            for first in records[records % BLOCK == 0]
        ]
        return np.minimum(np.concatenate(bases), MAX_BASES) + SPECIAL_TOKENS


class Reader:
    """Reads records of a corpus as token ids with their type.

    Args:
        corpus: a `datasets.Dataset` with the columns `sequence` and `type`.
        tokenizer: a tokenizer with types.
    """

    def __init__(self, corpus: Any, tokenizer: Any) -> None:
        self.columns = corpus.select_columns(["sequence", "type"])
        self.tokenizer = tokenizer
        self.indicator_id = int(tokenizer.convert_tokens_to_ids(INDICATOR))

    def __call__(self, records: np.ndarray) -> list[np.ndarray]:
        """Return ``<cls> bases [IND] [TYPE] <eos>`` of each record, int64 vectors.

        Those without a type, -1, are ``<cls> bases <eos>``.
        """
        read = self.columns[records.tolist()]
        plain = encode(read["sequence"], self.tokenizer, policy="truncate", max_bases=MAX_BASES)
        return [
            ids
            if kind < 0
            else np.concatenate([ids[:-1], [self.indicator_id, FIRST_TYPE + kind], ids[-1:]])
            for ids, kind in zip(plain.ids, read["type"], strict=True)
        ]


class MaskedBatches(Dataset[dict[str, Any]]):
    """Makes what the network is trained on; indexed by a whole `Batch`.

    Args:
        reader: reads the records.
        masker: masks them.
        seed: of the masks, with epoch and record.
        real: how many records have bases to predict; those behind them are read as they are.
        pairs: the pairs of all records, where they are asked for.
        partner_rate: share of the records that are masked by their pairs (`hide_partners`).
    """

    def __init__(
        self,
        reader: Reader,
        masker: Masker,
        seed: int,
        *,
        real: int | None = None,
        pairs: PairTable | None = None,
        partner_rate: float = 0.0,
    ) -> None:
        self.reader = reader
        self.masker = masker
        self.seed = seed
        self.real = len(reader.columns) if real is None else real
        self.pairs = pairs
        self.partner_rate = partner_rate

    def __getitems__(self, batch: Batch) -> dict[str, Any]:
        """Return the inputs of the batch; see `inputs_of`."""
        seeds = sequence_seeds(self.seed, batch.epoch, batch.records)
        strategies = strategy_of(self.masker.options.schedule, batch.progress, seeds)
        ids = self.reader(batch.records)
        masked = self.masker.mask(ids, strategies, seeds)
        for row, number in enumerate(batch.records.tolist()):
            if number >= self.real:
                masked.input_ids[row, : len(ids[row])] = ids[row]
                masked.labels[row] = -100
            elif self.pairs and _uniform(seeds[row]) < self.partner_rate:
                hide_partners(
                    masked, row, ids[row], self.pairs[number], self.masker.options,
                    mask_id=self.masker.mask_id, base_ids=self.masker.base_ids,
                    seed=int(seeds[row]),
                )  # fmt: skip
        inputs = inputs_of(masked, int(self.reader.tokenizer.pad_token_id))
        if self.pairs is None:
            return inputs
        tails = np.where(batch.records < self.real, SPECIAL_TOKENS, SPECIAL_TOKENS - 2)
        lengths = np.array([len(tokens) for tokens in ids]) - tails
        return inputs | self.pairs.targets(batch.records, lengths)


def _uniform(seed: np.uint64) -> float:
    """Return a number in [0, 1) that follows from a seed and from nothing else."""
    key = hash_each(seed, np.array([SPECIAL_TOKENS], dtype=np.int64))[0]
    return float(key >> np.uint64(11)) / 2**53


def inputs_of(masked: Masked, pad_id: int) -> dict[str, Any]:
    """Return a masked batch as tensors.

    Returns:
        ``input_ids`` and ``attention_mask``, each (batch, length); ``targets``, the positions of
        the targets in the flattened batch, with their ``labels`` and ``kinds`` (indices into
        `KINDS`), each (targets,); ``tokens``, how many are not padding.
    """
    flat = masked.labels.ravel()
    targets = np.flatnonzero(flat >= 0)
    labels = flat[targets]
    strategies = masked.strategy[targets // masked.labels.shape[1]]
    kinds = np.where(labels >= FIRST_TYPE, TYPE, strategies).astype(np.int64)
    attention_mask = masked.input_ids != pad_id
    tensors: dict[str, Tensor] = {
        "input_ids": torch.from_numpy(masked.input_ids),
        "attention_mask": torch.from_numpy(attention_mask),
        "targets": torch.from_numpy(targets),
        "labels": torch.from_numpy(labels),
        "kinds": torch.from_numpy(kinds),
    }
    return {**tensors, "tokens": int(attention_mask.sum())}
