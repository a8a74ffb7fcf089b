"""Pair heads: whether and how two sequences interact, from the states of their bases.

All work in two steps, so that a sequence that stands in many pairs is read once:

- ``tower(states, mask, letters, partner)`` turns the states of some sequences into what the head
  reads of them, a dict of tensors whose first axis is the sequences;
- ``score(first, second)`` turns the towers of the partners of each pair into logits (pairs,
  outputs), by a last layer called ``decoder``.

`states`, (sequences, length, hidden), are those of the bases alone; `mask`, bool (sequences,
length), is true at bases; `letters`, int64 of the same shape, are `letter_codes`. A logit does not
depend on padding. ``score_all`` scores all firsts against all seconds, where there is one output.
`PairHead` makes the contract of all heads (`heads.bases.contract`) of these two.

A batch holds for each partner ``mask`` and ``letters``. Where both are read apart, it holds their
``input_ids`` and ``attention_mask`` too, each distinct sequence once, and ``index`` says which is
whose partner. Where they are read as one input, ``<cls> first <eos> second <eos>``, ``places`` says
where the bases of a partner stand.

MultiMolecule builds and calls the heads by its own names for one joint input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from multimolecule.modules import HeadConfig, HeadOutput
from multimolecule.modules.heads.generic import BasePredictionHead
from torch import Tensor, nn

from rnaernie_bench.heads.bases.contract import Batch, first_base, states_alone, states_of_bases
from rnaernie_bench.metrics.losses import loss_of
from rnaernie_bench.metrics.problems import several_classes
from rnaernie_bench.task.single_table import Partner

Tower = Mapping[str, Tensor]
"""What a head reads of some sequences; the first axis of each tensor is the sequences."""

PARTNERS: tuple[Partner, Partner] = ("first", "second")

FIRST_BASE = 6
"""The token of A in MultiMolecule's RNA vocabulary; C, G and U follow."""

_CODES = np.zeros(256, dtype=np.int64)
_CODES[np.frombuffer(b"ACGU", dtype=np.uint8)] = (1, 2, 3, 4)


def letter_codes(sequence: str) -> np.ndarray:
    """Return 1 to 4 for A, C, G and U and 0 for other letters, int64 of shape (bases,)."""
    return _CODES[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]


def select(tower: Tower, index: Tensor) -> dict[str, Tensor]:
    """Return the sequences of `tower` at `index`, in its order, perhaps repeated."""
    return {name: tensor.index_select(0, index) for name, tensor in tower.items()}


def places_of(first_bases: Tensor, second_bases: Tensor) -> dict[Partner, dict[str, Tensor]]:
    """Return where the bases of both partners stand in joint inputs.

    Args:
        first_bases: bases of the first partners, int64 (pairs,).
        second_bases: those of the second.

    Returns:
        By partner, ``places``, int64 (pairs, longest partner), the last base repeated at padding,
        and ``mask`` of the same shape.
    """
    found: dict[Partner, dict[str, Tensor]] = {}
    starts = torch.ones_like(first_bases), first_bases + 2
    for partner, start, bases in zip(PARTNERS, starts, (first_bases, second_bases), strict=True):
        steps = torch.arange(int(bases.max()), device=bases.device)
        places = start[:, None] + torch.minimum(steps, bases[:, None] - 1)
        found[partner] = {"places": places, "mask": steps < bases[:, None]}
    return found


class PairHead(BasePredictionHead):
    """What pair heads share: the contract of all heads, and MultiMolecule's way to call one."""

    reads_pooler = False
    has_map = False
    """Whether `interaction_map` tells which bases a score is from."""

    def __init__(self, config: Any, head_config: HeadConfig | None = None) -> None:
        super().__init__(config, head_config)
        self.first_base = first_base(config)
        self.norm = nn.LayerNorm(config.hidden_size)
        self.dropout = nn.Dropout(self.config.dropout)

    @states_alone
    def features(self, outputs: Any, batch: Batch) -> dict[str, Tensor]:
        """Return the states of the bases by partner, (sequences or pairs, length, hidden)."""
        found: dict[str, Tensor] = {}
        for partner in PARTNERS:
            if partner not in batch:
                continue
            read = batch[partner]
            if "places" not in read:
                found[partner] = states_of_bases(outputs[partner], read, self.first_base)
                continue
            states = outputs["last_hidden_state"]
            places = read["places"][..., None].expand(-1, -1, states.shape[-1])
            found[partner] = states.gather(1, places) * read["mask"][..., None].to(states.dtype)
        return found

    def predict(self, features: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """Return logits (pairs, outputs)."""
        return self.score(*self.towers(features, batch))

    def towers(self, features: Mapping[str, Tensor], batch: Batch) -> tuple[Tower, Tower]:
        """Return what is read of the partners of each pair."""
        first, second = (self._tower(features[p], batch[p], p) for p in PARTNERS)
        return first, second

    def _tower(self, states: Tensor, read: Batch, partner: Partner) -> Tower:
        tower = self.tower(states, read["mask"], read["letters"], partner)
        return select(tower, read["index"]) if "index" in read else tower

    def tower(self, states: Tensor, mask: Tensor, letters: Tensor, partner: Partner) -> Tower:
        """Return what is read of sequences, see the module."""
        raise NotImplementedError

    def score(self, first: Tower, second: Tower) -> Tensor:
        """Return logits (pairs, outputs), see the module."""
        raise NotImplementedError

    def score_all(self, first: Tower, second: Tower) -> Tensor:
        """Return logits (firsts, seconds) of all pairs of two towers; of the first label."""
        (rows,), (columns,) = ({len(t) for t in tower.values()} for tower in (first, second))
        device = next(iter(first.values())).device
        grid = torch.cartesian_prod(
            torch.arange(rows, device=device), torch.arange(columns, device=device)
        )
        scores = self.score(select(first, grid[:, 0]), select(second, grid[:, 1]))
        return scores[:, 0].view(rows, columns)

    def forward(self, outputs: Any, labels: Tensor | None = None, **kwargs: Any) -> HeadOutput:
        """Return logits and loss of joint inputs; MultiMolecule hands over their `input_ids`.

        `labels` are classes (pairs,), or numbers (pairs, labels), nan where unknown.
        """
        ids = kwargs["input_ids"]
        before = (ids == self.eos_token_id).long().cumsum(1)
        # 0 in the first segment, with <cls>; 1 from its <eos> on; 2 from the last
        bases = (before == 0).sum(1) - 1, (before == 1).sum(1) - 1
        codes = (ids - FIRST_BASE + 1).clamp(0, 5) % 5
        batch = places_of(*bases)
        for read in batch.values():
            read["letters"] = codes.gather(1, read["places"]) * read["mask"]
        logits = self.predict(self.features(outputs, batch), batch)  # type: ignore[arg-type]
        if labels is None:
            return HeadOutput(logits)
        problem: Any = self.config.problem_type
        if not several_classes(problem):
            labels = labels.reshape(logits.shape).to(logits.dtype)
        return HeadOutput(logits, loss_of(problem, logits, labels))
