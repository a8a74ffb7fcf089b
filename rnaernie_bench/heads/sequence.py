"""Sequence-level heads: one vector of features a sequence, then dropout and a linear layer.

Features and prediction are separate steps, so that a frozen backbone's features can be kept and a
head trained on them alone.
"""

from __future__ import annotations

from typing import Any

from multimolecule.modules import HEADS, HeadConfig, HeadOutput, SequencePredictionHead
from multimolecule.modules.heads.generic import PredictionHead
from torch import Tensor

from rnaernie_bench.backbones.vocabulary import N_RNA_TOKENS, N_TYPED_TOKENS

DROPOUT = 0.1
"""The authors' dropout before the linear layer."""


class PooledHead(SequencePredictionHead):
    """The authors' sequence head, MultiMolecule's own: pooler output -> dropout -> linear."""

    def features(self, outputs: Any, input_ids: Tensor) -> Tensor:
        """Return what the linear layer reads, of shape (batch, hidden)."""
        pooled: Tensor = outputs["pooler_output"]
        return pooled

    def predict(self, features: Tensor) -> Tensor:
        """Return logits of shape (batch, labels)."""
        logits: Tensor = PredictionHead.forward(self, features, None).logits
        return logits


@HEADS.register("rnaernie_bench.mean")
class MeanHead(PooledHead):
    """The same on the mean state of the bases; special tokens, types and padding are left out."""

    reads_pooler = False
    """So that features do not depend on a pooler that was drawn."""

    def __init__(self, config: Any, head_config: HeadConfig | None = None) -> None:
        super().__init__(config, head_config)
        self.typed = config.vocab_size == N_TYPED_TOKENS

    def features(self, outputs: Any, input_ids: Tensor) -> Tensor:
        """Return the mean state of the bases, of shape (batch, hidden)."""
        states = outputs["last_hidden_state"]
        weights = bases_of(self, input_ids).to(states.dtype).unsqueeze(-1)
        mean: Tensor = (states * weights).sum(1) / weights.sum(1).clamp_min(1)
        return mean

    def forward(self, outputs: Any, labels: Tensor | None = None, **kwargs: Any) -> HeadOutput:
        """Return logits and loss; MultiMolecule hands over `input_ids` with the outputs."""
        return PredictionHead.forward(self, self.features(outputs, kwargs["input_ids"]), labels)


def bases_of(head: Any, input_ids: Tensor) -> Tensor:
    """Return where bases stand, bool of the shape of `input_ids`: not special tokens, nor types.

    Args:
        head: knows its special tokens; `typed`, whether its vocabulary holds types.
        input_ids: (inputs, length).
    """
    bases = input_ids != head.pad_token_id
    for special in (head.bos_token_id, head.eos_token_id):
        if special is not None:  # some networks know none
            bases = bases & (input_ids != special)
    return bases & (input_ids < N_RNA_TOKENS) if head.typed else bases


def pooled(config: Any, num_labels: int, problem: str) -> PooledHead:
    """Build a `PooledHead` for a backbone of this `config`."""
    return PooledHead(config, head_config(num_labels, problem))


def mean(config: Any, num_labels: int, problem: str) -> MeanHead:
    """Build a `MeanHead` for a backbone of this `config`."""
    return MeanHead(config, head_config(num_labels, problem))


def head_config(num_labels: int, problem: str) -> HeadConfig:
    """Return the configuration that all linear heads share."""
    return HeadConfig(num_labels=num_labels, problem_type=problem, dropout=DROPOUT)
