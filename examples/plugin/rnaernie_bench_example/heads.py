"""The head: features of a sequence, and what is predicted from them, as two steps.

`strategy=frozen` computes the features once and trains the second step alone.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.heads.pooled import PooledHead


class LargestHead(PooledHead):
    """The largest value of each feature over the bases, then dropout and a linear layer."""

    reads_pooler = False

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return what the linear layer reads, of shape (inputs, hidden)."""
        states, input_ids = outputs["last_hidden_state"], batch["input_ids"]
        special = [self.pad_token_id, self.bos_token_id, self.eos_token_id]
        bases = (input_ids.unsqueeze(-1) != input_ids.new_tensor(special)).all(-1)
        largest: Tensor = states.masked_fill(~bases.unsqueeze(-1), float("-inf")).amax(1)
        return largest


def largest(config: Any, num_labels: int, problem: str) -> LargestHead:
    """Build the head for a backbone of this `config`."""
    return LargestHead(config, head_config(num_labels, problem))
