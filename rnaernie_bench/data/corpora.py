"""Where pre-training corpora lie in the cache, and what they hold out."""

from __future__ import annotations

from pathlib import Path

from rnaernie_bench.core import paths

HELD_OUT = "held_out.arrow"
"""The file of the sequences that no training reads."""


def corpus_folder(fingerprint: str) -> Path:
    """Return the folder of a corpus in the cache, whether it is there or not."""
    return paths.cache_folder() / "corpora" / fingerprint


def cached_held_out(fingerprint: str) -> tuple[list[str], list[int]] | None:
    """Return the held-out sequences of a corpus and their types, as indices into `RNA_TYPES`.

    Returns:
        None where the corpus is not in the cache, or nothing was held out.
    """
    path = corpus_folder(fingerprint) / HELD_OUT
    if not path.is_file():
        return None
    import datasets

    part = datasets.Dataset.from_file(str(path))
    return (list(part["sequence"]), list(part["type"])) if len(part) else None
