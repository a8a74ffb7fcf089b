"""Several fitted models of one kind as one: the mean of what they give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

CHUNK = 16
"""Sequences whose pair probabilities are held at a time, of all members."""


@dataclass(frozen=True)
class Ensemble:
    """Models that read alike, such as the seeds of a row."""

    members: Sequence[Any]
    """See `learning.interface`: `Fitted`, or `FittedContacts`."""

    @property
    def reader(self) -> Any:
        """How they read; None of baselines."""
        return getattr(self.members[0], "reader", None)

    @property
    def model(self) -> Any:
        """The network of the first, for what is the same in all."""
        return self.members[0].model

    @property
    def decoding(self) -> Any:
        """How probabilities of pairs become pairs, where that is not tuned."""
        return getattr(self.members[0], "decoding", None)

    def logits(self, inputs: Sequence[Any]) -> np.ndarray:
        """Return the mean of their scores, float32 (units, outputs)."""
        found: np.ndarray = np.mean([each.logits(inputs) for each in self.members], axis=0)
        return found

    def probabilities(self, sequences: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield index and the mean of their pair probabilities, float32 (bases, bases)."""
        for first in range(0, len(sequences), CHUNK):
            some = sequences[first : first + CHUNK]
            found = [dict(each.probabilities(some)) for each in self.members]
            for place in found[0]:  # not of a sequence that is not read
                yield first + place, np.mean([maps[place] for maps in found], axis=0)

    def too_long(self, item: Any) -> bool:
        """Return whether an input has more bases than are read."""
        return bool(self.members[0].too_long(item))

    def refuse_unreadable(self, sequence: str, where: str) -> None:
        """Refuse a sequence that they cannot read.

        Raises:
            DataError: saying `where` it stands.
        """
        if hasattr(self.members[0], "refuse_unreadable"):
            self.members[0].refuse_unreadable(sequence, where)

    def save(self, folder: Path) -> None:
        """Write each into a folder of its own."""
        for number, member in enumerate(self.members):
            place = folder / member_folder(number)
            place.mkdir()
            member.save(place)


def member_folder(number: int) -> str:
    """Return what the folder of a member is called."""
    return f"member-{number}"
