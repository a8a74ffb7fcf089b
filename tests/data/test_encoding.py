"""Encoding: the tokenizer's own ids, the length policy, and how a refusal is worded."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnaernie_bench.backbones.vocabulary import MAX_BASES, typed_tokenizer
from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.alphabet import LETTERS, normalise
from rnaernie_bench.data.encoding import Tail, encode
from rnaernie_bench.task.lengths import windows


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
    encoded = encode(
        given, tokenizer, policy="truncate", max_bases=508, tails=[[Tail((28, 53))]] * 3
    )
    assert encoded.ids[0].tolist() == tokenizer("ACGU[IND][tRNA]")["input_ids"]
    assert encoded.ids[0].tolist() == [1, 6, 7, 8, 9, 28, 53, 2]
    assert encoded.ids[1].tolist() == [1, 28, 53, 2]
    assert encoded.ids[2][506:].tolist() == [6, 6, 6, 28, 53, 2]
    assert encoded.lengths.tolist() == [8, 4, 512]


def test_copies_follow_each_other_with_their_weights(tokenizer):
    tails = [[Tail((28, 53), 0.75), Tail((28, 38), 0.25)], [Tail((28, 4))]]
    encoded = encode(["AC", "G"], tokenizer, policy="error", max_bases=508, tails=tails)
    assert [ids.tolist() for ids in encoded.ids] == [
        [1, 6, 7, 28, 53, 2], [1, 6, 7, 28, 38, 2], [1, 8, 28, 4, 2],
    ]  # fmt: skip
    assert encoded.counts.tolist() == [2, 1]
    assert encoded.weights.tolist() == [0.75, 0.25, 1]
    assert encoded.starts.tolist() == [0, 2]
    assert encoded.lengths.tolist() == [6, 5]


def test_a_long_sequence_is_read_in_windows_each_of_them_copied(tokenizer):
    tails = [[Tail((28, 53), 0.5), Tail((28, 38), 0.5)], [Tail()]]
    encoded = encode(["AACCG", "GU"], tokenizer, policy="window", max_bases=3, tails=tails)
    assert [ids.tolist() for ids in encoded.ids] == [
        [1, 6, 6, 7, 28, 53, 2], [1, 6, 6, 7, 28, 38, 2],
        [1, 7, 7, 8, 28, 53, 2], [1, 7, 7, 8, 28, 38, 2],
        [1, 8, 9, 2],
    ]  # fmt: skip
    assert encoded.counts.tolist() == [4, 1]
    assert encoded.weights.tolist() == [0.25, 0.25, 0.25, 0.25, 1]
    assert encoded.truncated.tolist() == [False, False]


@pytest.mark.parametrize(
    ("bases", "overlap", "expected"),
    [
        (0, 0, [""]),
        (4, 0, ["abcd"]),
        (8, 0, ["abcd", "efgh"]),
        (9, 0, ["abc", "def", "ghi"]),
        (5, 0, ["abc", "cde"]),
        (7, 1, ["abcd", "defg"]),
        (8, 1, ["abcd", "cdef", "efgh"]),
    ],
)
def test_windows_by_hand(bases, overlap, expected):
    assert windows("abcdefghi"[:bases], 4, overlap) == expected


@given(st.integers(1, 3000), st.integers(1, 508), st.data())
def test_windows_cover_the_sequence_with_the_least_number(bases, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    sequence = "".join(chr(i) for i in range(0x100, 0x100 + bases))
    found = windows(sequence, size, overlap)
    assert len({len(window) for window in found}) == 1 and len(found[0]) <= size
    assert len(found) == max(1, -(-(bases - overlap) // (size - overlap)))
    starts = [sequence.index(window[0]) for window in found]
    assert found[0][0] == sequence[0] and found[-1][-1] == sequence[-1]
    for before, after in pairwise(starts):
        assert before + len(found[0]) - after >= overlap
