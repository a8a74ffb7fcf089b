"""A token head on the state of each base and of its neighbours."""

from __future__ import annotations

from typing import Any

from multimolecule.modules import HeadConfig
from torch import Tensor, nn
from torch.nn import functional

from rnaernie_bench.heads.bases.contract import Batch
from rnaernie_bench.heads.bases.linear import head_config
from rnaernie_bench.heads.token import TokenHead
from rnaernie_bench.task.catalogue import HeadEntry


class TokenWindowHead(TokenHead):
    """States of each base and its flanks -> dropout -> linear; 0 stands beyond the ends.

    Args:
        config: of the backbone.
        head_config: see `heads.bases.linear`.
        flank: bases that are read on either side of each.
    """

    def __init__(self, config: Any, head_config: HeadConfig | None = None, *, flank: int) -> None:
        super().__init__(config, head_config)
        self.flank = flank
        self.decoder = nn.Linear((2 * flank + 1) * config.hidden_size, self.num_labels)

    def rows(self, features: Tensor, batch: Batch) -> Tensor:
        """Return the states around each base, (bases, (2 flank + 1) x hidden)."""
        mask = batch["mask"]
        states = functional.pad(padded(features, mask), (0, 0, self.flank, self.flank))
        around = states.unfold(1, 2 * self.flank + 1, 1)[mask]  # (bases, hidden, 2 flank + 1)
        return around.mT.flatten(1)


def padded(features: Tensor, mask: Tensor) -> Tensor:
    """Return features of bases that follow each other by input, 0 at padding.

    Args:
        features: (bases, width).
        mask: bool (inputs, longest), true at bases.

    Returns:
        (inputs, longest, width).
    """
    found = features.new_zeros((*mask.shape, features.shape[-1]))
    found[mask] = features
    return found


def build(config: Any, num_labels: int, problem: str, *, flank: int = 5) -> TokenWindowHead:
    """Build the head for a backbone of this `config`."""
    return TokenWindowHead(config, head_config(num_labels, problem), flank=flank)


ENTRY = HeadEntry(
    level="token",
    build="rnaernie_bench.heads.token_window:build",
    summary="states of each base and its flanks -> dropout -> linear",
    reads=("flank",),
)
