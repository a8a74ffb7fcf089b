"""RNAErnie: MultiMolecule's model, hosted or local weights or fresh ones, in three sizes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnaernie_bench.backbones.vocabulary import MAX_BASES, N_TYPED_TOKENS, typed_tokenizer
from rnaernie_bench.catalogue import EncoderEntry
from rnaernie_bench.errors import ConfigError

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder


@dataclass(frozen=True)
class RnaErnieOptions:
    """Where the weights come from, and the shape of the network."""

    name: str
    init: Literal["pretrained", "random"]
    source: str | None
    """A hub id or a local folder; the shape below is then the checkpoint's own."""
    revision: str | None
    """A commit of the hub repository."""
    num_hidden_layers: int
    hidden_size: int
    num_attention_heads: int
    intermediate_size: int

    def __post_init__(self) -> None:
        if self.init == "pretrained" and self.source is None:
            raise ConfigError(
                f"there are no pre-trained weights of '{self.name}'",
                where="backbone.init",
                remedy="set backbone.init=random, or backbone.source to a hub id or folder",
            )
        if self.hidden_size % self.num_attention_heads:
            raise ConfigError(
                f"{self.hidden_size} is not a multiple of {self.num_attention_heads} heads",
                where="backbone.hidden_size",
            )


def load(options: RnaErnieOptions, seed: int) -> Encoder:
    """Return the backbone in evaluation mode, in fp32, with SDPA attention.

    Args:
        options: the backbone options.
        seed: of the weights, where `options.init` is random.

    Raises:
        ConfigError: if the weights cannot be found, or are not an RNAErnie.
    """
    import torch
    from multimolecule import RnaErnieConfig, RnaErnieModel

    from rnaernie_bench.backbones.encoder import Encoder, weights_sha256

    if options.init == "pretrained":
        model, tokenizer = _pretrained(options)
    else:
        config = RnaErnieConfig(
            vocab_size=N_TYPED_TOKENS,
            num_hidden_layers=options.num_hidden_layers,
            hidden_size=options.hidden_size,
            num_attention_heads=options.num_attention_heads,
            intermediate_size=options.intermediate_size,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = RnaErnieModel._from_config(config, attn_implementation="sdpa")
        tokenizer = typed_tokenizer()
    return Encoder(model.eval(), tokenizer, MAX_BASES, weights_sha256(model))


def _pretrained(options: RnaErnieOptions) -> tuple[Any, Any]:
    from multimolecule import RnaErnieModel, RnaTokenizer

    source = str(options.source)
    try:
        model = RnaErnieModel.from_pretrained(
            source, revision=options.revision, attn_implementation="sdpa"
        )
        tokenizer = RnaTokenizer.from_pretrained(source, revision=options.revision)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        remedy = (
            "check the folder: it needs config.json, model.safetensors and the tokenizer's files"
            if Path(source).exists()
            else "check the connection and the hub id, or name a local folder in backbone.source"
        )
        raise ConfigError(
            f"the weights of '{options.name}' cannot be loaded: {reason}",
            where=source,
            remedy=remedy,
        ) from error
    return model, tokenizer


ENTRY = EncoderEntry(
    options=RnaErnieOptions,
    load="rnaernie_bench.backbones.rnaernie:load",
    summary="RNAErnie (MultiMolecule), hosted, local or random weights",
)
