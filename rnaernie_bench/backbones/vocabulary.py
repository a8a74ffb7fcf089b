"""RNAErnie's vocabulary with the tokens that the public port dropped.

MultiMolecule's 28 RNA tokens keep their ids 0..27; ``[IND]`` takes 28 and the 28 RNA types of the
authors' vocabulary follow in their order, 29..56, spelt in brackets because bare names would split
ordinary text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean

if TYPE_CHECKING:
    from multimolecule import RnaTokenizer

RNA_TYPES = (
    "RNaseMRPRNA", "RNasePRNA", "SRPRNA", "YRNA", "antisenseRNA",
    "autocatalyticallysplicedintron", "guideRNA", "hammerheadribozyme", "lncRNA", "miRNA",
    "miscRNA", "ncRNA", "other", "piRNA", "premiRNA", "precursorRNA", "rRNA", "ribozyme", "sRNA",
    "scRNA", "scaRNA", "siRNA", "snRNA", "snoRNA", "tRNA", "telomeraseRNA", "tmRNA", "vaultRNA",
)  # fmt: skip
"""The RNA types of the authors' vocabulary, in its order."""

INDICATOR = "[IND]"
"""Announces the type token at the tail of a sequence."""

_TYPE_TOKENS = (INDICATOR, *(f"[{name}]" for name in RNA_TYPES))

N_RNA_TOKENS = 28
N_TYPED_TOKENS = N_RNA_TOKENS + 1 + len(RNA_TYPES)

MAX_TOKENS = 512
"""Longest input with its special tokens; position 513 of the table is never used."""
MAX_BASES = 508
"""Longest sequence: room is kept for <cls>, [IND], a type and <eos>, regardless of the strategy."""


def has_types(tokenizer: Any) -> bool:
    """Return whether a tokenizer knows `[IND]` and the RNA types under their ids."""
    ids = tokenizer.convert_tokens_to_ids(list(_TYPE_TOKENS))
    return list(ids) == list(range(N_RNA_TOKENS, N_TYPED_TOKENS))


def require_types(tokenizer: Any, where: object) -> None:
    """Check that a backbone has rows for `[IND]` and the RNA types.

    Args:
        tokenizer: that of the backbone, with a row of the embedding for each of its tokens.
        where: the name or source of the backbone, for the message.

    Raises:
        ConfigError: if it has none, as the checkpoints on MultiMolecule's hub.
    """
    if not has_types(tokenizer):
        raise ConfigError(
            f"its vocabulary of {len(tokenizer)} tokens lacks [IND] and the RNA types, "
            "which are needed here",
            where=where,
            remedy="use backbone=rnaernie-tiny, or convert the authors' checkpoint "
            "(rnaernie-bench convert) and name the folder in backbone.source",
        )


def typed_tokenizer() -> RnaTokenizer:
    """Return MultiMolecule's RNA tokenizer with ``[IND]`` and the type tokens added.

    Raises:
        ConfigError: if the installed MultiMolecule numbers its tokens otherwise.
    """
    from multimolecule import RnaTokenizer

    tokenizer = RnaTokenizer(
        additional_special_tokens=list(_TYPE_TOKENS), model_max_length=MAX_TOKENS
    )
    if not has_types(tokenizer):
        ids = tokenizer.convert_tokens_to_ids(list(_TYPE_TOKENS))
        raise ConfigError(
            f"the type tokens got the ids {ids[0]}..{ids[-1]} instead of 28..56",
            where="MultiMolecule's RnaTokenizer",
            remedy="install a version of multimolecule that rnaernie-bench was tested with",
        )
    return tokenizer


def type_tail(tokenizer: Any, rna_type: str) -> tuple[int, int]:
    """Return the ids of ``[IND]`` and of a type's token, which stand between bases and ``<eos>``.

    Args:
        tokenizer: of the model that is to read them.
        rna_type: one of `RNA_TYPES`.

    Raises:
        ConfigError: if there is no such type, or the model has no rows for types.
    """
    if rna_type not in RNA_TYPES:
        raise ConfigError(
            f"there is no RNA type '{rna_type}'", remedy=did_you_mean(rna_type, list(RNA_TYPES))
        )
    require_types(tokenizer, tokenizer.name_or_path or None)
    vocabulary = tokenizer.get_vocab()
    return vocabulary[INDICATOR], vocabulary[f"[{rna_type}]"]
