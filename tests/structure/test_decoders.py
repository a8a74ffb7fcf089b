from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.structure.decoders import (
    DECODERS,
    DecodingOptions,
    decode,
    decode_batch,
)
from rnaernie_bench.structure.decoders._candidates import candidates
from rnaernie_bench.structure.decoders.hybrid import pair_energies
from tests.structure_kit import crosses, probabilities

COMPILED = ["threshold", "greedy", "mea", "centroid", "matching"]


def matrix(length: int, values: dict[tuple[int, int], float]) -> np.ndarray:
    found = np.zeros((length, length), dtype=np.float32)
    for (i, j), value in values.items():
        found[i, j] = found[j, i] = value
    return found


def found(decoder: str, values: dict, length: int, **options) -> list[list[int]]:
    chosen = DecodingOptions(decoder, **{"min_loop": 0, "threshold": 0.25, **options})
    return decode(matrix(length, values), "A" * length, chosen).tolist()


def structures(length: int, open_: int = 0) -> list[tuple[tuple[int, int], ...]]:
    """Return all nested structures on the bases from `open_` on."""
    if open_ >= length:
        return [()]
    every = list(structures(length, open_ + 1))
    for j in range(open_ + 1, length):
        for inner in structures(j, open_ + 1):
            every += [((open_, j), *inner, *outer) for outer in structures(length, j + 1)]
    return every


def accuracy(matrix: np.ndarray, gamma: float, pairs) -> float:
    """Return the expected accuracy, straight from its formula."""
    unpaired = np.maximum(1 - matrix.sum(axis=0), 0)
    for i, j in pairs:
        unpaired[[i, j]] = 0
    return unpaired.sum() + sum(2 * gamma * matrix[i, j] for i, j in pairs)


def nussinov(gains: np.ndarray) -> float:
    """Return the best total gain, by the recursion of the textbook."""
    n = len(gains)
    best = np.zeros((n + 1, n + 1))
    for span in range(2, n + 1):
        for i in range(n - span + 1):
            e = i + span
            options = [best[i + 1, e]]
            for j in range(i + 1, e):
                if gains[i, j] > 0:
                    options.append(gains[i, j] + best[i + 1, j] + best[j + 1, e])
            best[i, e] = max(options)
    return best[0, n]


def test_each_base_keeps_its_best_partner() -> None:
    values = {(0, 9): 0.9, (1, 9): 0.8, (1, 8): 0.5, (2, 7): 0.2}
    assert found("threshold", values, 10) == [[0, 9]]
    # Base 1 likes 9 best, which is taken: the greedy way goes on, as does any optimum.
    for decoder in ("greedy", "mea", "centroid", "matching"):
        assert found(decoder, values, 10) == [[0, 9], [1, 8]]


def test_crossing_pairs_are_found_where_they_may_be() -> None:
    values = {(0, 5): 0.9, (1, 4): 0.8, (2, 8): 0.7}
    for decoder in ("threshold", "greedy", "matching"):
        assert found(decoder, values, 9) == [[0, 5], [1, 4], [2, 8]]
    for decoder in ("mea", "centroid"):
        assert found(decoder, values, 9) == [[0, 5], [1, 4]]


def test_a_matching_gives_up_the_best_pair_for_two_good_ones() -> None:
    values = {(0, 3): 0.6, (3, 6): 0.9, (6, 9): 0.6}
    assert found("greedy", values, 10) == [[3, 6]]
    assert found("matching", values, 10) == [[0, 3], [6, 9]]


def test_gamma_weighs_pairs_against_unpaired_bases() -> None:
    # Paired: 2 gamma .4; unpaired: .6 + .6.
    assert found("mea", {(0, 4): 0.4}, 5, gamma=1.4) == []
    assert found("mea", {(0, 4): 0.4}, 5, gamma=1.6) == [[0, 4]]


