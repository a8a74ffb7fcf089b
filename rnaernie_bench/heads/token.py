"""The token head: one vector of features a base, then dropout and a linear layer."""

from __future__ import annotations

from typing import Any

from multimolecule.modules import HeadConfig, TokenPredictionHead
from torch import Tensor

from rnaernie_bench.backbones.vocabulary import N_TYPED_TOKENS
from rnaernie_bench.heads.bases.contract import Batch, states_alone
from rnaernie_bench.heads.bases.linear import LinearHead, bases_of, head_config
from rnaernie_bench.task.catalogue import HeadEntry


class TokenHead(LinearHead, TokenPredictionHead):
    """MultiMolecule's own token head: state of each base -> dropout -> linear.

    Bases of all inputs follow each other, so that nothing is computed for padding.
    """

    reads_pooler = False
    """So that features do not depend on a pooler that was drawn."""

    def __init__(self, config: Any, head_config: HeadConfig | None = None) -> None:
        super().__init__(config, head_config)
        self.typed = config.vocab_size == N_TYPED_TOKENS

    @states_alone
    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the states of all bases, input by input, of shape (bases, hidden)."""
        states: Tensor = outputs["last_hidden_state"][bases_of(self, batch["input_ids"])]
        return states


def build(config: Any, num_labels: int, problem: str) -> TokenHead:
    """Build the head for a backbone of this `config`."""
    return TokenHead(config, head_config(num_labels, problem))


ENTRY = HeadEntry(
    level="token",
    build="rnaernie_bench.heads.token:build",
    summary="state of each base -> dropout -> linear (MultiMolecule's own)",
)
