"""Encoding: the tokenizer's own ids, the length policy, and how a refusal is worded."""

from __future__ import annotations

import numpy as np
import pytest

from rnaernie_bench.backbones.vocabulary import MAX_BASES, typed_tokenizer
from rnaernie_bench.data.alphabet import LETTERS, normalise
from rnaernie_bench.data.encoding import encode
from rnaernie_bench.errors import DataError


@pytest.fixture(scope="module")
def tokenizer():
    return typed_tokenizer()


@pytest.mark.parametrize("sequence", [LETTERS, "acgtACGTU", "nryswkmbdhvix", "A", "TTTT"])
def test_ids_are_those_of_the_tokenizer(tokenizer, sequence):
    normalised = normalise(sequence)
    encoded = encode([normalised], tokenizer, policy="error", max_bases=MAX_BASES)
    assert encoded.ids[0].tolist() == tokenizer(sequence)["input_ids"]
    assert tokenizer.unk_token_id not in encoded.ids[0]
    assert encoded.lengths.tolist() == [len(sequence) + 2]


def test_alphabet_is_that_of_multimolecule_without_its_marks():
    from multimolecule.tokenisers.rna.utils import get_alphabet

    marks = "|.*-?"  # gaps, stops and structure
    assert "".join(get_alphabet("standard").tokens) == LETTERS + marks


def test_508_bases_fit(tokenizer):
    encoded = encode(["A" * 508], tokenizer, policy="error", max_bases=MAX_BASES)
    assert encoded.truncated.tolist() == [False]
    assert len(encoded.ids[0]) == 510


def test_error_policy_names_the_record(tokenizer):
    with pytest.raises(DataError, match=r"in.fa, record 'long': .* 509 bases, 508 fit"):
        encode(
            ["ACGU", "A" * 509],
            tokenizer,
            policy="error",
            max_bases=MAX_BASES,
            names=["in.fa, record 'short'", "in.fa, record 'long'"],
        )
    with pytest.raises(DataError, match=r"sequence 2: .*task.length=truncate"):
        encode(["ACGU", "A" * 509], tokenizer, policy="error", max_bases=MAX_BASES)


def test_truncate_keeps_the_first_bases_and_says_which(tokenizer):
    encoded = encode(["ACGUA", "ACG", "GGGG"], tokenizer, policy="truncate", max_bases=3)
    assert encoded.truncated.tolist() == [True, False, True]
    assert encoded.ids[0].tolist() == tokenizer("ACG")["input_ids"]
    assert np.array_equal(encoded.ids[0], encoded.ids[1])


def test_no_sequences(tokenizer):
    encoded = encode([], tokenizer, policy="error", max_bases=MAX_BASES)
    assert encoded.ids == () and len(encoded.lengths) == 0


def test_a_tail_stands_before_the_end(tokenizer):
    given = ["ACGU", "", "A" * 600]
    encoded = encode(given, tokenizer, policy="truncate", max_bases=508, tail=(28, 53))
    assert encoded.ids[0].tolist() == tokenizer("ACGU[IND][tRNA]")["input_ids"]
    assert encoded.ids[0].tolist() == [1, 6, 7, 8, 9, 28, 53, 2]
    assert encoded.ids[1].tolist() == [1, 28, 53, 2]
    assert encoded.ids[2][506:].tolist() == [6, 6, 6, 28, 53, 2]
    assert encoded.lengths.tolist() == [8, 4, 512]