@pytest.mark.parametrize("decoder", COMPILED)
def test_constraints_are_kept(decoder: str) -> None:
    values = {(0, 4): 0.9, (1, 5): 0.6, (6, 9): 0.9}
    options = DecodingOptions(decoder, threshold=0.7)
    assert decode(matrix(10, values), "GAAAGCGAAC", options).tolist() == [[0, 4]]
    canonical = DecodingOptions(decoder, threshold=0.25, canonical=True)
    assert decode(matrix(10, values), "GGAAGCGAAC", canonical).tolist() == [[1, 5]]


def test_all_six_canonical_pairs_may_form() -> None:
    ones = np.ones((17, 17))
    options = DecodingOptions(canonical=True, min_loop=0, threshold=0.0)
    allowed = {
        (first + second)
        for first in "ACGUNI"
        for second in "ACGUNI"
        if candidates(ones[:2, :2], first + second, options).any()
    }
    assert allowed == {"AU", "UA", "GC", "CG", "GU", "UG"}


@pytest.mark.parametrize("decoder", COMPILED)
@pytest.mark.parametrize("length", [1, 4, 30])
def test_nothing_likely_is_nothing_found(decoder: str, length: int) -> None:
    pairs = decode(np.zeros((length, length)), "A" * length, DecodingOptions(decoder))
    assert (pairs.shape, pairs.dtype) == ((0, 2), np.int32)


@settings(deadline=None, max_examples=50)
@given(probabilities(), st.sampled_from(COMPILED), st.sampled_from([0.0, 0.25, 0.5]))
def test_decoders_return_sorted_structures(matrix, decoder: str, threshold: float) -> None:
    options = DecodingOptions(decoder, threshold=threshold, min_loop=0)
    pairs = decode(matrix, "A" * len(matrix), options)
    assert (pairs.dtype, pairs.shape[1]) == (np.int32, 2)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert (np.diff(pairs[:, 0]) > 0).all()
    assert len(np.unique(pairs)) == pairs.size
    assert all(matrix[i, j] >= max(threshold, 1e-9) for i, j in pairs)
    if decoder in ("mea", "centroid"):
        assert not any(crosses(a, b) for a, b in combinations(pairs.tolist(), 2))


@settings(deadline=None, max_examples=40)
@given(probabilities(max_length=8), st.sampled_from([0.5, 1.0, 3.0]))
def test_mea_is_the_best_of_all_nested_structures(matrix, gamma: float) -> None:
    pairs = decode(matrix, "A" * len(matrix), DecodingOptions("mea", 0.0, gamma, min_loop=0))
    best = max(accuracy(matrix, gamma, chosen) for chosen in structures(len(matrix)))
    assert accuracy(matrix, gamma, pairs) == pytest.approx(best, abs=1e-5)


def test_mea_is_the_best_on_ten_bases() -> None:
    dense = np.triu(np.random.default_rng(0).random((10, 10)) / 4, 1).astype(np.float32)
    dense += dense.T
    pairs = decode(dense, "A" * 10, DecodingOptions("mea", 0.0, 2.0, min_loop=0))
    best = max(accuracy(dense, 2.0, chosen) for chosen in structures(10))
    assert accuracy(dense, 2.0, pairs) == pytest.approx(best, abs=1e-5)
    assert len(pairs) >= 3


@pytest.mark.parametrize("seed", range(5))
def test_the_kernel_agrees_with_the_textbook(seed: int) -> None:
    from rnaernie_bench.structure.kernels import nested_maximum

    generator = np.random.default_rng(seed)
    gains = (generator.random((40, 40)) - 0.2 * seed).astype(np.float32)
    pairs = nested_maximum(gains)
    total = sum(float(gains[i, j]) for i, j in pairs)
    assert total == pytest.approx(nussinov(gains), rel=1e-5)


