"""Records made of a corpus, which are read for their pairs only: whatever their order, bases pair.

They have no type (-1), for they are no RNA of any kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnaernie_bench.data.negatives import dinucleotide_shuffle
from rnaernie_bench.pretraining.objective import ObjectiveOptions


def with_decoys(corpus: Any, options: ObjectiveOptions, seed: int) -> Any:
    """Return a part of a corpus with its decoys behind it, which are held in memory.

    Args:
        corpus: a `datasets.Dataset` with the columns of a corpus.
        options: say how many; made of records of at most `options.max_bases` only.
        seed: of the choice and of the letters.
    """
    if not (options.shuffled or options.random):
        return corpus
    from datasets import Dataset, concatenate_datasets

    generator = np.random.default_rng([seed, len(corpus)])
    short = np.flatnonzero(np.asarray(corpus["length"]) <= options.max_bases)

    def chosen(share: float) -> list[str]:
        count = round(share * len(short))
        repeated = -(-count // max(len(short), 1))
        order = np.concatenate([generator.permutation(short) for _ in range(repeated)] or [short])
        return list(corpus[order[:count].tolist()]["sequence"])

    made = [dinucleotide_shuffle(text, generator) for text in chosen(options.shuffled)]
    made += [_drawn(len(text), generator) for text in chosen(options.random)]
    columns = {
        "id": [f"decoy-{number}" for number in range(len(made))],
        "sequence": made,
        "type": [-1] * len(made),
        "family": [""] * len(made),
        "length": [len(text) for text in made],
    }
    return concatenate_datasets([corpus, Dataset.from_dict(columns, features=corpus.features)])


def _drawn(length: int, generator: np.random.Generator) -> str:
    """Return bases at random; their frequencies are drawn too, around equal ones."""
    frequencies = generator.dirichlet([8.0] * 4)
    return "".join("ACGU"[code] for code in generator.choice(4, size=length, p=frequencies))
