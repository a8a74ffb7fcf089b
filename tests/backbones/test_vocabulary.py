"""The typed vocabulary: ids, names, and a round trip through files."""

from __future__ import annotations

import pytest
from multimolecule import RnaTokenizer

from rnaernie_bench.backbones.vocabulary import INDICATOR, RNA_TYPES, typed_tokenizer


@pytest.fixture(scope="module")
def tokenizer():
    return typed_tokenizer()


def test_type_tokens_follow_the_28_of_multimolecule(tokenizer):
    assert len(tokenizer) == 57
    assert tokenizer.convert_tokens_to_ids(INDICATOR) == 28
    names = [f"[{name}]" for name in RNA_TYPES]
    assert tokenizer.convert_tokens_to_ids(names) == list(range(29, 57))
    plain = RnaTokenizer()
    assert tokenizer.convert_ids_to_tokens(list(range(28))) == plain.convert_ids_to_tokens(
        list(range(28))
    )


def test_types_are_those_of_the_authors():
    # Rows 7 to 34 of the authors' vocabulary.
    assert len(RNA_TYPES) == len(set(RNA_TYPES)) == 28
    assert (RNA_TYPES[0], RNA_TYPES[9], RNA_TYPES[24], RNA_TYPES[-1]) == (
        "RNaseMRPRNA", "miRNA", "tRNA", "vaultRNA",
    )  # fmt: skip


def test_a_type_at_the_tail_is_one_token_each(tokenizer):
    ids = tokenizer("ACGU[IND][tRNA]")["input_ids"]
    bases = tokenizer.convert_tokens_to_ids([*"ACGU"])
    assert ids == [tokenizer.cls_token_id, *bases, 28, 53, tokenizer.eos_token_id]


def test_round_trip_through_files(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = RnaTokenizer.from_pretrained(tmp_path)
    text = "acgtnryswkmbdhvix[IND][vaultRNA]"
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert loaded.model_max_length == tokenizer.model_max_length == 512
