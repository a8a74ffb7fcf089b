"""The four fills beside a plain loop over a MultiMolecule model, and what each run refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnaernie_bench.backbones.loading import load_backbone
from rnaernie_bench.backbones.masked import MaskedReader, in_chunks
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.learning.zero_shot.fills import (
    FILLS,
    pseudo_log_likelihoods,
    scores_of_variants,
)

WILD = "GGGCUUCGGCCCA"
VARIANTS = ["AGGCUUCGGCCCA", "GGGCUACGGCCCA", "GGCCUUCGGCCCU", WILD]


@pytest.fixture(scope="module")
def encoder():
    return load_backbone("rnaernie-tiny", masked_lm=True)


def plain_loop(model, tokenizer, fill, variants):
    """Score variants one forward at a time, as anybody would with MultiMolecule alone."""

    def told(sequence, place, masked):
        ids = tokenizer(sequence, return_tensors="pt")["input_ids"]
        if masked:
            ids[0, place + 1] = tokenizer.mask_token_id
        with torch.inference_mode():
            logits = model(input_ids=ids).logits[0, place + 1]
        return dict(zip(tokenizer.get_vocab(), logits.log_softmax(0).tolist(), strict=False))

    def pll(sequence):
        return sum(told(sequence, i, True)[base] for i, base in enumerate(sequence))

    for variant in variants:
        read, masked = (variant if fill == "mutant" else WILD), fill == "masked"
        changed = [i for i in range(len(WILD)) if WILD[i] != variant[i]]
        if fill == "pseudo":
            yield pll(variant) - pll(WILD)
        else:
            yield sum(
                told(read, i, masked)[variant[i]] - told(read, i, masked)[WILD[i]] for i in changed
            )


@pytest.mark.parametrize("fill", FILLS)
def test_a_fill_agrees_with_a_plain_loop(encoder, fill):
    vocabulary = encoder.tokenizer.get_vocab()
    assert list(vocabulary.values()) == sorted(vocabulary.values())  # as the loop takes it
    expected = list(plain_loop(encoder.model, encoder.tokenizer, fill, VARIANTS))
    found = scores_of_variants(MaskedReader(encoder), WILD, VARIANTS, fill=fill)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found[3] == 0  # the reference itself


class Counted:
    """A network that counts the rows it reads."""

    def __init__(self, network):
        self.network, self.rows = network, 0

    def __getattr__(self, name):
        return getattr(self.network, name)

    def to(self, device):
        return self

    def eval(self):
        return self

    def __call__(self, input_ids, **others):
        self.rows += len(input_ids)
        return self.network(input_ids=input_ids, **others)


def counting(encoder):
    from dataclasses import replace

    counted = Counted(encoder.model)
    return replace(encoder, model=counted), counted


@pytest.mark.parametrize(
    ("fill", "rows"), [("masked", 13), ("wildtype", 1), ("mutant", 4), ("pseudo", 13 + 3 * 12 - 1)]
)
def test_equal_inputs_are_read_once(encoder, fill, rows):
    # Of a single mutant, the row in which its mutation is masked is one of the reference's; of the
    # double mutant none is, and the reference among the variants has all of its rows already.
    given, counted = counting(encoder)
    scores_of_variants(MaskedReader(given), WILD, [*VARIANTS, VARIANTS[0]], fill=fill)
    assert counted.rows == rows + (fill == "pseudo") * 2


def test_strides_mask_several_bases_a_row(encoder):
    given, counted = counting(encoder)
    reader = MaskedReader(given)
    sums, counts = pseudo_log_likelihoods(reader, [WILD, "ACGUN"], stride=4)
    assert counted.rows == 8
    assert counts.tolist() == [13, 4]
    whole, _ = pseudo_log_likelihoods(reader, [WILD, "ACGUN"], stride=len(WILD))
    alone, _ = pseudo_log_likelihoods(reader, [WILD, "ACGUN"])
    np.testing.assert_allclose(whole, alone, atol=1e-5)
    assert abs(sums[0] - alone[0]) > 1e-4


def test_types_and_the_four_bases_change_scores(encoder):
    plain = MaskedReader(encoder)
    four, typed = MaskedReader(encoder, bases=True), MaskedReader(encoder, rna_type="tRNA")
    table = four.each_masked(WILD)
    np.testing.assert_allclose(np.exp(table).sum(axis=1), 1, atol=1e-5)
    assert (np.exp(plain.each_masked(WILD)).sum(axis=1) < 1).all()
    assert typed.each_masked(WILD).shape == table.shape
    assert not np.allclose(typed.none_masked(WILD), plain.none_masked(WILD), atol=1e-3)
    with pytest.raises(ConfigError, match="no RNA type"):
        MaskedReader(encoder, rna_type="dRNA")


def test_what_cannot_be_compared_is_refused_by_its_place(encoder):
    reader = MaskedReader(encoder)
    with pytest.raises(DataError, match=r"row 2.*12 bases, the reference 13"):
        scores_of_variants(reader, WILD, [WILD, WILD[1:]], names=["row 1", "row 2"])
    with pytest.raises(DataError, match=r"variant 1.*G1N is not between"):
        scores_of_variants(reader, WILD, ["N" + WILD[1:]])
    with pytest.raises(DataError, match="600 bases, 508 fit"):
        pseudo_log_likelihoods(reader, ["A" * 600])
    with pytest.raises(DataError, match=r"sequence 1.*none of A, C, G and U"):
        pseudo_log_likelihoods(reader, ["NNN"])
    with pytest.raises(ConfigError, match="2 or more"):
        pseudo_log_likelihoods(reader, [WILD], stride=1)


def test_insertions_are_scored_by_pseudo_likelihood(encoder):
    longer = WILD[:5] + "A" + WILD[5:]
    reader = MaskedReader(encoder)
    [found] = scores_of_variants(reader, WILD, [longer], fill="pseudo")
    (first, second), _ = pseudo_log_likelihoods(reader, [longer, WILD])
    assert found == pytest.approx(first - second, abs=1e-5)


def test_chunks_hold_whole_items():
    assert list(in_chunks([3, 3, 3], 6)) == [slice(0, 2), slice(2, 3)]
    assert list(in_chunks([9, 1], 6)) == [slice(0, 1), slice(1, 2)]
    assert list(in_chunks([], 6)) == []


@pytest.mark.parametrize("name", ["rnabert", "rnafm", "rinalmo-tiny"])
def test_other_backbones_have_heads_for_masked_bases(name):
    from dataclasses import replace

    from rnaernie_bench.backbones.loading import backbone_options

    options = replace(
        backbone_options(name), init="random", num_hidden_layers=1, hidden_size=16,
        num_attention_heads=2, intermediate_size=16,
    )  # fmt: skip
    reader = MaskedReader(load_backbone(options, masked_lm=True), bases=True)
    table = reader.each_masked("ACGUACG")
    assert table.shape == (7, 4)
    np.testing.assert_allclose(np.exp(table).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("name", ["utrbert-3mer", "kmer-states", "ribonanzanet"])
def test_backbones_without_such_a_head_are_refused_by_name(name):
    with pytest.raises(ConfigError, match=f"'{name}' cannot predict masked tokens"):
        load_backbone(name, masked_lm=True)
