"""MultiMolecule's RNA language models: one adapter, and what each of them is, in a table.

A module attribute is the catalogue's entry of the backbone of that name, made from the table:
``rnaernie_bench.backbones.multimolecule:utrbert-3mer``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rnaernie_bench.backbones.checkpoints import (
    CheckpointOptions,
    attention_of,
    defaults_of,
    read_checkpoint,
)
from rnaernie_bench.task.catalogue import PER_BASE, EncoderEntry

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder


@dataclass(frozen=True)
class Family:
    """An architecture."""

    prefix: str
    """Of the names of its classes: PREFIXConfig, PREFIXModel."""
    title: str
    citation: str
    max_tokens: int
    """Longest input with its special tokens, with the positions of the default configuration; for
    those without a table of positions, what the model was trained on."""
    tokenizer: str = "RnaTokenizer"
    masked_lm: bool = True
    """Whether it has a head for masked tokens."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What its configuration needs, whatever a checkpoint says."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """See `EncoderEntry`."""


@dataclass(frozen=True)
class Known:
    """A backbone."""

    family: Family
    summary: str
    shape: tuple[int, int, int, int]
    """Layers, width of a state, attention heads, width of feed-forward layers."""
    source: str = ""
    """Of the weights; empty: ``multimolecule/NAME``."""
    nmers: int = 1
    """Bases of a token."""
    codon: bool = False
    """Whether tokens follow each other; else they overlap in all bases but one."""
    fewer: int = 0
    """Positions that its checkpoint has less than the family's default."""

    @property
    def unit(self) -> str:
        """What a token, and so a state, stands for."""
        return "codon" if self.codon else "base" if self.nmers == 1 else f"{self.nmers}-mer"

    def max_bases(self, tokens: int) -> int:
        """Return how many bases so many tokens can hold."""
        return 3 * tokens if self.codon else tokens + self.nmers - 1

    @property
    def vocabulary(self) -> dict[str, Any]:
        """The settings of tokenizer and configuration that make the vocabulary."""
        return {"codon": True} if self.codon else {"nmers": self.nmers} if self.nmers > 1 else {}


_CALM = Family(
    "CaLm", "CaLM", "Outeiral and Deane 2024, doi 10.1038/s42256-024-00791-0", 1024, "DnaTokenizer"
)
_ERNIERNA = Family("ErnieRna", "ERNIE-RNA", "Yin et al. 2024, doi 10.1101/2024.03.17.585376", 1024)
_RIBONANZANET = Family(
    "RibonanzaNet",
    "RibonanzaNet",
    "He et al. 2024, doi 10.1101/2024.02.24.581671",
    1024,
    masked_lm=False,
    # Else padding, which batches differ in, changes states; sequences by themselves stay the same.
    settings={"fix_attention_mask": True},
)
_RINALMO = Family("RiNALMo", "RiNALMo", "Penić et al. 2025, doi 10.48550/arXiv.2403.00043", 1024)
_RNABERT = Family(
    "RnaBert", "RNABERT", "Akiyama and Sakakibara 2022, doi 10.1093/nargab/lqac012", 440
)
_RNAFM = Family("RnaFm", "RNA-FM", "Chen et al. 2022, doi 10.1101/2022.08.06.503062", 1024)
_RNAMSM = Family(
    "RnaMsm",
    "RNA-MSM",
    "Zhang et al. 2023, doi 10.1093/nar/gkad1031",
    1024,
    lacks={"attention": "attention maps of single sequences"},
)
_SPLICEBERT = Family(
    "SpliceBert", "SpliceBERT", "Chen et al. 2024, doi 10.1101/2023.01.31.526427", 1026
)
_UTRBERT = Family("UtrBert", "3UTRBERT", "Yang et al. 2024, doi 10.1101/2023.09.08.556883", 512)
_UTRLM = Family("UtrLm", "UTR-LM", "Chu et al. 2024, doi 10.1038/s42256-024-00823-9", 1024)

