"""A sequence head for sequences of one length: every position has weights of its own."""

from __future__ import annotations

from typing import Any

from multimolecule.modules import HeadConfig
from torch import Tensor, nn

from rnaernie_bench.heads.bases.contract import Batch, first_base
from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.heads.pooled import PooledHead
from rnaernie_bench.task.catalogue import HeadEntry


class PositionsHead(PooledHead):
    """States of all positions, flattened -> dropout -> linear.

    A model of short sequences of one length, where a position has a meaning: the classical
    predictors of siRNA efficacy are linear in the letter at each position (Vert et al. 2006,
    doi:10.1186/1471-2105-7-520).

    Args:
        config: of the backbone.
        head_config: see `heads.bases.linear`.
        length: states of every sequence.
    """

    reads_pooler = False

    def __init__(self, config: Any, head_config: HeadConfig | None = None, *, length: int) -> None:
        super().__init__(config, head_config)
        self.first, self.length = first_base(config), length
        self.decoder = nn.Linear(length * config.hidden_size, self.num_labels)

    def refuses(self, states: int) -> str | None:
        """Return why a sequence of so many states cannot be read, if so."""
        if states == self.length:
            return None
        return f"the sequence has {states} positions, the head 'positions' reads {self.length}"

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the states of all positions, (inputs, length x hidden)."""
        states: Tensor = outputs["last_hidden_state"][:, self.first : self.first + self.length]
        return states.flatten(1)


def build(config: Any, num_labels: int, problem: str, *, length: int) -> PositionsHead:
    """Build the head for a backbone of this `config`."""
    return PositionsHead(config, head_config(num_labels, problem), length=length)


ENTRY = HeadEntry(
    level="sequence",
    build="rnaernie_bench.heads.positions:build",
    summary="states of all positions of sequences of one length, flattened -> dropout -> linear",
    reads=("length",),
)
