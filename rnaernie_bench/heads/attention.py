"""A contact head: logistic regression on attention maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rnaernie_bench.heads.bases.contact import BINARY, ContactHead, Scores, pairs_of
from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.metrics.problems import Problem
from rnaernie_bench.task.catalogue import HeadEntry


@dataclass(frozen=True)
class AttentionOptions:
    """Options of `AttentionHead`."""

    apc: bool = True
    """Whether maps are corrected by average products, which takes off how much attention a base
    gives or gets at all."""


class AttentionHead(ContactHead):
    """Logistic regression on attention maps: a weight for each layer and head, and a bias.

    Maps are made symmetric by the mean with their transposes and, by option, corrected: from entry
    ij of a map with row sums r and total t, ``r_i r_j / t`` is taken off (Dunn, Wahl & Gloor 2008;
    on attention maps, Rao et al. 2021). As both steps are linear in the map, the weighted sum is
    taken first; no second set of maps is made.

    Args:
        config: of the backbone; it says how many maps there are.
        options: see `AttentionOptions`.
        scores: what is given to each pair of bases.
    """

    reads_attentions = True

    def __init__(
        self, config: Any, options: AttentionOptions | None = None, scores: Scores = BINARY
    ) -> None:
        super().__init__(config, scores)
        self.options = options or AttentionOptions()
        self.decoder = scores.decoder(config.num_hidden_layers * config.num_attention_heads)

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the attention maps of the bases, (inputs, layers x heads, length, length)."""
        bases = slice(self.first, self.first + batch["mask"].shape[1])
        return torch.cat([layer[..., bases, bases] for layer in outputs["attentions"]], 1)

    def predict(self, features: Tensor, batch: Batch) -> Tensor:
        """Return symmetric logits of attention maps."""
        maps = features.masked_fill(~pairs_of(batch["mask"]).unsqueeze(1), 0.0)
        weight = self.decoder.weight
        logits = torch.einsum("bmij,km->bkij", maps, weight) + self.decoder.bias[:, None, None]
        if self.options.apc:
            given = ((maps.sum(2) + maps.sum(3)) / 2).unsqueeze(1)
            total = given.sum(-1, keepdim=True).clamp_min(torch.finfo(maps.dtype).eps)
            logits = logits - (given * weight[:, :, None] / total).mT @ given
        return self.scores.finished(logits, batch)


def build(
    config: Any, num_labels: int, problem: Problem, *, canonical: bool = False
) -> AttentionHead:
    """Build the head for a backbone of this `config`; `canonical` as in `Scores`."""
    return AttentionHead(config, scores=Scores(problem, num_labels, canonical))


ENTRY = HeadEntry(
    level="contact",
    build="rnaernie_bench.heads.attention:build",
    summary="logistic regression on attention maps",
    fresh={"canonical": True},
)