KNOWN: Mapping[str, Known] = {
    "calm": Known(_CALM, "codons of coding sequences", (12, 768, 12, 3072), nmers=3, codon=True),
    "ernierna": Known(
        _ERNIERNA, "non-coding RNA, attention that knows which bases can pair", (12, 768, 12, 3072)
    ),
    "mrnafm": Known(_RNAFM, "codons of messenger RNA", (12, 1280, 20, 5120), nmers=3, codon=True),
    "ribonanzanet": Known(
        _RIBONANZANET, "trained on chemical mapping, not by masking", (9, 256, 8, 1024)
    ),
    "rinalmo-giga": Known(_RINALMO, "non-coding RNA, 651 M parameters", (33, 1280, 20, 5120)),
    "rinalmo-mega": Known(_RINALMO, "non-coding RNA, 148 M parameters", (30, 640, 20, 2560)),
    "rinalmo-micro": Known(_RINALMO, "non-coding RNA, 33 M parameters", (12, 480, 20, 1920)),
    "rnabert": Known(
        _RNABERT,
        "bases and structural alignments of Rfam",
        (6, 120, 12, 40),
        source="rnabert/RNABERT.pth",
    ),
    "rnafm": Known(_RNAFM, "non-coding RNA", (12, 640, 20, 5120)),
    "rnamsm": Known(
        _RNAMSM, "made for alignments, reads single sequences here", (10, 768, 12, 3072)
    ),
    "splicebert": Known(_SPLICEBERT, "precursor messenger RNA of vertebrates", (6, 512, 16, 2048)),
    "splicebert-510": Known(
        _SPLICEBERT,
        "precursor messenger RNA of vertebrates, first stage of training",
        (6, 512, 16, 2048),
        source="multimolecule/splicebert.510",
        fewer=514,
    ),
    "splicebert-human-510": Known(
        _SPLICEBERT,
        "precursor messenger RNA of humans, first stage of training",
        (6, 512, 16, 2048),
        source="multimolecule/splicebert-human.510",
        fewer=514,
    ),
    **{
        f"utrbert-{k}mer": Known(
            _UTRBERT, f"3' untranslated regions in {k}-mers", (12, 768, 12, 3072), nmers=k
        )
        for k in (3, 4, 5, 6)
    },
    "utrlm-mrl": Known(_UTRLM, "5' untranslated regions, with ribosome load", (6, 128, 16, 512)),
    "utrlm-te_el": Known(
        _UTRLM, "5' untranslated regions, with expression and translation", (6, 128, 16, 512)
    ),
}
"""The backbones by name."""

LICENCE = "AGPL-3.0-or-later"
"""Of the weights that MultiMolecule hosts, by its own account."""


def __getattr__(name: str) -> EncoderEntry:
    """Return the entry of a backbone of the table."""
    if name not in KNOWN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    known = KNOWN[name]
    bare = known.family is _RNABERT
    return EncoderEntry(
        options=CheckpointOptions,
        defaults=defaults_of(known.source or f"multimolecule/{name}", *known.shape),
        load=f"{__name__}:load",
        load_masked_lm=f"{__name__}:load_masked_lm"
        if known.family.masked_lm and known.unit == "base"
        else None,
        summary=f"{known.family.title}: {known.summary}",
        levels=PER_BASE if known.unit == "base" else ("sequence",),
        unit=known.unit,
        max_bases=known.max_bases(known.family.max_tokens - known.fewer - (0 if bare else 2)),
        lacks=known.family.lacks,
        licence="not stated by the authors" if bare else LICENCE,
        citation=known.family.citation,
    )


