"""The network of the one-hot convolutional baseline."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from multimolecule.tokenisers.rna.utils import VOCAB_MAPPING
from torch import Tensor, nn

from rnaernie_bench.backbones.inference import Batch
from rnaernie_bench.data.alphabet import LETTERS
from rnaernie_bench.learning.network import Scorer

BASES = "ACGU"


def base_probabilities(letter_ids: dict[str, int], vocabulary: int) -> Tensor:
    """Return what each token says of the base, float32 of shape (vocabulary, 4).

    A base is one-hot, an IUPAC letter is spread evenly over the bases it stands for, inosine and
    unknown letters over all four; special tokens are zero, like padding.
    """
    table = torch.zeros(vocabulary, len(BASES))
    for letter in LETTERS:
        meant = letter if letter in BASES else VOCAB_MAPPING.get(letter, BASES)
        for base in meant:
            table[letter_ids[letter], BASES.index(base)] = 1 / len(meant)
    return table


class OneHotCnn(Scorer):
    """Convolutions over one-hot bases, mean and maximum over positions, one linear layer.

    Where bases are the units, the linear layer reads each position by itself.

    Args:
        kind: the inputs of the level.
        by_base: whether bases are the units.
        letter_ids: the token of each letter.
        vocabulary: how many tokens there are.
        outputs: scores of a unit.
        channels: features of a position.
        kernel_size: positions that a convolution sees.
        layers: how many convolutions there are.
        dropout: of features.
    """

    def __init__(
        self,
        kind: type[Any],
        by_base: bool,
        letter_ids: dict[str, int],
        vocabulary: int,
        outputs: int,
        *,
        channels: int,
        kernel_size: int,
        layers: int,
        dropout: float,
    ) -> None:
        super().__init__(kind)
        self.by_base = by_base
        self.register_buffer("table", base_probabilities(letter_ids, vocabulary), persistent=False)
        widths = [len(BASES)] + [channels] * layers
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, after, kernel_size, padding="same")
            for before, after in pairwise(widths)
        )
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(channels if by_base else 2 * channels, outputs)

    def predict(self, batch: Batch) -> Tensor:
        """Return logits of inputs, or of the bases of all of them, (units, outputs)."""
        input_ids: Tensor = batch["input_ids"]
        real = batch["attention_mask"].unsqueeze(1).to(self.linear.weight.dtype)
        letters: Tensor = self.table[input_ids]  # type: ignore[index]
        states = letters.transpose(1, 2)
        for convolution in self.convolutions:
            # Zeroed padding makes the result independent of how much of it there is.
            states = self.dropout(torch.relu(convolution(states))) * real
        if self.by_base:
            return self.linear(states.transpose(1, 2)[letters.sum(2) > 0])
        mean = states.sum(2) / real.sum(2)
        return self.linear(torch.cat([mean, states.amax(2)], dim=1))
