"""Pair heads: whether and how two sequences interact, from the states of their bases.

All work in two steps, so that a sequence that stands in many pairs is read once:

- ``tower(states, mask, letters, partner)`` turns the states of some sequences into what the head
  reads of them, a dict of tensors whose first axis is the sequences;
- ``score(first, second)`` turns the towers of the partners of each pair into logits (pairs,
  labels), by a last layer called ``decoder``.

`states`, (sequences, length, hidden), are those of the bases alone; `mask`, bool (sequences,
length), is true at bases; `letters`, int64 of the same shape, are `letter_codes`. A logit does not
depend on padding. ``score_all`` scores all firsts against all seconds, where there is one label.

MultiMolecule builds and calls the heads by its own names for one joint input, ``<cls> first <eos>
second <eos>``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from multimolecule.modules import HEADS, HeadConfig, HeadOutput
from multimolecule.modules.heads.generic import BasePredictionHead
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from rnaernie_bench.metrics.losses import loss_of
from rnaernie_bench.task.single_table import Partner

Tower = Mapping[str, Tensor]
"""What a head reads of some sequences; the first axis of each tensor is the sequences."""

PARTNERS: tuple[Partner, Partner] = ("first", "second")

DROPOUT = 0.1

FIRST_BASE = 6
"""The token of A in MultiMolecule's RNA vocabulary; C, G and U follow."""

_CODES = np.zeros(256, dtype=np.int64)
_CODES[np.frombuffer(b"ACGU", dtype=np.uint8)] = (1, 2, 3, 4)


def letter_codes(sequence: str) -> np.ndarray:
    """Return 1 to 4 for A, C, G and U and 0 for other letters, int64 of shape (bases,)."""
    return _CODES[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]


def select(tower: Tower, index: Tensor) -> dict[str, Tensor]:
    """Return the sequences of `tower` at `index`, in its order, perhaps repeated."""
    return {name: tensor.index_select(0, index) for name, tensor in tower.items()}


