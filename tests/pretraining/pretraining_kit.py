"""A corpus, motifs and settings small enough to pre-train on in a second."""

from __future__ import annotations

import random
from pathlib import Path

from rnaernie_bench.backbones.vocabulary import RNA_TYPES
from rnaernie_bench.pretraining.config import PretrainConfig, compose

LETTERS = {"tRNA": "AAAAAACGU", "miRNA": "GGGGGCCAU", "rRNA": "UUUUUUCGA"}
"""Which base is frequent tells the type."""

TINY_NET = (
    "backbone.num_hidden_layers=1",
    "backbone.hidden_size=16",
    "backbone.num_attention_heads=2",
    "backbone.intermediate_size=32",
)


def records(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return types and sequences."""
    generator = random.Random(seed)
    types = [list(LETTERS)[index % len(LETTERS)] for index in range(count)]
    return [(t, "".join(generator.choices(LETTERS[t], k=generator.randint(20, 60)))) for t in types]


def dataset(count: int, seed: int = 0):
    """Return records as a corpus part in memory."""
    from datasets import Dataset

    types, sequences = zip(*records(count, seed), strict=True)
    return Dataset.from_dict(
        {
            "id": [f"s{index}" for index in range(count)],
            "sequence": list(sequences),
            "type": [RNA_TYPES.index(name) for name in types],
            "family": [""] * count,
            "length": [len(sequence) for sequence in sequences],
        }
    )


def settings(folder: Path, *overrides: str, count: int = 240) -> list[str]:
    """Write a corpus and motifs into `folder`, and return the settings of a quick training."""
    folder.mkdir(parents=True, exist_ok=True)
    corpus, motifs = folder / "corpus.fasta", folder / "motifs.txt"
    lines = (f">s{i} {name}\n{bases}\n" for i, (name, bases) in enumerate(records(count)))
    corpus.write_text("".join(lines))
    motifs.write_text("ACGU\nGGCC\nAAAA\nUUUU\n")
    return [
        "corpus=fasta",
        f"corpus.files=[{corpus}]",
        "corpus.exclude=[]",
        "corpus.held_out=0.1",
        f"motifs=[{motifs}]",
        *TINY_NET,
        "tracking=none",
        "trainer.max_steps=12",
        "trainer.token_budget=600",
        "trainer.log_steps=2",
        "trainer.eval_steps=4",
        "trainer.checkpoint_steps=4",
        "trainer.learning_rate=0.01",
        "trainer.min_learning_rate=0.001",
        "trainer.progress=false",
        f"out={folder / 'out'}",
        *overrides,
    ]


def config(folder: Path, *overrides: str, count: int = 240) -> PretrainConfig:
    """Return the checked settings of a quick training."""
    return compose(settings(folder, *overrides, count=count))
