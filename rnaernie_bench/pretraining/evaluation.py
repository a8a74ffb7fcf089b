"""Held-out records under masks that never change: every checkpoint answers the same questions.

Each record is masked by each strategy, every target and the type hidden by the mask token, so that
nothing but the other bases tells. The type is then asked for once more with all bases in sight, as
fine-tuning does; that is the figure reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from rnaernie_bench.backbones.vocabulary import N_TYPED_TOKENS, RNA_TYPES
from rnaernie_bench.data.batching import LengthBucketedBatchSampler
from rnaernie_bench.pretraining.batches import SPECIAL_TOKENS, Reader, inputs_of
from rnaernie_bench.pretraining.masking import (
    STRATEGIES,
    Masked,
    Masker,
    MaskingOptions,
    sequence_seeds,
)
from rnaernie_bench.pretraining.network import TargetLogits
from rnaernie_bench.pretraining.pairs import SUMS, PairTable, bases_of, pair_figures, pair_sums
from rnaernie_bench.pretraining.scores import FIRST_TYPE, TYPE, hits, over_processes

SEED = 20_241_122
"""Of the masks and of the choice of records: the same regardless of the seed of the training."""

TOP = 3
"""How many types fine-tuning asks for."""


def all_hidden(options: MaskingOptions) -> MaskingOptions:
    """Return the options under which the mask token stands for every target and every type."""
    return replace(options, mask=1.0, random=0.0, type_rate=1.0, untyped_rate=0.0)


class HeldOut:
    """What is evaluated, chosen once.

    Args:
        reader: of the held-out part.
        masker: with the options that `all_hidden` gives.
        most: the most records; more are sampled.
        token_budget: the most padded tokens of a batch.
        pairs: those of all records, where the model predicts them.
        rank: this process, which scores its share of the batches.
        world_size: the number of processes.
    """

    def __init__(
        self,
        reader: Reader,
        masker: Masker,
        *,
        most: int,
        token_budget: int,
        pairs: PairTable | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        n = len(reader.columns)
        chosen = np.random.default_rng(SEED).permutation(n)[:most]
        self.records = np.sort(chosen)
        self.ids = reader(self.records)
        self.masker = masker
        self.pairs = pairs
        self.pad_id = int(reader.tokenizer.pad_token_id)
        self.mask_id = int(reader.tokenizer.mask_token_id)
        lengths = [len(ids) for ids in self.ids]
        sampler = LengthBucketedBatchSampler(lengths, token_budget, shuffle=False, seed=0)
        self.batches = list(sampler)[rank::world_size]

    def __len__(self) -> int:
        return len(self.records)

    def evaluate(self, model: TargetLogits, device: torch.device) -> dict[str, float]:
        """Return the figures of a network, over all processes.

        Returns:
            ``STRATEGY_loss`` (nats), ``STRATEGY_accuracy`` and ``STRATEGY_n`` (targets) of each
            strategy; ``chance``, the share of the most frequent base among the base targets;
            ``type_loss``, ``type_accuracy``, ``type_top3_accuracy``, ``type_macro_accuracy`` (mean
            over the types that occur) and ``type_n``; with pairs ``pairs_loss`` and
            ``pairs_correlation``, of what the model says of the whole sequence with ViennaRNA's
            probabilities, over all pairs of bases.
        """
        was_training = model.training
        model.eval()
        base = torch.zeros(len(STRATEGIES), 3, dtype=torch.float64)
        labels_seen = torch.zeros(N_TYPED_TOKENS, dtype=torch.float64)
        types = torch.zeros(len(RNA_TYPES), 4, dtype=torch.float64)
        paired = torch.zeros(len(SUMS), dtype=torch.float64)
        with torch.inference_mode():
            for strategy, inputs in self._inputs():
                logits = model(*(inputs[k].to(device) for k in _NETWORK)).float().cpu()
                labels, kinds = inputs["labels"], inputs["kinds"]
                losses = F.cross_entropy(logits, labels, reduction="none")
                right = hits(logits, labels, kinds)
                if strategy == TYPE:
                    _add_types(types, logits, labels, losses, right)
                    if self.pairs is not None:
                        paired += self._pair_sums(model, inputs, device)
                    continue
                of_bases = kinds != TYPE
                rows = torch.stack([losses, right, torch.ones_like(losses)], dim=1)[of_bases]
                base[strategy] += rows.double().sum(dim=0)
                if strategy == 0:
                    labels_seen += torch.bincount(labels[of_bases], minlength=N_TYPED_TOKENS)
        model.train(was_training)
        for sums in (base, labels_seen, types, paired):
            over_processes(sums, device)
        figures = {**_base_figures(base, labels_seen), **_type_figures(types)}
        return {**figures, **pair_figures(paired)} if self.pairs is not None else figures

    def _pair_sums(
        self, model: TargetLogits, inputs: Mapping[str, Any], device: torch.device
    ) -> Tensor:
        """Return what `pair_figures` needs of a batch in which no base is hidden."""
        given = {name: inputs[name].to(device) for name in (*_NETWORK, "pairs", "p", "pairing")}
        bases = bases_of(given["pairing"], given["input_ids"].shape[1])
        _, partners = model(*(given[name] for name in _NETWORK), bases)
        return pair_sums(partners.cpu(), inputs["pairs"], inputs["p"], bases.cpu())

    def _inputs(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield the inputs of each batch under each strategy, and with only its types hidden."""
        for chosen in self.batches:
            ids = [self.ids[i] for i in chosen]
            seeds = sequence_seeds(SEED, 0, self.records[chosen])
            for strategy in range(len(STRATEGIES)):
                strategies = np.full(len(ids), strategy, dtype=np.int8)
                yield strategy, inputs_of(self.masker.mask(ids, strategies, seeds), self.pad_id)
            shown = inputs_of(self._types_hidden(ids), self.pad_id)
            if self.pairs is not None:
                lengths = np.array([len(tokens) - SPECIAL_TOKENS for tokens in ids])
                shown |= self.pairs.targets(self.records[chosen], lengths)
            yield TYPE, shown

    def _types_hidden(self, ids: list[np.ndarray]) -> Masked:
        input_ids = np.full((len(ids), max(map(len, ids))), self.pad_id, dtype=np.int64)
        labels = np.full_like(input_ids, -100)
        for row, vector in enumerate(ids):
            input_ids[row, : len(vector)] = vector
            slot = len(vector) - 2
            input_ids[row, slot], labels[row, slot] = self.mask_id, vector[slot]
        everywhere = np.ones(len(ids), dtype=bool)
        return Masked(input_ids, labels, np.zeros(len(ids), dtype=np.int8), everywhere)


