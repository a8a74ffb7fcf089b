"""A sequence head on the states around the centre of a sequence."""

from __future__ import annotations

from typing import Any

import torch
from multimolecule.modules import HeadConfig
from torch import Tensor, nn

from rnaernie_bench.backbones.vocabulary import N_TYPED_TOKENS
from rnaernie_bench.heads.bases.contract import Batch, first_base
from rnaernie_bench.heads.bases.linear import bases_of, head_config
from rnaernie_bench.heads.pooled import PooledHead
from rnaernie_bench.task.catalogue import HeadEntry


class WindowHead(PooledHead):
    """States of the centre and its flanks, flattened -> dropout -> linear.

    For sequences cut around the base in question, as of modification sites. The centre of n bases
    is number n // 2, counted from 0: of an even number, the one behind the middle.

    Args:
        config: of the backbone.
        head_config: see `heads.bases.linear`.
        flank: states that are read on either side of the centre.
    """

    reads_pooler = False

    def __init__(self, config: Any, head_config: HeadConfig | None = None, *, flank: int) -> None:
        super().__init__(config, head_config)
        self.first, self.flank = first_base(config), flank
        self.typed = config.vocab_size == N_TYPED_TOKENS
        self.decoder = nn.Linear((2 * flank + 1) * config.hidden_size, self.num_labels)

    def refuses(self, states: int) -> str | None:
        """Return why a sequence of so many states cannot be read, if so."""
        before, behind = states // 2, states - 1 - states // 2
        if min(before, behind) >= self.flank:
            return None
        return (
            f"the sequence has {before} positions before its centre and {behind} behind it, the "
            f"head 'window' reads {self.flank} (task.flank)"
        )

    def features(self, outputs: Any, batch: Batch) -> Tensor:
        """Return the states around the centres, (inputs, (2 flank + 1) x hidden)."""
        states = outputs["last_hidden_state"]
        centres = self.first + bases_of(self, batch["input_ids"]).sum(1) // 2
        around = torch.arange(-self.flank, self.flank + 1, device=states.device)
        inputs = torch.arange(len(states), device=states.device)
        found: Tensor = states[inputs[:, None], centres[:, None] + around]
        return found.flatten(1)


def build(config: Any, num_labels: int, problem: str, *, flank: int = 5) -> WindowHead:
    """Build the head for a backbone of this `config`."""
    return WindowHead(config, head_config(num_labels, problem), flank=flank)


ENTRY = HeadEntry(
    level="sequence",
    build="rnaernie_bench.heads.window:build",
    summary="states of the centre and its flanks, flattened -> dropout -> linear",
    reads=("flank",),
)