def known_as(declared: Mapping[str, Any]) -> str | None:
    """Return the name of the backbone that a checkpoint is of, or None.

    Args:
        declared: its config.json. Of several sizes of a family, the first is as good as another.
    """
    for name, known in KNOWN.items():
        tokens = {"codon": True} if declared.get("codon") else {}
        if (declared.get("nmers") or 1) > 1:
            tokens = {"nmers": declared["nmers"]}
        if declared.get("model_type") == known.family.prefix.lower() and tokens == known.vocabulary:
            return name
    return None


def load(options: CheckpointOptions, seed: int) -> Encoder:
    """Return the backbone in evaluation mode, in fp32, with SDPA attention where there is such.

    Args:
        options: the backbone options.
        seed: of the weights, where `options.init` is random, and of a pooler that a checkpoint
            lacks.

    Raises:
        ConfigError: if the weights cannot be found, are not those of this backbone, or not all.
    """
    return _load(options, seed, "Model")


def load_masked_lm(options: CheckpointOptions, seed: int) -> Encoder:
    """Return the backbone with its head for masked tokens: the network gives ``logits``.

    The arguments and errors are those of `load`; a checkpoint without the head is refused.
    """
    return _load(options, seed, "ForMaskedLM")


def _load(options: CheckpointOptions, seed: int, kind: str) -> Encoder:
    import multimolecule
    import torch

    from rnaernie_bench.backbones.encoder import Encoder, weights_sha256
    from rnaernie_bench.backbones.rnabert import authors_file, convert

    known = KNOWN[options.name]
    network = getattr(multimolecule, known.family.prefix + kind)
    drawn: list[str] = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if options.init == "random":
            model, tokenizer = _random(known, options, network)
        elif known.family is _RNABERT and (file := authors_file(str(options.source))):
            model, tokenizer = convert(file, options.name, network)
        else:
            model, tokenizer, drawn = read_checkpoint(
                options, network, tokenizer=known.family.tokenizer, **known.family.settings
            )
            _check_tokens(tokenizer, known, options)
    return Encoder(
        model.eval(),
        tokenizer,
        _max_bases(known, model.config, tokenizer),
        weights_sha256(model, leave_out=drawn),
        pooler_seed=seed if drawn else None,
        unit=known.unit,
    )


def _random(known: Known, options: CheckpointOptions, network: Any) -> tuple[Any, Any]:
    """Return a network of random weights, and its tokenizer."""
    import multimolecule

    from rnaernie_bench.backbones.rnabert import WITHOUT_SPECIALS, bare_tokenizer

    if known.family is _RNABERT:
        tokenizer, specials = bare_tokenizer(), WITHOUT_SPECIALS
    else:
        tokenizer = getattr(multimolecule, known.family.tokenizer)(**known.vocabulary)
        specials = {}
    settings = {**known.family.settings, **known.vocabulary, **specials}
    if known.fewer:
        settings["max_position_embeddings"] = known.family.max_tokens - known.fewer
    config = network.config_class(**options.shape, **settings)
    return network._from_config(config, attn_implementation=attention_of(network)), tokenizer


def _check_tokens(tokenizer: Any, known: Known, options: CheckpointOptions) -> None:
    """Refuse a checkpoint whose tokens are not those that the backbone is known for.

    Raises:
        ConfigError: saying which tokens it has.
    """
    from rnaernie_bench.backbones.checkpoints import unusable

    found = replace(known, nmers=tokenizer.nmers, codon=tokenizer.codon).unit
    if found != known.unit:
        raise unusable(options, ValueError(f"its tokens are {found}s, not {known.unit}s"))


def _max_bases(known: Known, config: Any, tokenizer: Any) -> int:
    """Return the longest sequence of a network, whose positions may be fewer than usual."""
    from rnaernie_bench.data.encoding import special_ends

    usual = type(config)()
    positions = getattr(config, "max_position_embeddings", 0)
    tokens = known.family.max_tokens + positions - getattr(usual, "max_position_embeddings", 0)
    return known.max_bases(tokens - sum(map(len, special_ends(tokenizer))))