_NETWORK = ("input_ids", "attention_mask", "targets")
"""The inputs of the network, in order."""


def _add_types(sums: Tensor, logits: Tensor, labels: Tensor, losses: Tensor, right: Tensor) -> None:
    """Add loss, hits, hits among the first three and counts to the rows of the true types."""
    first = logits[:, FIRST_TYPE:].topk(TOP, dim=1).indices + FIRST_TYPE
    in_top = (first == labels[:, None]).any(dim=1)
    rows = torch.stack([losses, right, in_top, torch.ones_like(losses)], dim=1)
    sums.index_add_(0, labels - FIRST_TYPE, rows.double())


def _base_figures(sums: Tensor, labels: Tensor) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, (loss, right, n) in zip(STRATEGIES, sums.tolist(), strict=True):
        if n:
            figures |= {f"{name}_loss": loss / n, f"{name}_accuracy": right / n, f"{name}_n": n}
    return {**figures, "chance": float(labels.max() / labels.sum().clamp(min=1))}


def _type_figures(sums: Tensor) -> dict[str, float]:
    loss, right, in_top, n = sums.sum(dim=0).tolist()
    occurring = sums[sums[:, 3] > 0]
    return {
        "type_loss": loss / n,
        "type_accuracy": right / n,
        f"type_top{TOP}_accuracy": in_top / n,
        "type_macro_accuracy": float((occurring[:, 1] / occurring[:, 3]).mean()),
        "type_n": n,
    }
