"""States that were computed elsewhere, as a backbone: `backbone=features backbone.source=FILE`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.task.catalogue import PER_BASE, EncoderEntry

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder


@dataclass(frozen=True)
class FeaturesOptions:
    """Options of `features`."""

    name: str
    init: Literal["pretrained"] = "pretrained"
    """Whatever made the states."""
    source: str | None = None
    """The file of states, or a folder of them; run ids hold the hash of its content."""


def load(options: FeaturesOptions, seed: int) -> Encoder:
    """Return the encoder; `seed` changes nothing.

    Raises:
        ConfigError: no file is named.
        DataError: it cannot be read.
    """
    from multimolecule import RnaTokenizer

    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.backbones.features_network import MOST_BASES, FeaturesConfig, FeaturesModel
    from rnaernie_bench.backbones.state_files import open_states

    if not options.source:
        raise ConfigError(
            "no file of states is named",
            where="backbone.source",
            remedy="name it; docs/bring_your_own.md shows what it may be",
        )
    file = open_states(options.source)
    first = file.of(next(iter(file.arrays)))
    tokenizer = RnaTokenizer()
    config = FeaturesConfig(
        source=str(file.path.resolve()),
        sha256=file.sha256,
        hidden_size=first.shape[-1],
        per_base=first.ndim == 2,
        max_bases=file.max_bases or MOST_BASES,
        vocab_size=len(tokenizer),
    )
    model = FeaturesModel(config).eval()
    return Encoder(model, tokenizer, config.max_bases, file.sha256, stored=True)


FEATURES = EncoderEntry(
    options=FeaturesOptions,
    load="rnaernie_bench.backbones.features:load",
    summary="states that were computed elsewhere, from a file",
    levels=PER_BASE,
    strategies=("frozen",),
    lacks={
        "pooled": "pooler",
        "attention": "attention maps",
        "cls": "state before the first base",
    },
    licence="that of whatever made them",
)
