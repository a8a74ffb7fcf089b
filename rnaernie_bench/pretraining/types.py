"""The words that corpora have for RNA types, and which of the 28 types each stands for.

Headers spell the types as RNAcentral does (``Y_RNA``, ``pre_miRNA``) or as the vocabulary does
(``YRNA``, ``premiRNA``); case, underscores, hyphens and brackets make no difference. Rfam
describes a family by a path from general to special (``#=GF TP   Gene; snRNA; snoRNA; CD-box;``)
and by terms of the Sequence Ontology (``#=GF DR   SO; 0000590; SRP_RNA;``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rnaernie_bench.backbones.vocabulary import RNA_TYPES
from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.registry import did_you_mean


def _normalised(word: str) -> str:
    return word.strip("[]").replace("_", "").replace("-", "").lower()


ALIASES: Mapping[str, str] = {"lincRNA": "lncRNA"}
"""Word of a header -> type, apart from spellings of the types' own names."""

_BY_WORD: Mapping[str, str] = {_normalised(name): name for name in RNA_TYPES} | {
    _normalised(word): name for word, name in ALIASES.items()
}

RFAM_WORDS: Mapping[str, str] = {
    "tRNA": "tRNA",
    "rRNA": "rRNA",
    # Rfam's miRNA families are alignments of hairpin precursors; RNAcentral says pre_miRNA too.
    "miRNA": "premiRNA",
    "scaRNA": "scaRNA",
    "CD-box": "snoRNA",
    "HACA-box": "snoRNA",
    "snoRNA": "snoRNA",
    "splicing": "snRNA",
    "snRNA": "snRNA",
    "sRNA": "sRNA",
    "lncRNA": "lncRNA",
    "antisense": "antisenseRNA",
    # Most RNA antitoxins are transcribed opposite to their toxin and pair with its mRNA.
    "antitoxin": "antisenseRNA",
    "ribozyme": "ribozyme",
    "Intron": "autocatalyticallysplicedintron",
    # Direct repeats: neither a whole guide nor a transcript of its own.
    "CRISPR": "other",
    "Gene": "ncRNA",
    # Elements of mRNAs are no RNAs of their own; RNAcentral calls them `other`.
    "riboswitch": "other",
    "leader": "other",
    "IRES": "other",
    "thermoregulator": "other",
    "frameshift_element": "other",
    "Cis-reg": "other",
}
"""Word of ``#=GF TP`` -> type. The last word of a path that stands here decides."""

ONTOLOGY_TERMS: Mapping[str, str] = {
    "0000274": "snRNA",
    "0000376": "sRNA",  # 6S
    "0000379": "sRNA",  # GcvB
    "0000380": "hammerheadribozyme",
    "0000385": "RNaseMRPRNA",
    "0000386": "RNasePRNA",
    "0000390": "telomeraseRNA",
    "0000404": "vaultRNA",
    "0000405": "YRNA",
    "0000584": "tmRNA",
    "0000588": "autocatalyticallysplicedintron",
    "0000590": "SRPRNA",
    "0000644": "antisenseRNA",
}
"""Accession of the Sequence Ontology -> type, where the term says more than Rfam's own path.

Rfam files tmRNA, SRP, Y, vault and telomerase RNA under plain ``Gene;``, and RNase P and MRP under
``Gene; ribozyme;``: without these terms eight of the 28 types would never be seen. Seven stand in
no seed alignment: guideRNA, miRNA, miscRNA, piRNA, precursorRNA, scRNA and siRNA.
"""


def type_of(word: str) -> str:
    """Return the type that a word of a header stands for, one of `RNA_TYPES`.

    Raises:
        DataError: if it stands for none; naming the word and similar ones.
    """
    found = _BY_WORD.get(_normalised(word))
    if found is None:
        raise DataError(f"unknown RNA type '{word}'", remedy=did_you_mean(word, list(RNA_TYPES)))
    return found


def rfam_type(path: str, terms: Iterable[str] = ()) -> str:
    """Return the type of an Rfam family, one of `RNA_TYPES`.

    Args:
        path: the value of ``#=GF TP``, words separated by semicolons.
        terms: accessions of its ``#=GF DR   SO;`` lines; they come before the path.

    Raises:
        DataError: if no word of the path is known.
    """
    for term in terms:
        if term in ONTOLOGY_TERMS:
            return ONTOLOGY_TERMS[term]
    words = [word for part in path.split(";") if (word := part.strip())]
    for word in reversed(words):
        if word in RFAM_WORDS:
            return RFAM_WORDS[word]
    raise DataError(
        f"unknown Rfam type '{path.strip()}'",
        remedy=did_you_mean(words[-1] if words else "", list(RFAM_WORDS)),
    )
