"""Features of letters, called like a backbone."""

from __future__ import annotations

from torch import Tensor, nn


class Letters(nn.Module):
    """A row of features for each token: one-hot letters times a matrix.

    Args:
        tokens: size of the vocabulary.
        width: features of a token.
    """

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(tokens, width)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return ``last_hidden_state``, (batch, tokens, width)."""
        return {"last_hidden_state": self.table(input_ids)}
