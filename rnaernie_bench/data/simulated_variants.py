"""Simulated variants of a reference: the stand-in for mutational scans."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from rnaernie_bench.data.items import Items, SequenceItem
from rnaernie_bench.data.variants import BASES, positions

if TYPE_CHECKING:
    from rnaernie_bench.task.task import Task


def variants_of(task: Task) -> dict[str, Items]:
    """Return single and double mutants of the task's reference, one after the other.

    Every mutation has a cost, which follows from position and base, and costs add up: quantities
    say nothing about RNA. No sequence stands twice.
    """
    import numpy as np

    reference, seen = task.dataset.reference, set[str]()
    parts: dict[str, Items] = {}
    for part, size in task.simulation.sizes.items():
        seed = hashlib.sha256(f"{part}/{reference}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(seed[:8], "little"))
        items: list[SequenceItem] = []
        while len(items) < size:
            letters = list(reference)
            for place in rng.choice(len(letters), size=1 + len(items) % 2, replace=False).tolist():
                others = [base for base in BASES if base != letters[place]]
                letters[place] = others[int(rng.integers(3))]
            sequence = "".join(letters)
            if sequence in seen:
                continue
            seen.add(sequence)
            at = positions(sequence, reference)
            cost = sum(_cost(place, sequence[place - 1]) for place in at)
            label = tuple(round(1 - cost / (column + 2), 4) for column in range(len(task.labels)))
            name = f"sim-{part}-{len(items):06d}"
            items.append(SequenceItem(name, sequence, label, str(at[0]), at))
        parts[part] = tuple(items)
    return parts


def _cost(place: int, base: str) -> float:
    """Return a number from 0 to below 1 that a mutation always has."""
    return hashlib.sha256(f"{place}{base}".encode()).digest()[0] / 256
