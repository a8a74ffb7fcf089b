"""What heads share that are one linear layer on a vector of each sequence or base."""

from __future__ import annotations

from typing import Any

from multimolecule.modules import HeadConfig
from multimolecule.modules.heads.generic import PredictionHead
from torch import Tensor

from rnaernie_bench.backbones.vocabulary import N_RNA_TOKENS
from rnaernie_bench.heads.bases.contract import Batch, one_linear_layer

DROPOUT = 0.1
"""The authors' dropout before the linear layer."""


class LinearHead:
    """What a MultiMolecule head, the next base class, becomes here: one linear layer on rows."""

    def rows(self, features: Tensor, batch: Batch) -> Tensor:
        """Return what the linear layer reads of each unit, (units, width): here the features."""
        return features

    @one_linear_layer
    def predict(self, features: Tensor, batch: Batch) -> Tensor:
        """Return logits of shape (units, outputs)."""
        return self.scores(self.rows(features, batch))

    def scores(self, rows: Tensor) -> Tensor:
        """Return logits of `rows`, by dropout and the linear layer."""
        head: Any = self
        logits: Tensor = PredictionHead.forward(head, rows, None).logits
        return logits


def head_config(num_labels: int, problem: str) -> HeadConfig:
    """Return the configuration that all heads of MultiMolecule's kind share."""
    return HeadConfig(num_labels=num_labels, problem_type=problem, dropout=DROPOUT)


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
