"""Motif masking against pure Python: an Aho-Corasick loop per sequence over the same motifs.

Both find all motifs, choose whole ones for 15 % of the bases, fill up, replace 80/10/10, and end in
padded arrays; the reference is a dictionary automaton and Python's `random`. They take turns on the
same batches in one process and thread; the processor's time counts, since waiting for a busy one
would slow the slower of the two more. Behind it stands the time that training rnaernie-tiny takes
for the same tokens.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from benchmarks.common import PAD, bucketed_batches, build, collate, nrc, trainer
from rnaernie_bench.backbones.vocabulary import typed_tokenizer
from rnaernie_bench.data.sources import find, locate
from rnaernie_bench.pretraining.masking import STRATEGIES, Masker, MaskingOptions, sequence_seeds
from rnaernie_bench.pretraining.motifs import (
    FREQUENT_WORDS,
    KNOWN_MOTIFS,
    MotifMatcher,
    read_motifs,
)

RATE, MASK, RANDOM = 0.15, 0.8, 0.1


class PythonMasker:
    """Motif masking as one writes it without compiled code.

    Args:
        groups: lists of motifs as token ids, the most important list first.
        bases: the token ids of the four bases.
        mask_id: the token that hides a base.
    """

    def __init__(
        self, groups: Sequence[Sequence[tuple[int, ...]]], bases: Sequence[int], mask_id: int
    ) -> None:
        self.bases, self.mask_id, self.groups = list(bases), mask_id, len(groups)
        self.goto: list[dict[int, int]] = [{}]
        self.fail = [0]
        self.out: list[list[tuple[int, int]]] = [[]]
        for number, group in enumerate(groups):
            for motif in group:
                self.add(motif, number)
        queue = deque(self.goto[0].values())
        while queue:
            state = queue.popleft()
            for token, child in self.goto[state].items():
                queue.append(child)
                self.fail[child] = self.step(self.fail[state], token)
                self.out[child] = self.out[child] + self.out[self.fail[child]]

    def add(self, motif: tuple[int, ...], group: int) -> None:
        """Add a motif to the tree."""
        state = 0
        for token in motif:
            if token not in self.goto[state]:
                self.goto[state][token] = len(self.goto)
                self.goto.append({})
                self.fail.append(0)
                self.out.append([])
            state = self.goto[state][token]
        if not self.out[state]:
            self.out[state] = [(len(motif), group)]

    def step(self, state: int, token: int) -> int:
        """Return the state after one more token."""
        while state and token not in self.goto[state]:
            state = self.fail[state]
        return self.goto[state].get(token, 0)

    def find(self, tokens: Sequence[int]) -> list[tuple[int, int, int]]:
        """Return start, length and group of every motif in a sequence."""
        state, found = 0, []
        for i, token in enumerate(tokens):
            state = self.step(state, token)
            for length, group in self.out[state]:
                found.append((i + 1 - length, length, group))
        return found

    def mask(self, tokens: list[int], generator: random.Random) -> tuple[list[int], list[int]]:
        """Return the masked tokens and the labels of a sequence."""
        bases = [i for i, token in enumerate(tokens) if token in self.bases]
        exact = RATE * len(bases)
        rest = max(1, int(exact) + (generator.random() < exact % 1))
        found = self.find(tokens)
        generator.shuffle(found)
        taken: set[int] = set()
        for chosen in range(self.groups):
            for start, length, group in found:
                if rest < 4:
                    break
                if group == chosen and length <= rest:
                    motif = range(start, start + length)
                    if taken.isdisjoint(motif):
                        taken.update(motif)
                        rest -= length
        taken.update(generator.sample([i for i in bases if i not in taken], rest))
        labels = [-100] * len(tokens)
        for i in taken:
            labels[i] = tokens[i]
            u = generator.random()
            if u < MASK:
                tokens[i] = self.mask_id
            elif u < MASK + RANDOM:
                tokens[i] = generator.choice(self.bases)
        return tokens, labels


def motif_groups() -> tuple[list[list[str]], str]:
    """Return the authors' motif lists, or random ones of their sizes where they are not here."""
    if all(find(file.path) for file in (*KNOWN_MOTIFS, *FREQUENT_WORDS)):
        groups = [
            [motif for file in files for motif in read_motifs(locate(file))]
            for files in (KNOWN_MOTIFS, FREQUENT_WORDS)
        ]
        return groups, "ATtRACT + SpliceAid, Statistics"
    generator = random.Random(0)
    shapes = ((4500, 5, 9), (10000, 10, 13))
    return [
        ["".join(generator.choices("ACGU", k=generator.randint(low, high))) for _ in range(count)]
        for count, low, high in shapes
    ], "random motifs of the authors' numbers and lengths"


