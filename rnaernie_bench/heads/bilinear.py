"""A contact head: the weighted product of the states of two bases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from rnaernie_bench.heads.bases.contact import (
    BINARY,
    ContactHead,
    Scores,
    without_padding,
)
from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.task.catalogue import HeadEntry


@dataclass(frozen=True)
class BilinearOptions:
    """Options of `BilinearHead`."""

    dropout: float = 0.0
    """Of the states."""


class BilinearHead(ContactHead):
    """MultiMolecule's linear contact head: logit ``sum_k w_k h_ik h_jk + b`` of bases i and j.

    There a linear layer reads the products of all pairs of states, a tensor of (length, length,
    hidden). The same sum is the matrix product ``(h * w) @ h^T``. The weights have the names and
    shapes of MultiMolecule's `ContactPredictionHead`, so that either loads those of the other.

    Args:
        config: of the backbone.
        options: see `BilinearOptions`.
        scores: what is given to each pair of bases.
    """

    def __init__(
        self,
        config: Any,
        options: BilinearOptions | None = None,
        scores: Scores = BINARY,
    ) -> None:
        super().__init__(config, scores)
        self.options = options or BilinearOptions()
        self.dropout = nn.Dropout(self.options.dropout)
        self.decoder = scores.decoder(config.hidden_size)

    def predict(self, features: Tensor, batch: Batch) -> Tensor:
        """Return symmetric logits of the states of bases."""
        states = self.dropout(without_padding(features, batch["mask"])).unsqueeze(1)
        weighed = states * self.decoder.weight.unsqueeze(1)  # (batch, outputs, length, hidden)
        logits = weighed @ states.mT + self.decoder.bias[:, None, None]
        return self.scores.finished(logits, batch)


def build(
    config: Any, num_labels: int, problem: Problem, *, canonical: bool = False
) -> BilinearHead:
    """Build the head for a backbone of this `config`; `canonical` as in `Scores`."""
    return BilinearHead(config, scores=Scores(problem, num_labels, canonical))


ENTRY = HeadEntry(
    level="contact",
    build="rnaernie_bench.heads.bilinear:build",
    summary="weighted product of the states of two bases (MultiMolecule's linear contact head)",
    fresh={"canonical": True},
)
