"""The network of the one-hot convolutional baseline."""

from __future__ import annotations

from itertools import pairwise

import torch
from multimolecule.tokenisers.rna.utils import VOCAB_MAPPING
from torch import Tensor, nn

from rnaernie_bench.data.alphabet import LETTERS
from rnaernie_bench.learning.network import soft_vote
from rnaernie_bench.metrics.losses import loss_of
from rnaernie_bench.metrics.problems import Problem

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


class OneHotCnn(nn.Module):
    """Convolutions over one-hot bases, mean and maximum over positions, one linear layer.

    At the level of bases, the linear layer reads each position by itself.
    """

    def __init__(
        self,
        letter_ids: dict[str, int],
        vocabulary: int,
        classes: int,
        *,
        channels: int,
        kernel_size: int,
        layers: int,
        dropout: float,
        problem: Problem = "multiclass",
        level: str = "sequence",
    ) -> None:
        super().__init__()
        self.problem, self.level = problem, level
        self.class_weights: Tensor | None = None
        self.register_buffer("table", base_probabilities(letter_ids, vocabulary), persistent=False)
        widths = [len(BASES)] + [channels] * layers
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, after, kernel_size, padding="same")
            for before, after in pairwise(widths)
        )
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(channels if level == "token" else 2 * channels, classes)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor | None = None,
        votes: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return ``logits`` (units, classes) and, where `labels` are given, ``loss``.

        The arguments are those of `TaskModel.forward`.
        """
        real = attention_mask.unsqueeze(1).to(self.linear.weight.dtype)
        states = self.table[input_ids].transpose(1, 2)  # type: ignore[index]
        for convolution in self.convolutions:
            # Zeroed padding makes the result independent of how much of it there is.
            states = self.dropout(torch.relu(convolution(states))) * real
        if self.level == "token":
            bases = self.table[input_ids].sum(2) > 0  # type: ignore[index]
            logits = self.linear(states.transpose(1, 2)[bases])
        else:
            mean = states.sum(2) / real.sum(2)
            logits = soft_vote(self.linear(torch.cat([mean, states.amax(2)], dim=1)), votes)
        if labels is None:
            return {"logits": logits}
        loss = loss_of(
            self.problem, logits, labels, weights=weights, class_weights=self.class_weights
        )
        return {"loss": loss, "logits": logits}
