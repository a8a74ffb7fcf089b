"""Golden vectors: published outputs of the authors' program, to compare a conversion with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnaernie_bench.backbones.vocabulary import MAX_TOKENS
from rnaernie_bench.core.errors import BenchError, DataError
from rnaernie_bench.core.files import unreadable
from rnaernie_bench.core.schema import build


@dataclass(frozen=True)
class GoldenItem:
    """A sequence and what the authors' program made of it."""

    id: str
    sequence: str
    cls: tuple[float, ...]
    """The last hidden state at <cls>, in the dimensions that the file covers."""


@dataclass(frozen=True)
class Golden:
    """A file of golden vectors."""

    items: tuple[GoldenItem, ...]
    dims: tuple[int, ...]
    """The first dimension covered, and the one after the last."""

    def __post_init__(self) -> None:
        if len(self.dims) != 2 or not 0 <= self.dims[0] < self.dims[1] or not self.items:
            raise ValueError("it needs [first, end] as dims, and one item or more")
        for item in self.items:
            if len(item.cls) != self.dims[1] - self.dims[0]:
                raise ValueError(f"item {item.id} has not as many values as dims says")


def read_golden(path: Path) -> Golden:
    """Return the vectors of a JSON file with `dims` and `items`, each with id, sequence and cls.

    Raises:
        DataError: if the file cannot be read or does not hold that.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return build(Golden, {key: content[key] for key in ("items", "dims")})
    except OSError as error:
        raise unreadable(error, path) from error
    except (BenchError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"it has no golden vectors ({type(error).__name__}: {error})",
            where=path,
            remedy='it is to hold {"dims": [0, n], "items": [{"id", "sequence", "cls"}, ...]}',
        ) from error


def deviations(model: Any, tokenizer: Any, golden: Golden) -> Iterator[tuple[str, float]]:
    """Yield the id of each item and its largest absolute deviation from the golden vector.

    Args:
        model: maps `input_ids` to `last_hidden_state`, in evaluation mode.
        tokenizer: its tokenizer; the input is ``<cls> bases <eos>``.
        golden: what to compare with.

    Raises:
        DataError: if a sequence does not fit, or the model has fewer dimensions.
    """
    import torch

    first, end = golden.dims
    if end > model.config.hidden_size:
        raise DataError(
            f"the golden vectors reach dimension {end}, the model has {model.config.hidden_size}",
            remedy="compare the checkpoint that they were made with",
        )
    for item in golden.items:
        encoded = tokenizer(item.sequence, return_tensors="pt")
        if encoded["input_ids"].shape[1] > MAX_TOKENS:
            raise DataError(f"the sequence is longer than {MAX_TOKENS - 2}", where=item.id)
        with torch.inference_mode():
            state = model(**encoded).last_hidden_state[0, 0, first:end]
        yield item.id, (state.double() - torch.tensor(item.cls).double()).abs().max().item()
