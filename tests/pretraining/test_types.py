from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from rnaernie_bench.backbones.vocabulary import RNA_TYPES
from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.fasta import read_fasta
from rnaernie_bench.pretraining.rfam import read_families
from rnaernie_bench.pretraining.types import ALIASES, ONTOLOGY_TERMS, RFAM_WORDS, rfam_type, type_of


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("tRNA", "tRNA"),
        ("[tRNA]", "tRNA"),
        ("TRNA", "tRNA"),
        ("Y_RNA", "YRNA"),
        ("pre_miRNA", "premiRNA"),
        ("pre-miRNA", "premiRNA"),
        ("RNase_MRP_RNA", "RNaseMRPRNA"),
        ("autocatalytically_spliced_intron", "autocatalyticallysplicedintron"),
        ("lincRNA", "lncRNA"),
    ],
)
def test_words_of_headers(word: str, expected: str) -> None:
    assert type_of(word) == expected


def test_every_type_stands_for_itself() -> None:
    assert [type_of(name) for name in RNA_TYPES] == list(RNA_TYPES)


def test_unknown_words_are_named_with_similar_ones() -> None:
    with pytest.raises(DataError, match=r"unknown RNA type 'snoRMA'.*snoRNA"):
        type_of("snoRMA")


@pytest.mark.parametrize(
    ("path", "terms", "expected"),
    [
        ("Gene; tRNA;", (), "tRNA"),
        ("Gene; snRNA; snoRNA; CD-box;", (), "snoRNA"),
        ("Gene; snRNA; snoRNA; scaRNA;", (), "scaRNA"),
        ("Gene; snRNA; splicing;", (), "snRNA"),
        ("Gene; sRNA", (), "sRNA"),
        ("Gene; antisense; ", (), "antisenseRNA"),
        ("Gene; miRNA;", (), "premiRNA"),
        ("Cis-reg; riboswitch;", (), "other"),
        ("Cis-reg; newly invented;", (), "other"),
        ("Intron;", (), "autocatalyticallysplicedintron"),
        ("Gene;", (), "ncRNA"),
        ("Gene;", ("0000590",), "SRPRNA"),
        ("Gene; ribozyme;", ("0000374",), "ribozyme"),
        ("Gene; ribozyme;", ("0000374", "0000386"), "RNasePRNA"),
    ],
)
def test_rfam_paths(path: str, terms: tuple[str, ...], expected: str) -> None:
    assert rfam_type(path, terms) == expected


def test_unknown_rfam_paths_are_named() -> None:
    with pytest.raises(DataError, match="unknown Rfam type 'Genes; tRMA;'"):
        rfam_type("Genes; tRMA;")


def test_the_tables_lead_to_known_types() -> None:
    assert {*RFAM_WORDS.values(), *ONTOLOGY_TERMS.values()} <= set(RNA_TYPES)


def test_the_page_shows_the_tables() -> None:
    """Where this fails, the tables in docs/pretraining.md are to be replaced by these."""
    page = (Path(__file__).parents[2] / "docs" / "pretraining.md").read_text(encoding="utf-8")

    def words(table: Mapping[str, str], name: str) -> str:
        return ", ".join(word for word, kind in table.items() if kind == name)

    lines = ["| id | token | last word of `#=GF TP` | term of `#=GF DR SO;` | headers also say |"]
    lines.append("| :--- | :--- | :--- | :--- | :--- |")
    for number, name in enumerate(RNA_TYPES, start=29):
        cells = (
            str(number), f"`[{name}]`", words(RFAM_WORDS, name),
            words(ONTOLOGY_TERMS, name), words(ALIASES, name),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    table = "\n".join(line.replace("  ", " ") for line in lines)
    assert table in page, f"the table should be\n{table}"


@pytest.mark.realdata
def test_every_family_of_rfam_has_a_type(data_folder: Path) -> None:
    families = list(read_families(data_folder / "rfam" / "rfam_14.2_seed_stockholm.tar.gz"))
    assert len({family.accession for family in families}) == len(families) == 3026
    assert sum(len(family.sequences) for family in families) == 72262
    never = {"guideRNA", "miRNA", "miscRNA", "piRNA", "precursorRNA", "scRNA", "siRNA"}
    types = Counter(family.type for family in families)
    assert set(types) == set(RNA_TYPES) - never
    # Counted with grep: 529 `Gene; miRNA;`, 475 + 282 + 1 boxes, 219 `Gene; lncRNA;`.
    assert (types["premiRNA"], types["snoRNA"], types["lncRNA"]) == (529, 758, 219)


@pytest.mark.realdata
def test_every_record_of_rnacentral_has_a_type(data_folder: Path) -> None:
    records = read_fasta(data_folder / "rnacentral" / "rnacentral_sample.fasta")
    types = Counter(type_of(record.header.split()[1]) for record in records)
    assert types == dict.fromkeys(RNA_TYPES, 50)
