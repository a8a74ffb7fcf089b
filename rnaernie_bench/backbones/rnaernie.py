"""Networks with RNAErnie's vocabulary, hosted or local weights or fresh ones.

RNAErnie itself in three sizes, and a small network of RiNALMo's architecture (normalisation before
each block, rotary positions, gated feed-forward layers; Penić et al. 2025), which learns faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnaernie_bench.backbones.checkpoints import (
    CheckpointOptions,
    check_kind,
    defaults_of,
    read_checkpoint,
    unusable,
)
from rnaernie_bench.backbones.vocabulary import (
    MAX_BASES,
    MAX_TOKENS,
    N_RNA_TOKENS,
    N_TYPED_TOKENS,
    typed_tokenizer,
)
from rnaernie_bench.core import paths
from rnaernie_bench.task.catalogue import PER_BASE, EncoderEntry

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder


RINALMO = "rinalmo-tiny"
"""The backbone of RiNALMo's architecture; any other name is one of an RNAErnie."""


@dataclass(frozen=True)
class RnaErnieOptions(CheckpointOptions):
    """The same, where None as `source` stands for the weights that come with the package."""

    @property
    def family(self) -> str:
        """Prefix of MultiMolecule's classes."""
        return "RiNALMo" if self.name == RINALMO else "RnaErnie"

    @property
    def checkpoint(self) -> str | None:
        """Where pre-trained weights are: `source`, else those that come with the package."""
        embedded = paths.embedded_weights(self.name)
        return self.source or (str(embedded) if embedded else None)


def load(options: RnaErnieOptions, seed: int) -> Encoder:
    """Return the backbone in evaluation mode, in fp32, with SDPA attention.

    Args:
        options: the backbone options.
        seed: of the weights, where `options.init` is random, and of a pooler that a checkpoint
            lacks, as those of masked language models do.

    Raises:
        ConfigError: if the weights cannot be found, are of another architecture, or not all.
    """
    return _load(options, seed, "Model")


def load_masked_lm(options: RnaErnieOptions, seed: int) -> Encoder:
    """Return the backbone with its head for masked tokens: the network gives ``logits``.

    The arguments and errors are those of `load`; a checkpoint without the head is refused.
    """
    return _load(options, seed, "ForMaskedLM")


def _load(options: RnaErnieOptions, seed: int, kind: str) -> Encoder:
    import multimolecule
    import torch

    from rnaernie_bench.backbones.encoder import Encoder, weights_sha256

    network = getattr(multimolecule, options.family + kind)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn: list[str] = []
        if options.init == "pretrained":
            model, tokenizer, drawn = read_checkpoint(options, network)
        else:
            config = declared_config(options)
            model = network._from_config(config, attn_implementation="sdpa")
            tokenizer = typed_tokenizer()
    return Encoder(
        model.eval(),
        tokenizer,
        _max_bases(model.config.max_position_embeddings, options),
        weights_sha256(model, leave_out=drawn),
        pooler_seed=seed if drawn else None,
    )


def _max_bases(positions: int, options: RnaErnieOptions) -> int:
    """Return the longest sequence of a network, which may have fewer positions than usual.

    The last position is never used, nor counted here.
    """
    found = min(MAX_BASES, positions - 1 - (MAX_TOKENS - MAX_BASES))
    if found < 1:
        raise unusable(options, ValueError(f"it has {positions} positions, too few for one base"))
    return found


def declared_config(options: RnaErnieOptions) -> Any:
    """Return the architecture that is known without weights or network.

    A local folder brings its own. A checkpoint on the hub is taken to be of the shape that the
    options give, with the hosted vocabulary.

    Raises:
        ConfigError: if the checkpoint is a folder without such a network in it.
    """
    import multimolecule

    config = getattr(multimolecule, f"{options.family}Config")
    pretrained = options.init == "pretrained"
    if pretrained and Path(str(options.checkpoint)).exists():
        try:
            check_kind(options, config)
            return config.from_pretrained(options.checkpoint)
        except Exception as error:  # a folder from elsewhere can hold anything
            raise unusable(options, error) from error
    settings: dict[str, Any] = {}
    if options.family == "RiNALMo":
        settings = {
            "max_position_embeddings": MAX_TOKENS + 1,
            # Scaling embeddings by the share of masks would make a state depend on what else is
            # hidden, and needs that share to be one and the same.
            "token_dropout": False,
            "tie_word_embeddings": True,
            # .02 is that of wide networks; see `pretraining.network`.
            "initializer_range": options.hidden_size**-0.5,
        }
    return config(
        vocab_size=N_RNA_TOKENS if pretrained else N_TYPED_TOKENS, **options.shape, **settings
    )


def _entry(
    source: str | None,
    *shape: int,
    init: Literal["pretrained", "random"] = "pretrained",
    summary: str = "RNAErnie (MultiMolecule), hosted, local or random weights",
    citation: str = "Wang et al. 2024, doi 10.1038/s42256-024-00836-4",
) -> EncoderEntry:
    return EncoderEntry(
        options=RnaErnieOptions,
        defaults=defaults_of(source, *shape, init=init),
        load="rnaernie_bench.backbones.rnaernie:load",
        load_masked_lm="rnaernie_bench.backbones.rnaernie:load_masked_lm",
        summary=summary,
        levels=PER_BASE,
        max_bases=MAX_BASES,
        licence="AGPL-3.0-or-later",
        citation=citation,
    )


RNAERNIE = _entry("multimolecule/rnaernie", 12, 768, 12, 3072)
MINI = _entry(None, 6, 256, 8, 1024, init="random")
TINY = _entry(None, 4, 192, 6, 768)
RINALMO_TINY = _entry(
    None,
    *(6, 192, 6, 768),
    init="pretrained" if paths.embedded_weights(RINALMO) else "random",
    summary="RiNALMo's architecture with RNAErnie's vocabulary, local or random weights",
    citation="Penić et al. 2025, doi 10.48550/arXiv.2403.00043",
)
