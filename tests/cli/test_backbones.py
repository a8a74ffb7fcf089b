"""`rnaernie-bench backbones`, and the page that it writes the table of."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnaernie_bench.cli.backbones import facts, markdown_table
from rnaernie_bench.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "backbones.md"


def test_the_page_holds_the_table() -> None:
    assert markdown_table() in PAGE.read_text(encoding="utf-8")


def test_facts() -> None:
    assert facts("utrbert-3mer") == {
        "levels": "sequence",
        "a state for each": "3-mer",
        "longest sequence": "512 bases",
        "weights": "multimolecule/utrbert-3mer",
        "licence": "AGPL-3.0-or-later",
        "citation": "Yang et al. 2024, doi 10.1101/2023.09.08.556883",
    }
    assert facts("rnaernie-tiny")["weights"] == "in this package"
    assert facts("kmer-states")["heads it cannot carry"] == (
        "pooled (no pooler), attention (no attention maps)"
    )
    assert facts("kmer") == {"levels": "sequence"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ["task=ss_contacts", "backbone=utrbert-3mer"],
            "'utrbert-3mer' does not serve the level 'contact': it has a state for each 3-mer",
        ),
        (
            ["task=ncrna_cls", "backbone=onehot-states", "task.head=pooled"],
            "'onehot-states' cannot carry the head 'pooled': it has no pooler; use attention_pool",
        ),
        (
            ["task=ncrna_cls", "backbone=utrbert-3mer", "task.head=attention_pooling"],
            "the head 'attention_pooling': it has a state for each 3-mer, not for each base;"
            " use cls or mean or m",
        ),
        (["task=ncrna_cls", "backbone=kmer-states", "backbone.k=4"], "must be odd and at most 7"),
        (
            ["task=ncrna_cls", "backbone=rnafmm"],
            "there is no backbone 'rnafmm'; did you mean rnafm",
        ),
    ],
)
def test_what_a_backbone_cannot_do(
    settings: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *settings, "tracking=none"]) == 2
    assert message in capsys.readouterr().err


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backbones", "show", "splicebert-510"]) == 0
    shown = capsys.readouterr().out
    assert "longest sequence: 510 bases" in shown
    assert "source: multimolecule/splicebert.510" in shown