def seconds(work: Callable[[], object], clock: Callable[[], float], times: int = 1) -> float:
    """Return how long `work` takes, the mean of several times."""
    start = clock()
    for _ in range(times):
        work()
    return (clock() - start) / times


def main(arguments: list[str] | None = None) -> None:
    """Print tokens per second of both, their ratio, and the share of a training step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=20, help="batches a round")
    options = parser.parse_args(arguments or [])
    items, labels, source = nrc()
    groups, motifs = motif_groups()
    print(f"data: {source}; motifs: {motifs}")
    tokenizer = typed_tokenizer()
    masker = Masker(MaskingOptions("staged"), tokenizer, MotifMatcher(groups))
    batches = bucketed_batches(items, options.batches)
    bases = tokenizer.convert_tokens_to_ids([*"ACGU"])
    ids = dict(zip("ACGU", bases, strict=True))
    reference = PythonMasker(
        [[tuple(ids[c] for c in m.replace("T", "U")) for m in group] for group in groups],
        bases,
        tokenizer.mask_token_id,
    )

    def compiled(strategy: int) -> None:
        for batch in batches:
            seeds = sequence_seeds(0, 0, np.array(batch))
            masker.mask([items[i] for i in batch], np.full(len(batch), strategy), seeds)

    def python() -> None:
        for batch in batches:
            rows = [reference.mask(items[i].tolist(), random.Random(i)) for i in batch]
            longest = max(len(tokens) for tokens, _ in rows)
            np.array([tokens + [PAD] * (longest - len(tokens)) for tokens, _ in rows])
            np.array([labels + [-100] * (longest - len(labels)) for _, labels in rows])

    ours = {name: partial(compiled, i) for i, name in enumerate(STRATEGIES)}
    for work in ours.values():
        work()  # compiled, and in the processor's caches
    tokens = sum(len(items[i]) for batch in batches for i in batch)
    times: dict[str, list[float]] = {name: [] for name in (*ours, "python")}
    for _ in range(options.rounds):
        times["python"].append(seconds(python, time.thread_time))
        for name, work in ours.items():
            times[name].append(seconds(work, time.thread_time, times=10))
    step = trainer(build(layers=4, hidden=192, heads=6, fast_dropout=True))
    collated = [collate(items, labels, batch) for batch in batches]
    step(collated[0])
    training = seconds(lambda: [step(batch) for batch in collated], time.perf_counter)
    print(f"{'':24s} tokens/s")
    print(f"{'motif, pure Python':24s} {tokens / statistics.median(times['python']):12,.0f}")
    for name in ours:
        print(f"{name:24s} {tokens / statistics.median(times[name]):12,.0f}")
    print(
        f"{'training, rnaernie-tiny':24s} {tokens / training:12,.0f}"
        f" ({torch.get_num_threads()} threads)"
    )
    share = statistics.median(times["motif"]) / training
    print(f"motif masking takes {share:.2%} of the time of training")
    ratios = [a / b for a, b in zip(times["python"], times["motif"], strict=True)]
    print(f"ratio {statistics.median(ratios):.0f} (rounds: {min(ratios):.0f} to {max(ratios):.0f})")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
