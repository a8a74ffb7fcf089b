"""`score` against plain loops over a MultiMolecule model, one forward a row, on one thread.

Two measurements with the weights of the package: masked marginals of all single and double mutants
of the tRNA of `trna_fitness` against one forward a variant; and pseudo-likelihoods of nRC's test
sequences against one masked row at a time, exact, in bfloat16 and with a stride, whose error is
measured as well. Seconds are those of the processor. What would take long is done for rows spread
evenly over the work, and scaled up; how many, the output says.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import TypeVar

import numpy as np
import torch

from benchmarks.embedding import nrc_test
from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.loading import load_backbone
from rnaernie_bench.backbones.masked import MaskedReader
from rnaernie_bench.data.variants import BASES, every_single
from rnaernie_bench.learning.zero_shot.fills import pseudo_log_likelihoods, scores_of_variants
from rnaernie_bench.task.task import load_task

T = TypeVar("T")

WANTED = {"marginals": 50, "pseudo-likelihoods": 3}
"""How many times as fast `score` has to be."""


def main(arguments: list[str] | None = None) -> None:
    """Print seconds of both, their ratio, and the error of strides and of bfloat16."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--forwards", type=int, default=60, help="of the plain loops")
    parser.add_argument("--sequences", type=int, default=6, help="of the 1,000, read whole")
    parser.add_argument("--strides", type=int, nargs="*", default=[7, 16])
    options = parser.parse_args(arguments or [])
    torch.set_num_threads(1)
    encoder = load_backbone("rnaernie-tiny", masked_lm=True)
    marginals(encoder, options.forwards)
    likelihoods(encoder, options.forwards, options.sequences, options.strides)


def marginals(encoder: Encoder, forwards: int) -> None:
    """Compare masked marginals of single and double mutants."""
    wild = load_task("trna_fitness").dataset.reference
    variants = [*every_single(wild), *doubles(wild)]
    ours = seconds(lambda: scores_of_variants(MaskedReader(encoder), wild, variants))
    rows = [(wild, place % len(wild)) for place in range(forwards)]
    naive = seconds(lambda: plain(encoder, rows)) / forwards * len(variants)
    told("marginals", f"{len(variants)} mutants of {len(wild)} nt", naive, ours)


def likelihoods(encoder: Encoder, forwards: int, count: int, strides: Sequence[int]) -> None:
    """Compare pseudo-likelihoods, and measure the error of what is faster."""
    sequences, source = nrc_test()
    thousand = sequences[:1000]
    chosen = spread(sorted(thousand, key=len), count)
    rows = sum(map(len, chosen))
    places = spread([(s, i) for s in chosen for i in range(len(s))], forwards)
    naive = seconds(lambda: plain(encoder, places)) / len(places) * rows
    what = f"{count} of 1,000 sequences of {source}, {rows} masked rows"
    reader = MaskedReader(encoder)
    exact: list[np.ndarray] = []
    ours = seconds(lambda: exact.extend(pseudo_log_likelihoods(reader, chosen)))
    told("pseudo-likelihoods", what, naive, ours)
    values, bases = exact
    low = MaskedReader(encoder, precision="bf16")
    for name, fast, stride in (
        ("bf16", low, None), *((f"stride {n}", reader, n) for n in strides),
        *((f"bf16, stride {n}", low, n) for n in strides),
    ):  # fmt: skip
        found: list[np.ndarray] = []

        def work(
            fast: MaskedReader = fast, stride: int | None = stride, found: list[np.ndarray] = found
        ) -> None:
            found.extend(pseudo_log_likelihoods(fast, chosen, stride=stride))

        took = seconds(work)
        error = np.abs(found[0] - values) / bases
        told(f"  {name}", f"off by {error.mean():.4f} nats a base", naive, took)


def doubles(wild: str) -> list[str]:
    """Return all sequences that differ from a reference in two bases."""
    found = []
    for i, j in combinations(range(len(wild)), 2):
        for a, b in product(BASES.replace(wild[i], ""), BASES.replace(wild[j], "")):
            found.append(wild[:i] + a + wild[i + 1 : j] + b + wild[j + 1 :])
    return found


def plain(encoder: Encoder, rows: Sequence[tuple[str, int]]) -> float:
    """Read one masked sequence after the other, as with MultiMolecule alone."""
    total = 0.0
    for sequence, place in rows:
        ids = encoder.tokenizer(sequence, return_tensors="pt")["input_ids"]
        base = int(ids[0, place + 1])
        ids[0, place + 1] = encoder.tokenizer.mask_token_id
        with torch.inference_mode():
            logits = encoder.model(input_ids=ids).logits[0, place + 1]
        total += float(logits.log_softmax(0)[base])
    return total


def spread(items: Sequence[T], count: int) -> list[T]:
    """Return so many items, evenly from all of them."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[place] for place in places]


def seconds(work: Callable[[], object]) -> float:
    """Return the processor's seconds for some work."""
    start = time.process_time()
    work()
    return time.process_time() - start


def told(name: str, what: str, naive: float, ours: float) -> None:
    """Print a line."""
    wanted = f", wanted {WANTED[name]}" if name in WANTED else ""
    print(f"{name}: {what}: {naive:.1f} s by a plain loop, {ours:.2f} s; ratio "
          f"{naive / ours:.1f}{wanted}")  # fmt: skip


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
