"""The network of the controls `onehot-states` and `kmer-states`, saved and loaded like others."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from rnaernie_bench.backbones.vocabulary import N_RNA_TOKENS

BASES = "ACGU"
_FIRST_LETTER = 6
"""Tokens before it stand for no base."""
_LETTERS = {
    "A": "A", "C": "C", "G": "G", "U": "U", "R": "AG", "Y": "CU", "S": "CG", "W": "AU",
    "K": "GU", "M": "AC", "B": "CGU", "D": "AGU", "H": "ACU", "V": "ACG",
}  # fmt: skip
"""What IUPAC's letters stand for; every other token stands for any base."""

_ALPHABET = "ACGUNRYSWKMBDHV"
"""The letters of MultiMolecule's RNA vocabulary from id `_FIRST_LETTER` on."""


class LettersConfig(PretrainedConfig):
    """The width of a k-mer; `hidden_size` is 4^k."""

    model_type = "rnaernie_bench_letters"

    def __init__(self, k: int = 1, vocab_size: int = 28, **kwargs: Any) -> None:
        self.k = k
        self.vocab_size = vocab_size
        self.hidden_size = len(BASES) ** k
        ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
        super().__init__(**{**ids, **kwargs})


class LettersModel(PreTrainedModel):
    """One-hot k-mers: the state of a base is one at the k-mer in whose middle it stands.

    A letter that stands for several bases counts for each in equal parts, and what lies beyond the
    ends of a sequence counts for all four; a k-mer's share is then the product over its letters.
    """

    config_class = LettersConfig
    base_model_prefix = "letters"
    _supports_sdpa = True  # it attends to nothing

    def __init__(self, config: LettersConfig) -> None:
        super().__init__(config)
        # A parameter, as Transformers asks those for type and device; nothing trains it.
        self.shares = nn.Parameter(_shares(config.vocab_size), requires_grad=False)
        self.post_init()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **kwargs: Any
    ) -> BaseModelOutput:
        """Return ``last_hidden_state`` of shape (batch, tokens, 4^k)."""
        letters = self.shares[input_ids]
        reach = self.config.k // 2
        beyond = letters.new_full((len(letters), reach, len(BASES)), 1 / len(BASES))
        around = torch.cat([beyond, letters, beyond], 1).unfold(1, letters.shape[1], 1)
        states = around.new_ones(*letters.shape[:2], 1)
        for offset in range(self.config.k):
            states = (states.unsqueeze(-1) * around[:, offset].mT.unsqueeze(-2)).flatten(2)
        return BaseModelOutput(last_hidden_state=states)


def _shares(vocab_size: int) -> Tensor:
    """Return how much each token counts for each base, float32 (tokens, 4)."""
    table = torch.full((vocab_size, len(BASES)), 1 / len(BASES))
    for index, letter in enumerate(_ALPHABET, _FIRST_LETTER):
        bases = _LETTERS.get(letter, BASES)
        table[index] = torch.tensor([(base in bases) / len(bases) for base in BASES])
    return table


@cache
def base_shares(vocab_size: int) -> Tensor:
    """Return the same, with 0 for tokens that are no letters, such as special ones and types."""
    table = _shares(vocab_size)
    table[:_FIRST_LETTER] = 0
    table[N_RNA_TOKENS:] = 0
    return table
