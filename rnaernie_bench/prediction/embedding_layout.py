"""What a file of embeddings holds, whatever its format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnaernie_bench.prediction.embed import Embeddings

Blocks = Iterable[tuple[Sequence[str], Sequence[str], "Embeddings"]]
"""Ids, sequences and embeddings, of consecutive sequences."""


@dataclass(frozen=True)
class Layout:
    """What a file holds beside its rows."""

    shape: tuple[int, ...]
    """Of what a row holds: a vector, one of each layer, or numbers by layer and head."""
    several: str
    """What a sequence has several rows of: `states` of nucleotides, `attentions` of pairs of them;
    empty where it has one."""
    metadata: Mapping[str, str | None]
    """How the vectors were made."""
    sequences: bool = False
    """Whether the file holds the sequences as well."""

    @property
    def width(self) -> int:
        """The numbers of a row."""
        return prod(self.shape)