@settings(deadline=None, max_examples=40)
@given(probabilities())
def test_a_matching_weighs_as_much_as_networkx_finds(matrix) -> None:
    pairs = decode(matrix, "A" * len(matrix), DecodingOptions("matching", 0.25, min_loop=0))
    graph = networkx.Graph()
    graph.add_weighted_edges_from(
        (i, j, matrix[i, j]) for i, j in np.argwhere(np.triu(matrix) >= 0.25).tolist()
    )
    theirs = networkx.max_weight_matching(graph)
    assert sum(matrix[i, j] for i, j in pairs) == sum(matrix[i, j] for i, j in theirs)


def test_only_the_upper_half_is_read() -> None:
    one_sided = np.triu(matrix(9, {(0, 5): 0.9, (1, 4): 0.8, (2, 8): 0.7}))
    one_sided[7, 3] = 1.0
    for decoder in COMPILED:
        options = DecodingOptions(decoder, min_loop=0)
        assert decode(one_sided, "A" * 9, options).tolist()[:2] == [[0, 5], [1, 4]]


def test_a_batch_is_its_sequences_one_by_one() -> None:
    generator = np.random.default_rng(0)
    matrices = [np.triu(generator.random((n, n))) for n in (3, 20, 11)]
    sequences = ["A" * len(values) for values in matrices]
    for decoder in COMPILED:
        options = DecodingOptions(decoder)
        batch = decode_batch(matrices, sequences, options, workers=2)
        alone = [decode(*case, options) for case in zip(matrices, sequences, strict=True)]
        assert [pairs.tolist() for pairs in batch] == [pairs.tolist() for pairs in alone]


def test_what_cannot_be_decoded_is_refused() -> None:
    with pytest.raises(ValueError, match="for 4 bases"):
        decode(np.zeros((5, 5)), "AAAA", DecodingOptions())
    with pytest.raises(ValueError, match="not a number"):
        decode(np.full((9, 9), np.nan), "A" * 9, DecodingOptions())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decoder": "medea"}, "unknown decoder 'medea'; did you mean mea"),
        ({"threshold": 1.5}, "threshold = 1.5 makes no sense"),
        ({"gamma": 0}, "gamma = 0 makes no sense"),
        ({"gamma": float("nan")}, "gamma = nan makes no sense"),
        ({"mixing": -1.0}, "mixing = -1.0 makes no sense"),
        ({"min_loop": -1}, "min_loop = -1 makes no sense"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DecodingOptions(**options)
    assert message in str(caught.value)


def test_energies_follow_the_log_odds() -> None:
    options = DecodingOptions("hybrid", threshold=0.5, mixing=2.0)
    energies = pair_energies(np.array([0.5, 0.9, 0.1, 0.0]), options)
    expected = [0, -2 * np.log(9), 2 * np.log(9), 14]  # log odds are cut off at 7
    assert energies == pytest.approx(expected)
    assert set(DECODERS) == {*COMPILED, "hybrid"}


@pytest.mark.realdata
def test_matchings_weigh_as_much_as_those_of_multimolecule() -> None:
    from multimolecule.utils.rna.secondary_structure import contact_map_to_pairs

    generator = np.random.default_rng(0)
    values = np.triu(generator.random((60, 60)), 4)
    values = np.where(values > 0.8, values, 0) + np.where(values > 0.8, values, 0).T
    options = DecodingOptions("matching", 0.5)
    ours = decode(values, "A" * 60, options)
    with pytest.warns(UserWarning, match="resolving with blossom"):
        theirs = contact_map_to_pairs(values, unsafe=True, matching="blossom")
    weights = [values[pairs[:, 0], pairs[:, 1]].sum() for pairs in (ours, theirs)]
    assert weights[0] == pytest.approx(weights[1], abs=1e-5)


def test_the_page_lists_every_decoder_and_what_is_tuned() -> None:
    page = (Path(__file__).parents[2] / "docs" / "structure.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (yes|no) \| ([a-z, ]+) \|$", page, re.MULTILINE)
    assert {name: (text.replace("`", ""), *others) for name, text, *others in rows} == {
        name: (entry.summary, "yes" if entry.pseudoknots else "no", ", ".join(entry.tuned[0]))
        for name, entry in DECODERS.working()
    }
