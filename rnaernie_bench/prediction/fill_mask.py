"""Masked bases filled in by the Transformers pipeline, on checked input."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnaernie_bench.backbones.loading import DEFAULT_MODEL, load_backbone
from rnaernie_bench.backbones.vocabulary import INDICATOR, type_tail
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.alphabet import normalise, refuse_foreign

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder

MASK = "<mask>"
BASES = "ACGU"


@dataclass(frozen=True)
class Candidate:
    """A token for a mask, named as the pipeline of Transformers names it."""

    score: float
    """Its probability among all tokens of the vocabulary."""
    token: int
    token_str: str
    sequence: str
    """The tokens with this one put in, separated by blanks; with several masks, the other ones
    and the special tokens are shown."""


def fill_mask(
    sequence: str,
    *,
    model: str | Encoder = DEFAULT_MODEL,
    top: int = 5,
    bases_only: bool = False,
    rna_type: str | None = None,
) -> list[list[Candidate]]:
    """Return the most probable tokens for every ``<mask>`` of a sequence.

    Args:
        sequence: bases in any case, with T or U, and ``<mask>`` in place of one or more of them.
        model: the name of a backbone, a hub id, a local folder, or a backbone that was loaded with
            ``load_backbone(..., masked_lm=True)``.
        top: how many tokens a mask.
        bases_only: whether only A, C, G and U are candidates; their scores stay the same.
        rna_type: the type of the sequence (``<cls> bases [IND] [TYPE] <eos>``).

    Returns:
        The candidates of each mask, in the order of the masks, best first.

    Raises:
        DataError: if there is no mask, a letter outside the alphabet, or too many bases.
        ConfigError: if there is no such model, it predicts no masked tokens, it has no rows for
            types where one is given, or `top` is out of range.
    """
    from transformers import pipeline

    from rnaernie_bench.backbones.inference import best_device

    text = check_masked(sequence)
    encoder = load_backbone(model, masked_lm=True) if isinstance(model, str) else model
    tokenizer = encoder.tokenizer
    n_bases = len(text.replace(MASK, "N"))
    if n_bases > encoder.max_bases:
        raise DataError(
            f"the sequence has {n_bases} bases, {encoder.max_bases} fit", remedy="cut it"
        )
    if not 1 <= top <= len(tokenizer):
        raise ConfigError(f"the value must be from 1 to {len(tokenizer)}", where="top")
    if rna_type is not None:
        type_tail(tokenizer, rna_type)
        text += f"{INDICATOR}[{rna_type}]"
    fill = pipeline(
        "fill-mask", model=encoder.model, tokenizer=tokenizer, device=best_device(), top_k=top
    )
    found = fill(text, targets=list(BASES)) if bases_only else fill(text)
    masks = found if isinstance(found[0], list) else [found]
    return [[Candidate(**candidate) for candidate in mask] for mask in masks]


def check_masked(sequence: str) -> str:
    """Return the sequence normalised, its masks spelt as the tokenizer knows them.

    Raises:
        DataError: if there is no mask, or a letter outside the alphabet.
    """
    parts = re.split(MASK, sequence.strip(), flags=re.IGNORECASE)
    refuse_foreign(normalise("N".join(parts)), "sequence")  # a mask counts as one letter
    if len(parts) == 1:
        raise DataError(
            "there is nothing to predict",
            where="sequence",
            remedy=f"write {MASK} in place of a base, and quotes around the sequence",
        )
    return MASK.join(map(normalise, parts))