def segments(
    states: Tensor, first_bases: Tensor, second_bases: Tensor
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Take the states of both partners out of those of a joint input.

    Args:
        states: (pairs, tokens, width), of ``<cls> first <eos> second <eos>`` and padding.
        first_bases: bases of the first partners, int64 (pairs,).
        second_bases: those of the second.

    Returns:
        States (pairs, longest partner, width) and mask (pairs, longest partner) of either.
    """

    def piece(start: Tensor, bases: Tensor) -> tuple[Tensor, Tensor]:
        steps = torch.arange(int(bases.max()), device=states.device)
        mask = steps < bases[:, None]
        places = (start[:, None] + steps).clamp_max(states.shape[1] - 1)
        found = states.gather(1, places[..., None].expand(-1, -1, states.shape[-1]))
        return found * mask[..., None].to(found.dtype), mask

    return piece(torch.ones_like(first_bases), first_bases), piece(first_bases + 2, second_bases)


class PairHead(BasePredictionHead):
    """What pair heads share: scores of all against all, and MultiMolecule's way to call a head."""

    has_map = False
    """Whether `interaction_map` tells which bases a score is from."""

    def __init__(self, config: Any, head_config: HeadConfig | None = None) -> None:
        super().__init__(config, head_config)
        self.norm = nn.LayerNorm(config.hidden_size)
        self.dropout = nn.Dropout(self.config.dropout)

    def tower(self, states: Tensor, mask: Tensor, letters: Tensor, partner: Partner) -> Tower:
        """Return what is read of sequences, see the module."""
        raise NotImplementedError

    def score(self, first: Tower, second: Tower) -> Tensor:
        """Return logits (pairs, labels), see the module."""
        raise NotImplementedError

    def score_all(self, first: Tower, second: Tower) -> Tensor:
        """Return logits (firsts, seconds) of all pairs of two towers; of the first label."""
        (rows,), (columns,) = ({len(t) for t in tower.values()} for tower in (first, second))
        device = next(iter(first.values())).device
        grid = torch.cartesian_prod(
            torch.arange(rows, device=device), torch.arange(columns, device=device)
        )
        scores = self.score(select(first, grid[:, 0]), select(second, grid[:, 1]))
        return scores[:, 0].view(rows, columns)

    def forward(self, outputs: Any, labels: Tensor | None = None, **kwargs: Any) -> HeadOutput:
        """Return logits and loss of joint inputs; MultiMolecule hands over their `input_ids`.

        `labels` are classes (pairs,), or numbers (pairs, labels), nan where unknown.
        """
        ids = kwargs["input_ids"]
        ends = (ids == self.eos_token_id).long()
        before = ends.cumsum(1)  # 0 in the first segment, 1 from its <eos> on, 2 from the last
        first_bases = (before == 0).sum(1) - 1  # without <cls>
        second_bases = (before == 1).sum(1) - 1  # without the <eos> between
        letters = (ids - FIRST_BASE + 1).clamp(0, 5) % 5
        states = torch.cat([outputs["last_hidden_state"], letters[..., None]], dim=-1)
        towers = [
            self.tower(found[..., :-1], mask, found[..., -1].round().long(), partner)
            for (found, mask), partner in zip(
                segments(states, first_bases, second_bases), PARTNERS, strict=True
            )
        ]
        logits = self.score(towers[0], towers[1])
        if labels is None:
            return HeadOutput(logits)
        problem: Any = self.config.problem_type
        if problem != "multiclass":
            labels = labels.reshape(logits.shape).to(logits.dtype)
        return HeadOutput(logits, loss_of(problem, logits, labels))


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


@HEADS.register("rnaernie_bench.pair_segments")
class SegmentsHead(PairHead):
    """The mean states of both sequences, their product and difference, through two layers."""

    def __init__(self, config: Any, head_config: HeadConfig | None = None) -> None:
        super().__init__(config, head_config)
        self.hidden = nn.Linear(4 * config.hidden_size, 128)
        self.decoder = nn.Linear(128, self.num_labels)

    def tower(self, states: Tensor, mask: Tensor, letters: Tensor, partner: Partner) -> Tower:
        """Return ``mean``, (sequences, hidden)."""
        weights = mask.to(states.dtype).unsqueeze(-1)
        return {"mean": (self.norm(states) * weights).sum(1) / weights.sum(1)}

    def score(self, first: Tower, second: Tower) -> Tensor:
        """Return logits (pairs, labels)."""
        a, b = first["mean"], second["mean"]
        features = self.dropout(torch.cat([a, b, a * b, (a - b).abs()], dim=-1))
        logits: Tensor = self.decoder(self.dropout(torch.relu(self.hidden(features))))
        return logits


@HEADS.register("rnaernie_bench.pair_conv_lstm")
class ConvLstmHead(PairHead):
    """The authors' head: letters and states of both sequences, end to end, convolved and read.

    Embedded letters (64) beside projected states (hidden-64-64), a convolution of `FILTERS` x
    `KERNEL`, ReLU, pooling by two, a bidirectional LSTM of 32, layers of 16 and of the labels. The
    LSTM reads the positions. As published (`published`), it reads the filters one after the other,
    with the positions as their features, for which pairs are brought to 26 + 40 letters.
    """

    FILTERS, KERNEL, WIDTH, LSTM = 320, 12, 64, 32
    LETTERS = (26, 40)

    def __init__(
        self, config: Any, head_config: HeadConfig | None = None, *, published: bool = False
    ) -> None:
        super().__init__(config, head_config)
        self.published = published
        self.letters = nn.Embedding(5, self.WIDTH)
        self.projection = nn.Sequential(
            nn.Linear(config.hidden_size, self.WIDTH), nn.ReLU(), nn.Linear(self.WIDTH, self.WIDTH)
        )
        self.convolution = nn.Conv1d(2 * self.WIDTH, self.FILTERS, self.KERNEL)
        read = (sum(self.LETTERS) - self.KERNEL + 1) // 2 if published else self.FILTERS
        self.lstm = nn.LSTM(read, self.LSTM, batch_first=True, bidirectional=True)
        self.hidden = nn.Linear(2 * self.LSTM, 16)
        self.decoder = nn.Linear(16, self.num_labels)

    def tower(self, states: Tensor, mask: Tensor, letters: Tensor, partner: Partner) -> Tower:
        """Return ``features``, (sequences, length, 128), zero at padding, and ``mask``."""
        features = torch.cat([self.letters(letters), self.projection(self.norm(states))], dim=-1)
        return {"features": features * mask.unsqueeze(-1), "mask": mask}

    def score(self, first: Tower, second: Tower) -> Tensor:
        """Return logits (pairs, labels)."""
        joined, lengths = self._join(first, second)
        filtered = torch.relu(self.convolution(joined.mT))
        pooled = self.dropout(functional.max_pool1d(self.dropout(filtered), 2))
        if self.published:
            read = self.lstm(pooled)[0][:, -1]
        else:
            steps = ((lengths - self.KERNEL + 1) // 2).clamp_min(1).cpu()
            packed = pack_padded_sequence(pooled.mT, steps, batch_first=True, enforce_sorted=False)
            read = torch.cat([*self.lstm(packed)[1][0]], dim=-1)  # the last step of each direction
        logits: Tensor = self.decoder(self.dropout(self.hidden(self.dropout(torch.relu(read)))))
        return logits

    def _join(self, first: Tower, second: Tower) -> tuple[Tensor, Tensor]:
        """Return both partners end to end, (pairs, length, features), and how long they are."""
        a, b = first["features"], second["features"]
        (a_bases, b_bases) = (tower["mask"].sum(1) for tower in (first, second))
        if self.published:
            kept = min(b.shape[1], self.LETTERS[1])
            b, b_bases = b[:, :kept], b_bases.clamp_max(kept)
            longest = sum(self.LETTERS)
            a, a_bases = a[:, : longest - 1], a_bases.clamp_max(longest - 1)
        else:
            longest = max(int((a_bases + b_bases).max()), self.KERNEL + 1)
        joined = a.new_zeros(len(a), max(longest, a.shape[1]) + b.shape[1], a.shape[2])
        joined[:, : a.shape[1]] = a
        steps = torch.arange(b.shape[1], device=a.device)
        places = (a_bases[:, None] + steps)[..., None].expand(-1, -1, a.shape[2])
        joined = joined.scatter_add(1, places, b * (steps < b_bases[:, None])[..., None])
        return joined[:, :longest], (a_bases + b_bases).clamp_max(longest)


def interaction(config: Any, num_labels: int, problem: str) -> InteractionHead:
    """Build an `InteractionHead` for a backbone of this `config`."""
    return InteractionHead(config, _head_config(num_labels, problem))


def segment_means(config: Any, num_labels: int, problem: str) -> SegmentsHead:
    """Build a `SegmentsHead` for a backbone of this `config`."""
    return SegmentsHead(config, _head_config(num_labels, problem))


def conv_lstm(
    config: Any, num_labels: int, problem: str, *, published: bool = False
) -> ConvLstmHead:
    """Build a `ConvLstmHead` for a backbone of this `config`."""
    return ConvLstmHead(config, _head_config(num_labels, problem), published=published)


def _head_config(num_labels: int, problem: str) -> HeadConfig:
    return HeadConfig(num_labels=num_labels, problem_type=problem, dropout=DROPOUT)


def pad_towers(
    rows: Sequence[np.ndarray], lengths: np.ndarray, width: int
) -> tuple[Tensor, Tensor]:
    """Stack states of unequal lengths.

    Args:
        rows: states of each sequence, (bases, width).
        lengths: their bases, int64 of shape (sequences,).
        width: of a state.

    Returns:
        States float32 (sequences, longest, width), zero at padding, and mask (sequences, longest).
    """
    mask = np.arange(lengths.max()) < lengths[:, None]
    states = np.zeros((*mask.shape, width), dtype=np.float32)
    states[mask] = np.concatenate(rows)
    return torch.from_numpy(states), torch.from_numpy(mask)
