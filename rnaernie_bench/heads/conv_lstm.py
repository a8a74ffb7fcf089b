"""The authors' pair head."""

from __future__ import annotations

from typing import Any

import torch
from multimolecule.modules import HEADS, HeadConfig
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.heads.bases.pair import PairHead, Tower
from rnaernie_bench.task.catalogue import HeadEntry
from rnaernie_bench.task.single_table import Partner


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


def build(config: Any, num_labels: int, problem: str, *, published: bool = False) -> ConvLstmHead:
    """Build the head for a backbone of this `config`."""
    return ConvLstmHead(config, head_config(num_labels, problem), published=published)


ENTRY = HeadEntry(
    level="pair",
    build="rnaernie_bench.heads.conv_lstm:build",
    summary="the authors' head for pairs: letters and states -> convolution -> LSTM",
    published={"published": True},
)
