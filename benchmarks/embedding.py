"""`embed` with the 86 M RNAErnie against the authors' way: every sequence padded to 512 tokens.

The reference is MultiMolecule's model and tokenizer as they come (eager attention), in batches of
four. Ours are batches that `embed` makes of all of nRC's test part, spread evenly over it. The two
take turns batch by batch, with the same random weights, and give the same vectors.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch

from benchmarks.common import nrc
from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.loading import backbone_options, load_backbone
from rnaernie_bench.data.batching import LengthBucketedBatchSampler
from rnaernie_bench.data.fasta import read_fasta
from rnaernie_bench.data.sources import find
from rnaernie_bench.prediction.embed import TOKEN_BUDGET, Embedder

FILE = "nrc/dataset_Rfam_validated_2600_13classes.fasta"


def main(arguments: list[str] | None = None) -> None:
    """Print sequences per second of both, and the median ratio of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="rnaernie")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=3, help="batches of `embed` a round")
    options = parser.parse_args(arguments or [])
    sequences, source = nrc_test()
    print(f"data: {source}; {options.backbone}, random weights; {torch.get_num_threads()} threads")
    encoder = load_backbone(replace(backbone_options(options.backbone), init="random", source=None))
    embedder, reference = Embedder(encoder), padded_to_512(encoder)
    assert np.allclose(embedder(sequences[:2]).rows, reference(sequences[:2]), atol=1e-4)
    rates = [
        one_round(sequences, embedder, reference, options.batches, number)
        for number in range(options.rounds)
    ]
    for name, column in zip(("padded to 512", "embed"), zip(*rates, strict=True), strict=True):
        print(f"{name:14s} {statistics.median(column):8.2f} sequences/s")
    ratios = [ours / theirs for theirs, ours in rates]
    found = f"{statistics.median(ratios):.1f} (rounds: {min(ratios):.1f} to {max(ratios):.1f})"
    print(f"ratio {found}")


def nrc_test() -> tuple[list[str], str]:
    """Return nRC's test sequences, or random ones of such lengths, and what they are."""
    path = find(FILE)
    if path is not None:
        return [record.sequence[:508] for record in read_fasta(path)], f"nRC ({path.name})"
    items, _, source = nrc()
    letters = np.array(list("ACGU"))
    return ["".join(letters[item[1:-1] % 4]) for item in items[:2600]], source


def one_round(
    sequences: Sequence[str],
    embedder: Embedder,
    reference: Callable[[Sequence[str]], np.ndarray],
    count: int,
    number: int,
) -> tuple[float, float]:
    """Return sequences per second of the reference and of `embed`, over `count` batches each."""
    lengths = [len(sequence) + 2 for sequence in sequences]
    batches = list(LengthBucketedBatchSampler(lengths, TOKEN_BUDGET, shuffle=False, seed=0))
    chosen = [batches[int((i + 0.5) * len(batches) / count)] for i in range(count)]
    # What the reference reads does not matter to its speed.
    others = np.random.default_rng(number).permutation(len(sequences)).reshape(-1, 4)
    counts, seconds = np.zeros(2), np.zeros(2)
    for batch, other in zip(chosen, others, strict=False):
        pairs: list[tuple[Callable[[Sequence[str]], object], Sequence[int]]]
        pairs = [(reference, other.tolist()), (embedder, batch)]
        for which, (run, indices) in enumerate(pairs):
            start = time.perf_counter()
            run([sequences[index] for index in indices])
            seconds[which] += time.perf_counter() - start
            counts[which] += len(indices)
    theirs, ours = counts / seconds
    return float(theirs), float(ours)


def padded_to_512(encoder: Encoder) -> Callable[[Sequence[str]], np.ndarray]:
    """Return the mean states of the bases as the authors' scripts would compute them."""
    from multimolecule import RnaErnieModel

    config = deepcopy(encoder.model.config)
    model = RnaErnieModel._from_config(config, attn_implementation="eager").eval()
    model.load_state_dict(encoder.model.state_dict())

    def means(sequences: Sequence[str]) -> np.ndarray:
        batch = encoder.tokenizer(
            list(sequences), padding="max_length", max_length=512, return_tensors="pt"
        )
        with torch.inference_mode():
            states = model(**batch).last_hidden_state
        rows = zip(states, sequences, strict=True)
        return np.stack([state[1 : len(s) + 1].mean(0).numpy() for state, s in rows])

    return means


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
