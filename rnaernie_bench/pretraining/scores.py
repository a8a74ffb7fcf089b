"""Loss and accuracy by kind of target: bases by masking strategy, and types."""

from __future__ import annotations

import torch
from torch import Tensor

from rnaernie_bench.backbones.vocabulary import N_RNA_TOKENS
from rnaernie_bench.pretraining.masking import KINDS

TYPE = KINDS.index("type")

FIRST_TYPE = N_RNA_TOKENS + 1
"""Id of the first type token."""


def hits(logits: Tensor, labels: Tensor, kinds: Tensor) -> Tensor:
    """Return which targets are predicted right, bool of shape (targets,).

    A base competes with all tokens, a type with the other types, among which it is chosen
    whenever types are predicted.

    Args:
        logits: shape (targets, tokens).
        labels: token ids, shape (targets,).
        kinds: indices into `KINDS`, shape (targets,).
    """
    types = logits[:, FIRST_TYPE:].argmax(dim=1) + FIRST_TYPE
    return torch.where(kinds == TYPE, types, logits.argmax(dim=1)) == labels


def over_processes(sums: Tensor, device: torch.device) -> None:
    """Add up in place what the processes have counted.

    Args:
        sums: of this process, on any device.
        device: where the processes meet.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        there = sums.to(device)
        torch.distributed.all_reduce(there)
        sums.copy_(there)


class Tally:
    """Sums over targets since the last `drain`, kept on the device.

    Args:
        device: where the targets are.
    """

    def __init__(self, device: torch.device) -> None:
        self._sums = torch.zeros(len(KINDS), 3, dtype=_widest(device), device=device)
        self._pairs = torch.zeros(2, dtype=_widest(device), device=device)
        self._tokens = 0
        self._sequences = 0

    def add_pairs(self, losses: Tensor) -> None:
        """Add bases that were asked for their partner: the cross-entropy of each in nats."""
        both = torch.stack([losses.detach().sum(), torch.ones_like(losses).sum()])
        self._pairs += both.to(self._pairs.dtype)

    def add(self, losses: Tensor, right: Tensor, kinds: Tensor) -> None:
        """Add targets: their cross-entropy in nats, whether they were right, and their kinds."""
        rows = torch.stack([losses.detach(), right, torch.ones_like(losses)], dim=1)
        self._sums.index_add_(0, kinds, rows.to(self._sums.dtype))

    def count(self, tokens: int, sequences: int) -> None:
        """Add what was read, padding left out."""
        self._tokens += tokens
        self._sequences += sequences

    def drain(self) -> tuple[dict[str, float], dict[str, int]]:
        """Return the figures and the counts over all processes, and begin anew.

        Returns:
            ``KIND_loss`` and ``KIND_accuracy`` of each kind that had targets, ``pairs_loss`` if
            bases were asked for their partner; then ``tokens``,
            ``sequences`` and ``KIND_n``.
        """
        device = self._sums.device
        read = torch.tensor([self._tokens, self._sequences], dtype=self._sums.dtype, device=device)
        everything = torch.cat([self._sums.flatten(), self._pairs, read])
        over_processes(everything, device)
        self._sums.zero_()
        self._pairs.zero_()
        self._tokens = self._sequences = 0
        *sums, paired, bases, tokens, sequences = everything.tolist()
        figures: dict[str, float] = {}
        counts = {"tokens": round(tokens), "sequences": round(sequences)}
        for row, kind in enumerate(KINDS):
            loss, right, n = sums[3 * row : 3 * row + 3]
            counts[f"{kind}_n"] = round(n)
            if n:
                figures |= {f"{kind}_loss": loss / n, f"{kind}_accuracy": right / n}
        if bases:
            figures["pairs_loss"] = paired / bases
        return figures, counts


def _widest(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64
