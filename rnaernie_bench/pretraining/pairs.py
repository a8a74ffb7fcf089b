"""Pair probabilities as targets: a head that predicts partners, its loss, and what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor, nn

from rnaernie_bench.core import paths
from rnaernie_bench.core.progress import steps
from rnaernie_bench.structure.pair_probabilities import PAIRS, pair_probabilities

LEAST = 0.01
"""The smallest probability of a pair that is a target; what is left counts as unpaired."""

NEAREST = 4
"""The least distance of two bases that pair: a hairpin loop has three bases or more."""

HEAD = "pair_head.safetensors"
"""The head beside the weights of a network that was trained with it."""

_BLOCK = 4096  # sequences whose pairs are read from the cache together


class PairHead(nn.Module):
    """Scores for each base every other one, and none, as its partner.

    A symmetric bilinear map of the normalised states, as two bases pair either way.

    Args:
        hidden: features of a state.
        width: features by which two states are compared.
    """

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.left = nn.Linear(hidden, width)
        self.right = nn.Linear(hidden, width)
        self.unpaired = nn.Linear(hidden, 1)

    def forward(self, states: Tensor, bases: Tensor) -> Tensor:
        """Return logarithms of probabilities, shape (batch, length, length + 1); last: unpaired.

        Args:
            states: (batch, length, hidden).
            bases: true where a base stands that can pair, (batch, length).
        """
        states = self.norm(states)
        scores = self.left(states) @ self.right(states).transpose(1, 2)
        scores = (scores + scores.transpose(1, 2)).float() / (2 * self.left.out_features**0.5)
        place = torch.arange(scores.shape[1], device=scores.device)
        close = (place[:, None] - place).abs() < NEAREST
        scores = scores.masked_fill(close | ~bases[:, None, :], float("-inf"))
        return torch.cat([scores, self.unpaired(states).float()], dim=-1).log_softmax(dim=-1)


def save_head(head: PairHead, folder: Path) -> None:
    """Write the weights of a head beside those of its network."""
    from safetensors.torch import save_file

    weights = {name: value.detach().cpu().contiguous() for name, value in head.state_dict().items()}
    save_file(weights, folder / HEAD)


def partner_losses(partners: Tensor, pairs: Tensor, p: Tensor, bases: Tensor) -> Tensor:
    """Return for each base the cross-entropy of its partner in nats, shape (bases,).

    Args:
        partners: of a `PairHead`, (batch, length, length + 1).
        pairs: row, position and position of the partner in the batch, each pair once, int64 of
            shape (pairs, 3).
        p: their probabilities, (pairs,).
        bases: which positions count, (batch, length).
    """
    row, i, j = pairs.unbind(1)
    losses = partners.new_zeros(bases.shape)
    unpaired = partners.new_ones(bases.shape)
    for one, other in ((i, j), (j, i)):
        losses = losses.index_put((row, one), -p * partners[row, one, other], accumulate=True)
        unpaired = unpaired.index_put((row, one), -p, accumulate=True)
    losses = losses - unpaired.clamp(min=0) * partners[..., -1]
    return losses[bases]


class PairTable:
    """The likely pairs of sequences, by their place in a list.

    Args:
        sequences: normalised.
        max_bases: of longer ones nothing is known.
    """

    def __init__(self, sequences: Sequence[str], max_bases: int) -> None:
        short = [n for n, text in enumerate(sequences) if len(text) <= max_bases]
        self.known = np.zeros(len(sequences), dtype=bool)
        self.known[short] = True
        counts = np.zeros(len(sequences), dtype=np.int64)
        kept = [np.empty(0, PAIRS)]

        lock = paths.cache_folder() / "pair-probabilities.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        counting = steps("pair probabilities", len(short), "sequences")
        with FileLock(lock), counting as step:  # processes of one training want the same
            for start in range(0, len(short), _BLOCK):
                some = short[start : start + _BLOCK]
                found = pair_probabilities([sequences[n] for n in some])
                likely = [pairs[pairs["p"] >= LEAST] for pairs in found]
                counts[some] = [len(pairs) for pairs in likely]
                kept.extend(likely)
                step(len(some))
        self._pairs = np.concatenate(kept)
        self._ends = np.cumsum(counts)

    def __getitem__(self, number: int) -> np.ndarray:
        """Return the pairs of a sequence, an array of `PAIRS`."""
        first = self._ends[number - 1] if number else 0
        return self._pairs[first : self._ends[number]]

    def targets(self, numbers: np.ndarray, lengths: np.ndarray) -> dict[str, Tensor]:
        """Return what `partner_losses` needs of a padded batch of ``<cls> bases ...``.

        Args:
            numbers: of the sequences.
            lengths: how many bases each has in the batch.

        Returns:
            ``pairs``, ``p``, and ``pairing``, how many bases each sequence is asked about.
        """
        found = [self[int(number)] for number in numbers]
        rows = np.repeat(np.arange(len(found)), [len(pairs) for pairs in found])
        every = np.concatenate(found)
        places = np.stack([rows, every["i"] + 1, every["j"] + 1], axis=1).astype(np.int64)
        return {
            "pairs": torch.from_numpy(places),
            "p": torch.from_numpy(every["p"].astype(np.float32)),
            "pairing": torch.from_numpy(np.where(self.known[numbers], lengths, 0)),
        }


def bases_of(pairing: Tensor, length: int) -> Tensor:
    """Return which positions of ``<cls> bases ...`` hold a base, bool (batch, length).

    Args:
        pairing: how many bases each sequence has.
        length: of the padded batch.
    """
    place = torch.arange(length, device=pairing.device)
    return (place >= 1) & (place <= pairing[:, None])


SUMS = ("n", "x", "y", "xx", "yy", "xy", "loss", "bases")
"""What `pair_sums` adds up: over pairs of bases the predicted (x) and true (y) probabilities, their
squares and products; over bases the cross-entropy of the partner."""


def pair_sums(partners: Tensor, pairs: Tensor, p: Tensor, bases: Tensor) -> Tensor:
    """Return the `SUMS` of a batch, float64; the arguments are those of `partner_losses`."""
    length = bases.shape[1]
    truth = partners.new_zeros(len(bases), length, length)
    row, i, j = pairs.unbind(1)
    truth[row, i, j] = p
    given = partners[..., :-1].exp()
    given = (given + given.transpose(1, 2)) / 2
    able = torch.ones(length, length, dtype=torch.bool).triu(NEAREST)
    chosen = able & bases[:, :, None] & bases[:, None, :]
    x, y = given[chosen].double(), truth[chosen].double()
    losses = partner_losses(partners, pairs, p, bases)
    sums = [x.sum(), y.sum(), x @ x, y @ y, x @ y, losses.double().sum()]
    return torch.stack([sums[0] * 0 + len(x), *sums, sums[0] * 0 + len(losses)])


def pair_figures(sums: Tensor) -> dict[str, float]:
    """Return ``pairs_loss`` and ``pairs_correlation`` (Pearson's) from `SUMS`.

    The correlation is 0 where one side does not vary.
    """
    n, x, y, xx, yy, xy, loss, bases = sums.tolist()
    variance = (xx - x * x / n) * (yy - y * y / n) if n else 0.0
    return {
        "pairs_loss": loss / max(bases, 1),
        "pairs_correlation": (xy - x * y / n) / variance**0.5 if variance > 0 else 0.0,
    }
