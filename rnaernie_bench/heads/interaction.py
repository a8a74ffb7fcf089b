"""A pair head: bilinear attention over all pairs of bases of two sequences."""

from __future__ import annotations

from typing import Any

import torch
from multimolecule.modules import HEADS, HeadConfig
from torch import Tensor, nn

from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.heads.bases.pair import PairHead, Tower
from rnaernie_bench.task.catalogue import HeadEntry
from rnaernie_bench.task.single_table import Partner


@HEADS.register("rnaernie_bench.pair")
class InteractionHead(PairHead):
    """Interaction maps: bilinear attention over all pairs of bases of the two sequences.

    Each of `MAPS` maps gives a pair of bases the score ``q_i k_j / sqrt(WIDTH)``; its softmax over
    all pairs of bases weighs the products ``u_i * v_j`` (Kim, Jun & Zhang 2018, arXiv:1805.07932;
    on molecules, Bai et al. 2023, doi:10.1038/s42256-022-00605-1). The weighted products and the
    log-sum of each map go through two layers. q, k, u and v are linear in the states of a sequence
    alone, so that screening computes them once.
    """

    MAPS, WIDTH = 4, 16
    has_map = True

    def __init__(self, config: Any, head_config: HeadConfig | None = None) -> None:
        super().__init__(config, head_config)
        whole = self.MAPS * self.WIDTH
        self.first = nn.Linear(config.hidden_size, 2 * whole)
        self.second = nn.Linear(config.hidden_size, 2 * whole)
        self.hidden = nn.Linear(whole + self.MAPS, 64)
        self.decoder = nn.Linear(64, self.num_labels)

    def tower(self, states: Tensor, mask: Tensor, letters: Tensor, partner: Partner) -> Tower:
        """Return ``key`` and ``value``, (sequences, length, maps, width), and ``mask``."""
        projection = self.first if partner == "first" else self.second
        both = projection(self.dropout(self.norm(states)))
        key, value = both.unflatten(-1, (2, self.MAPS, self.WIDTH)).unbind(2)
        return {"key": key, "value": value, "mask": mask}

    def score(self, first: Tower, second: Tower) -> Tensor:
        """Return logits (pairs, labels)."""
        maps = self._maps(first, second)
        total = maps.logsumexp((2, 3))
        weights = (maps - total[..., None, None]).exp()
        seen = torch.einsum("bkij,bjkd->bikd", weights, second["value"])
        joint = (first["value"] * seen).sum(1)
        return self._decode(joint, total - self._cells(first["mask"], second["mask"]))

    def score_all(self, first: Tower, second: Tower) -> Tensor:
        """Return logits (firsts, seconds): the same sums, as products of whole matrices."""
        maps = torch.einsum("qikd,tjkd->tkqij", first["key"], second["key"]) / self.WIDTH**0.5
        maps.masked_fill_(~first["mask"][:, :, None], -torch.inf)
        maps.masked_fill_(~second["mask"][:, None, None, None], -torch.inf)
        highest = maps.amax((3, 4), keepdim=True)
        weights = maps.sub_(highest).exp_()
        sums = weights.sum((3, 4))
        seen = torch.einsum("tkqij,tjkd->tkqid", weights, second["value"])
        joint = torch.einsum("tkqid,qikd->qtkd", seen, first["value"])
        joint /= sums.permute(2, 0, 1)[..., None]
        total = (sums.log() + highest[:, :, :, 0, 0]).permute(2, 0, 1)
        cells = torch.log(first["mask"].sum(1)[:, None] * second["mask"].sum(1))
        return self._decode(joint, total - cells[..., None])[..., 0]

    def interaction_map(self, first: Tower, second: Tower) -> Tensor:
        """Return what share of each pair's weight lies on each pair of bases.

        Returns:
            (pairs, first length, second length), the mean of the maps: it sums to 1 over a pair.
        """
        return (
            self._maps(first, second)
            .flatten(2)
            .softmax(-1)
            .view(-1, self.MAPS, first["mask"].shape[1], second["mask"].shape[1])
            .mean(1)
        )

    def _maps(self, first: Tower, second: Tower) -> Tensor:
        """Return scores (pairs, maps, first length, second length), minus infinity at padding."""
        maps = torch.einsum("bikd,bjkd->bkij", first["key"], second["key"]) / self.WIDTH**0.5
        cells = first["mask"].unsqueeze(2) & second["mask"].unsqueeze(1)
        return maps.masked_fill(~cells.unsqueeze(1), -torch.inf)

    @staticmethod
    def _cells(first: Tensor, second: Tensor) -> Tensor:
        """Return the logarithm of how many pairs of bases there are, (pairs, 1)."""
        return torch.log(first.sum(1) * second.sum(1))[:, None]

    def _decode(self, joint: Tensor, strength: Tensor) -> Tensor:
        """Return logits (..., labels) of products (..., maps, width) and strengths (..., maps)."""
        features = torch.cat([joint.flatten(-2), strength], dim=-1)
        logits: Tensor = self.decoder(self.dropout(torch.relu(self.hidden(features))))
        return logits


def build(config: Any, num_labels: int, problem: str) -> InteractionHead:
    """Build the head for a backbone of this `config`."""
    return InteractionHead(config, head_config(num_labels, problem))


ENTRY = HeadEntry(
    level="pair",
    build="rnaernie_bench.heads.interaction:build",
    summary="bilinear attention over all pairs of bases of two sequences, with a map to look at",
)
