"""Masking: hand-computed cases, what holds for any input, and shares over many draws."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnaernie_bench.backbones.vocabulary import typed_tokenizer
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.schema import build
from rnaernie_bench.data.encoding import encode
from rnaernie_bench.pretraining.masking import (
    STRATEGIES,
    Masker,
    MaskingOptions,
    sequence_seeds,
    strategy_of,
)
from rnaernie_bench.pretraining.motifs import MotifMatcher

TOKENIZER = typed_tokenizer()
MASK, PAD, INDICATOR, T_RNA = TOKENIZER.mask_token_id, TOKENIZER.pad_token_id, 28, 53
BASES = TOKENIZER.convert_tokens_to_ids([*"ACGU"])
BASE, SUBSEQUENCE, MOTIF = range(3)
HIDE = {"mask": 1.0, "random": 0.0}


def ids(sequence: str, type_id: int | None = None) -> np.ndarray:
    [tokens] = encode([sequence], TOKENIZER, policy="error", max_bases=508).ids
    return tokens if type_id is None else np.insert(tokens, -1, [INDICATOR, type_id])


def random_sequence(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice([*"ACGU"], length))


def masker(*groups: list[str], **options: Any) -> Masker:
    return Masker(MaskingOptions("staged", **options), TOKENIZER, MotifMatcher(groups))


def targets(sequence: str, strategy: int, *groups: list[str], draws: int = 1, **options: Any):
    """Return where the bases of `sequence` are targets in many draws, bool (draws, bases)."""
    seeds = sequence_seeds(0, 0, np.arange(draws))
    masked = masker(*groups, **options).mask(
        [ids(sequence)] * draws, np.full(draws, strategy), seeds
    )
    assert (masked.labels[:, [0, -1]] == -100).all()
    return masked.labels[:, 1:-1] != -100


def runs(row: np.ndarray) -> list[int]:
    return [len(list(group)) for value, group in groupby(row) if value]


class TestBases:
    def test_any_base_may_be_taken_and_six_of_forty_are(self):
        found = targets(random_sequence(40), BASE, draws=2000)
        assert set(found.sum(1)) == {6}
        assert found.mean(0) == pytest.approx(0.15, abs=0.04)  # five standard errors

    def test_pairs_are_independent_of_distance(self):
        found = targets(random_sequence(40), BASE, draws=2000)
        both = (found[:, :-1] & found[:, 1:]).mean()
        assert both == pytest.approx(6 / 40 * 5 / 39, abs=0.002)


class TestSpans:
    def test_nine_bases_are_a_span_of_four_and_one_of_five(self):
        found = targets(random_sequence(60), SUBSEQUENCE, draws=300)
        assert {tuple(sorted(runs(row))) for row in found} == {(4, 5)}

    def test_four_bases_are_one_span_anywhere(self):
        found = targets("ACGU" * 10, SUBSEQUENCE, rate=0.1, draws=2000)
        assert {tuple(runs(row)) for row in found} == {(4,)}
        starts = np.bincount(found.argmax(1), minlength=37)
        assert len(starts) == 37  # 37 places, the last nucleotides among them
        assert starts.min() > 20  # 54 each on average
        assert starts.max() < 100

    def test_a_share_below_the_shortest_span_is_one_short_span(self):
        found = targets("ACGU" * 5, SUBSEQUENCE, draws=50)
        assert {tuple(runs(row)) for row in found} == {(3,)}

    def test_all_lengths_occur_and_none_is_rare(self):
        found = targets(random_sequence(500), SUBSEQUENCE, draws=300)
        lengths = np.bincount([length for row in found for length in runs(row)], minlength=9)
        assert lengths[:4].sum() == 0
        assert len(lengths) == 9
        assert lengths[4:] / lengths.sum() == pytest.approx(0.2, abs=0.05)

    def test_spans_of_one_fixed_length(self):
        found = targets(random_sequence(100), SUBSEQUENCE, min_span=5, max_span=5, draws=50)
        assert {tuple(runs(row)) for row in found} == {(5, 5, 5)}

    def test_what_whole_spans_cannot_fill_is_a_shorter_one(self):
        found = targets("A" * 20, SUBSEQUENCE, min_span=4, max_span=4, rate=0.25, draws=50)
        assert {tuple(sorted(runs(row))) for row in found} == {(1, 4)}

    def test_a_span_runs_over_another_letter_and_leaves_it(self):
        found = targets("ANANANANANANANANANAN", SUBSEQUENCE, rate=0.4, draws=20)
        assert not found[:, 1::2].any()
        assert {tuple(runs(row[::2])) for row in found} == {(4,)}


class TestMotifs:
    SEQUENCE = "A" * 10 + "CGUGCU" + "A" * 24

    def test_a_motif_that_fills_the_share_is_all_that_is_masked(self):
        found = targets(self.SEQUENCE, MOTIF, ["CGTGCU"], draws=50)
        assert {tuple(np.flatnonzero(row)) for row in found} == {tuple(range(10, 16))}

    def test_one_of_two_that_overlap(self):
        sequence = "A" * 10 + "CGUGCUGGC" + "A" * 21
        found = targets(sequence, MOTIF, ["CGUGCU", "GCUGGC"], draws=50)
        assert {tuple(np.flatnonzero(row)) for row in found} == {
            tuple(range(10, 16)), tuple(range(13, 19)),
        }  # fmt: skip

    def test_the_first_list_comes_first(self):
        sequence = "A" * 4 + "GGCCGG" + "A" * 10 + "CGUGCU" + "A" * 14
        groups = (["CGUGCU"], ["GGCCGG", "CCGGAA", "GGCCGGA"])
        found = targets(sequence, MOTIF, *groups, draws=50)
        assert {tuple(np.flatnonzero(row)) for row in found} == {tuple(range(20, 26))}
        found = targets(sequence + "A" * 40, MOTIF, *groups, draws=50)
        second = {tuple(np.flatnonzero(row[:16])) for row in found}
        assert second == {tuple(range(4, 10)), tuple(range(6, 12))}
        assert found[:, 20:26].all()

    def test_the_rest_is_filled_with_bases(self):
        found = targets(self.SEQUENCE + "A" * 20, MOTIF, ["CGUGCU"], draws=300)
        assert found[:, 10:16].all()
        assert set(found.sum(1)) == {9}
        assert np.delete(found, np.s_[10:16], axis=1).any(0).all()

    @pytest.mark.parametrize("motif", ["GGGG", "CGUGCUA"])
    def test_bases_stand_in_where_no_motif_occurs_or_fits(self, motif):
        found = targets(self.SEQUENCE, MOTIF, [motif], draws=300)
        assert set(found.sum(1)) == {6}
        assert found.any(0).all()

    def test_uracil_is_masked(self):
        found = targets("ACGC" * 5 + "UUUUUU" + "ACGC" * 4, MOTIF, ["TTUTTT"], rate=1 / 7)
        assert np.flatnonzero(found[0]).tolist() == list(range(20, 26))

    def test_masking_motifs_without_motifs_is_refused(self):
        bare = Masker(MaskingOptions("mixed"), TOKENIZER)
        bare.mask([ids("ACGU")], np.array([SUBSEQUENCE]), np.array([1], np.uint64))
        with pytest.raises(ConfigError, match="lists of motifs"):
            bare.mask([ids("ACGU")], np.array([MOTIF]), np.array([1], np.uint64))


class TestShare:
    @pytest.mark.parametrize("strategy", range(3))
    @pytest.mark.parametrize(("length", "counts"), [(22, {3, 4}), (130, {19, 20}), (3, {1})])
    def test_it_is_rounded_so_that_the_mean_is_exact(self, strategy, length, counts):
        motifs = ["ACGU", "GUAC", "CCGG", "UUUU", "GAGAG", "CUCUCU"]
        found = targets(random_sequence(length), strategy, motifs, draws=4000).sum(1)
        assert set(found) == counts
        assert found.mean() == pytest.approx(max(1, 0.15 * length), abs=0.04)

    def test_eighty_ten_ten(self):
        n = 500
        masked = masker().mask(
            [ids("ACGU" * 100)] * n, np.full(n, BASE), sequence_seeds(0, 0, np.arange(n))
        )
        there = masked.labels != -100
        before, after = masked.labels[there], masked.input_ids[there]
        assert len(before) == 500 * 60
        assert (after == MASK).mean() == pytest.approx(0.8, abs=0.01)
        assert (after == before).mean() == pytest.approx(0.1 + 0.1 / 4, abs=0.008)
        for base in BASES:
            assert ((after == base) & (after != before)).mean() == pytest.approx(
                0.1 / 4 * 3 / 4, abs=0.004
            )
        assert np.isin(after, [MASK, *BASES]).all()

    def test_each_base_of_a_span_is_drawn_on_its_own(self):
        n = 200
        masked = masker().mask(
            [ids("ACGU" * 10)] * n, np.full(n, SUBSEQUENCE), sequence_seeds(0, 0, np.arange(n))
        )
        hidden = [
            set(row[there] == MASK)
            for row, there in zip(masked.input_ids, masked.labels != -100, strict=True)
        ]
        assert {True, False} in hidden


class TestTypes:
    def test_the_type_is_hidden_as_often_as_asked(self):
        n = 2000
        masked = masker(type_rate=0.3).mask(
            [ids("ACGU" * 5, T_RNA)] * n, np.full(n, BASE), sequence_seeds(0, 0, np.arange(n))
        )
        hidden = masked.type_masked
        assert hidden.mean() == pytest.approx(0.3, abs=0.05)
        assert set(masked.labels[hidden, -2]) == {T_RNA}
        assert set(masked.input_ids[hidden, -2]) == {MASK}
        assert set(masked.labels[~hidden, -2]) == {-100}
        assert set(masked.input_ids[~hidden, -2]) == {T_RNA}
        assert (masked.labels[:, [0, -3, -1]] == -100).all()
        assert set(masked.input_ids[:, -3]) == {INDICATOR}

    def test_the_type_is_left_out_as_often_as_asked(self):
        n = 2000
        masked = masker(untyped_rate=0.4, type_rate=1.0).mask(
            [ids("ACGU" * 5, T_RNA)] * n, np.full(n, BASE), sequence_seeds(0, 0, np.arange(n))
        )
        plain = ~masked.type_masked
        assert plain.mean() == pytest.approx(0.4, abs=0.05)
        eos = TOKENIZER.eos_token_id
        assert (masked.input_ids[plain, 21:] == [eos, PAD, PAD]).all()
        assert (masked.input_ids[~plain, 21:] == [INDICATOR, MASK, eos]).all()

    def test_no_column_is_left_of_types_left_out(self):
        masked = masker(untyped_rate=1.0).mask(
            [ids("ACGU" * 5, T_RNA)], np.array([BASE]), np.array([1], np.uint64)
        )
        assert masked.input_ids.shape == masked.labels.shape == (1, 22)
        assert not masked.type_masked.any()

    def test_a_tokenizer_without_types(self):
        from multimolecule import RnaTokenizer

        plain = Masker(MaskingOptions("staged", type_rate=1.0), RnaTokenizer())
        masked = plain.mask([ids("ACGUNACGU")], np.array([BASE]), np.array([1], np.uint64))
        assert not masked.type_masked.any()
        assert masked.input_ids.shape == (1, 11)


class TestAnySequence:
    @settings(max_examples=200, deadline=None)
    @given(
        sequences=st.lists(st.text("ACGUNRX", max_size=120), min_size=1, max_size=4),
        strategy=st.integers(0, 2),
        seed=st.integers(0, 2**64 - 1),
        rate=st.floats(0.01, 0.5),
        spans=st.tuples(st.integers(1, 9), st.integers(0, 9)),
        typed=st.booleans(),
    )
    def test_only_bases_and_types_are_touched(self, sequences, strategy, seed, rate, spans, typed):
        low, more = spans
        options = {"rate": rate, "min_span": low, "max_span": low + more}
        originals = [ids(sequence, T_RNA if typed else None) for sequence in sequences]
        masked = masker(["ACGU", "GGG"], ["ACGUAC", "UU"], **options).mask(
            originals,
            np.full(len(originals), strategy),
            np.full(len(originals), seed, np.uint64),
        )
        assert masked.input_ids.dtype == masked.labels.dtype == np.int64
        assert masked.input_ids.shape == masked.labels.shape
        assert masked.input_ids.shape[1] == max(map(len, originals))
        for i, original in enumerate(originals):
            n = len(original)
            inputs, labels = masked.input_ids[i], masked.labels[i]
            assert (inputs[n:] == PAD).all()
            assert (labels[n:] == -100).all()
            there = labels[:n] != -100
            assert (labels[:n][there] == original[there]).all()
            assert (inputs[:n][~there] == original[~there]).all()
            assert np.isin(inputs[:n][there], [MASK, *BASES]).all()
            bases = np.isin(original, BASES)
            allowed = bases.copy()
            if typed:
                assert there[-2] == masked.type_masked[i]
                assert inputs[n - 2] == (MASK if there[-2] else T_RNA)
                allowed[-2] = True
            assert not (there & ~allowed).any()
            exact = rate * bases.sum()
            count = (there & bases).sum()
            assert count == 0 if not bases.any() else max(1, int(exact)) <= count <= exact + 1
            if strategy == SUBSEQUENCE:
                lengths = runs(there[bases])
                assert all(length <= low + more for length in lengths)
                assert sum(length < low for length in lengths) <= 1

    @settings(max_examples=100, deadline=None)
    @given(
        sequence=st.text("ACGU", min_size=30, max_size=200),
        seed=st.integers(0, 2**64 - 1),
    )
    def test_motifs_are_whole(self, sequence, seed):
        # With as few fillers as there are, every other target belongs to a whole motif.
        motifs = ["ACGU", "GGAUC", "UUUUUU", "CA" * 4]
        masked = masker(motifs, **HIDE).mask(
            [ids(sequence)], np.array([MOTIF]), np.array([seed], np.uint64)
        )
        there = masked.labels[0, 1:-1] != -100
        starts, lengths, _ = MotifMatcher([motifs]).find(sequence)
        whole = [
            (start, length)
            for start, length in zip(starts, lengths, strict=True)
            if there[start : start + length].all()
        ]
        covered = np.zeros(len(sequence), bool)
        for start, length in whole:
            covered[start : start + length] = True
        left = there.sum() - covered.sum()
        fits = [
            (start, length)
            for start, length in zip(starts, lengths, strict=True)
            if length <= left and not covered[start : start + length].any()
        ]
        assert not fits  # no motif had room where fillers stand


class TestSeeds:
    def batch(self) -> list[np.ndarray]:
        return [ids(random_sequence(length, length), T_RNA) for length in (30, 200, 77, 30, 508)]

    def mask(self, batch, strategies, seeds):
        return masker(["ACGU", "GGAU", "UUCC"], untyped_rate=0.3).mask(batch, strategies, seeds)

    @pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0, 1, 3], [3], [1, 1]])
    def test_a_mask_depends_on_nothing_but_its_seed(self, order):
        batch, seeds = self.batch(), sequence_seeds(7, 3, np.arange(5))
        strategies = np.array([2, 1, 0, 2, 2])
        whole = self.mask(batch, strategies, seeds)
        part = self.mask([batch[i] for i in order], strategies[order], seeds[order])
        width = part.input_ids.shape[1]
        for row, i in enumerate(order):
            assert (part.input_ids[row] == whole.input_ids[i, :width]).all()
            assert (part.labels[row] == whole.labels[i, :width]).all()
            assert (whole.labels[i, width:] == -100).all()

    @pytest.mark.parametrize("strategy", range(3))
    def test_masks_differ_between_epochs_records_and_runs(self, strategy):
        sequence = ids(random_sequence(200))
        seeds = [sequence_seeds(seed, epoch, np.arange(3)) for seed in (0, 1) for epoch in (0, 1)]
        seeds = np.concatenate(seeds)
        masked = self.mask([sequence] * 12, np.full(12, strategy), seeds)
        assert len({row.tobytes() for row in masked.labels}) == 12

    def test_seeds_are_hashes(self):
        seeds = np.concatenate(
            [sequence_seeds(seed, epoch, np.arange(50)) for seed in range(5) for epoch in range(5)]
        )
        assert seeds.dtype == np.uint64
        assert len(set(seeds.tolist())) == 1250
        bits = (seeds[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
        assert bits.mean(0) == pytest.approx(0.5, abs=0.08)
        assert sequence_seeds(3, 4, np.array([9]))[0] == sequence_seeds(3, 4, np.arange(10))[9]

    def test_the_generator_is_splitmix64(self):
        # The first output from the state 0, as published with the reference implementation.
        assert sequence_seeds(0, 0, np.array([0])).dtype == np.uint64
        from rnaernie_bench.pretraining.kernels import hash_each

        assert hash_each(np.uint64(0), np.array([0]))[0] == 0xE220A8397B1DCDAF


class TestStrategies:
    def test_staged_is_one_third_each(self):
        seeds = sequence_seeds(0, 0, np.arange(2))
        stages = [
            strategy_of("staged", progress, seeds).tolist()
            for progress in (0.0, 0.33, 0.34, 0.66, 0.67, 0.999, 1.0)
        ]
        assert stages == [[i, i] for i in (0, 0, 1, 1, 2, 2, 2)]

    def test_mixed_is_uniform_and_follows_the_seed(self):
        seeds = sequence_seeds(0, 0, np.arange(6000))
        drawn = strategy_of("mixed", 0.1, seeds)
        assert drawn.dtype == np.int8
        assert np.bincount(drawn) / 6000 == pytest.approx(1 / 3, abs=0.03)
        assert (strategy_of("mixed", 0.9, seeds[::-1]) == drawn[::-1]).all()

    def test_names(self):
        assert STRATEGIES == ("base", "subsequence", "motif")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schedule", "random"), ("rate", 0), ("rate", 0.51), ("mask", 1.1), ("random", 0.3),
        ("min_span", 0), ("max_span", 3), ("type_rate", -0.1), ("untyped_rate", 2),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(key, value):
    with pytest.raises(ConfigError, match=rf"masking\.{key}"):
        build(MaskingOptions, {"schedule": "staged", key: value}, where="masking")
