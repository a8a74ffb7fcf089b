"""Negatives for data of positives only: shuffled targets, or targets of other pairs."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.items import PairItem
from rnaernie_bench.task.single_table import Negatives

TRIES = 100
"""Draws of another partner before there is taken to be none."""


def with_negatives(items: Sequence[PairItem], declared: Negatives) -> tuple[PairItem, ...]:
    """Return `items` with the negatives made of them, whose ids say which and how.

    Each positive gives `declared.per_positive` negatives with the same first partner: with its
    second partner shuffled, or swapped for one that this first partner is not positive with.

    Args:
        items: all of them positive.
        declared: how.

    Raises:
        DataError: if an item is negative already, or has no partner to swap with.
    """
    if any(item.label != 1 for item in items):
        raise DataError(
            "the data has negatives of its own",
            where="dataset.negatives",
            remedy="leave negatives out of the task",
        )
    random = np.random.default_rng(declared.seed)
    partners: dict[str, set[str]] = defaultdict(set)
    for item in items:
        partners[item.first].add(item.second)
    made = []
    for item in items:
        for copy in range(1, declared.per_positive + 1):
            if declared.method == "shuffled":
                second, group = dinucleotide_shuffle(item.second, random), ""
            else:
                other = _other(items, partners[item.first], random, item.id)
                second, group = other.second, other.second_group
            name = f"{item.id}-{declared.method}{copy}"
            made.append(replace(item, id=name, second=second, label=0, second_group=group))
    return (*items, *made)


def _other(
    items: Sequence[PairItem], known: set[str], random: np.random.Generator, name: str
) -> PairItem:
    for _ in range(TRIES):
        other = items[int(random.integers(len(items)))]
        if other.second not in known:
            return other
    raise DataError(
        f"the first partner of pair '{name}' goes with nearly every second partner",
        where="dataset.negatives",
        remedy="use method: shuffled",
    )


def dinucleotide_shuffle(sequence: str, random: np.random.Generator) -> str:
    """Return `sequence` in another order with the same dinucleotides, each as often as before.

    A shuffling is a walk over all edges of the graph of neighbouring letters. For each letter but
    the last, a last exit is drawn until the exits lead to the end of the walk; the other exits are
    shuffled, so that all such walks are equally likely (Altschul & Erickson 1985,
    doi:10.1093/oxfordjournals.molbev.a040370). First and last letter stay.
    """
    if len(sequence) < 4:
        return sequence
    exits: dict[str, list[str]] = defaultdict(list)
    for letter, after in itertools.pairwise(sequence):
        exits[letter].append(after)
    end = sequence[-1]
    while True:
        last = {
            letter: str(random.choice(following))
            for letter, following in exits.items()
            if letter != end
        }
        if all(_leads_to(end, letter, last) for letter in last):
            break
    walk: dict[str, list[str]] = {}
    for letter, following in exits.items():
        others, kept = list(following), [last[letter]] if letter in last else []
        for exit_ in kept:
            others.remove(exit_)
        walk[letter] = [others[place] for place in random.permutation(len(others))] + kept
    letters = [sequence[0]]
    taken: dict[str, int] = defaultdict(int)
    for _ in range(len(sequence) - 1):
        letter = letters[-1]
        letters.append(walk[letter][taken[letter]])
        taken[letter] += 1
    return "".join(letters)


def _leads_to(end: str, letter: str, last: dict[str, str]) -> bool:
    """Return whether last exits lead from `letter` to `end`."""
    for _ in range(len(last)):
        letter = last.get(letter, letter)
    return letter == end
