"""Controls without weights: a state is the base itself, or the k-mer around it.

What a head makes of these states needs no language model; what it makes of a backbone's states
beyond that, does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rnaernie_bench.backbones.vocabulary import MAX_BASES
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.task.catalogue import PER_BASE, EncoderEntry

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder

LARGEST = 7
"""4^7 features a base are as many as a table of 500 bases can be asked to hold."""


@dataclass(frozen=True)
class LettersOptions:
    """Options of `onehot-states` and `kmer-states`."""

    name: str
    init: Literal["fixed"] = "fixed"
    """There is nothing to draw and nothing to load."""
    k: int = 1
    """Bases of a k-mer: odd, the base in its middle."""

    def __post_init__(self) -> None:
        if self.k not in range(1, LARGEST + 1, 2):
            raise ConfigError(f"the value must be odd and at most {LARGEST}", where="backbone.k")


def load(options: LettersOptions, seed: int) -> Encoder:
    """Return the encoder; `seed` changes nothing."""
    from multimolecule import RnaTokenizer

    from rnaernie_bench.backbones.encoder import Encoder, weights_sha256
    from rnaernie_bench.backbones.letters_network import LettersConfig, LettersModel

    tokenizer = RnaTokenizer()
    model = LettersModel(LettersConfig(k=options.k, vocab_size=len(tokenizer))).eval()
    return Encoder(model, tokenizer, MAX_BASES, weights_sha256(model))


def _entry(k: int) -> EncoderEntry:
    return EncoderEntry(
        options=LettersOptions,
        defaults={"k": k},
        load="rnaernie_bench.backbones.letters:load",
        summary="control: states are one-hot bases or k-mers",
        levels=PER_BASE,
        max_bases=MAX_BASES,
        lacks={"pooled": "pooler", "attention": "attention maps"},
        licence="none needed",
    )


ONE_HOT = _entry(1)
KMERS = _entry(3)
