from __future__ import annotations

import math
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein
from scipy.sparse.csgraph import connected_components

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.clusters import components
from rnaernie_bench.data.fasta import read_fasta
from rnaernie_bench.data.leakage import nearest_identity, shares_stretch, similar_links


def edits(first: str, second: str) -> int:
    """Return the Levenshtein distance by the textbook recurrence."""
    previous = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        current = [i]
        for j, b in enumerate(second, start=1):
            current.append(min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a != b)))
        previous = current
    return previous[-1]


def brute_force(query: str, references: list[str], percent: int) -> float:
    """Return the best identity of at least `percent` by comparing with all, in whole numbers."""
    best = 0.0
    for reference in references:
        longest = max(len(query), len(reference))
        distance = edits(query, reference)
        if 100 * (longest - distance) >= percent * longest:
            best = max(best, 1 - distance / longest)
    return best


def mutate(sequence: str, rng: random.Random, changes: int) -> str:
    letters = list(sequence)
    for _ in range(changes):
        place = rng.randrange(len(letters) + 1)
        kind = rng.randrange(3)
        if kind == 0:
            letters.insert(place, rng.choice("ACGUN"))
        elif letters:
            place = min(place, len(letters) - 1)
            letters[place : place + 1] = rng.choice("ACGUN") if kind == 1 else ""
    return "".join(letters) or "A"


@settings(max_examples=60, deadline=None)
@given(
    rng=st.randoms(use_true_random=False),
    percent=st.sampled_from([50, 70, 80, 90, 95, 100]),
)
def test_no_pair_is_missed(rng: random.Random, percent: int) -> None:
    references = [
        "".join(rng.choices("ACGUN", (9, 9, 9, 9, 1), k=rng.randint(1, 40))) for _ in range(8)
    ]
    queries = [mutate(rng.choice(references), rng, rng.randint(0, 10)) for _ in range(8)]
    identity, index = nearest_identity(queries, references, threshold=percent / 100)
    for query, found, position in zip(queries, identity, index, strict=True):
        assert found == np.float32(brute_force(query, references, percent))
        assert (position == -1) == (found == 0)
        if position >= 0:
            reference = references[position]
            longest = max(len(query), len(reference))
            assert found == np.float32(1 - edits(query, reference) / longest)


def test_by_hand() -> None:
    references = ["ACGUACGUAC", "GGGGGGGGGG", "ACGUACGUCC"]
    queries = ["ACGUACGUAC", "ACGUACGUAA", "ACGUACGUA", "CCCCCCCCCC", "GGGGGGGGAA"]
    identity, index = nearest_identity(queries, references)
    np.testing.assert_allclose(identity, [1, 0.9, 0.9, 0, 0.8], rtol=1e-6)
    assert index.tolist() == [0, 0, 0, -1, 1]
    assert identity.dtype == np.float32


def test_a_pair_exactly_at_the_threshold_counts() -> None:
    for length in range(5, 100, 5):
        changed = "C" * (length // 5) + "A" * (length - length // 5)
        identity, _ = nearest_identity([changed], ["A" * length], threshold=0.8)
        assert math.isclose(identity[0], 0.8, rel_tol=1e-6)


@pytest.mark.parametrize("length", [40, 300, 900])
@pytest.mark.parametrize("threshold", [0.7, 0.8, 0.95])
def test_long_sequences_are_compared_and_linked_like_all_pairs(
    length: int, threshold: float
) -> None:
    """With bands of up to nine words, more sequences than one block, chains of relatives."""
    rng = random.Random(length)
    sequences = ["".join(rng.choices("ACGU", k=length)) for _ in range(20)]
    for _ in range(70):
        sequences.append(mutate(rng.choice(sequences), rng, rng.randint(0, int(length * 0.35))))
    scores = process.cdist(
        sequences, sequences, scorer=Levenshtein.normalized_similarity, dtype=np.float64
    )
    near = scores >= threshold - 1e-9
    _, expected = connected_components(near, directed=False)
    found = components([""] * 90, range(90), similar_links(sequences, threshold))
    assert len(set(zip(expected.tolist(), found.tolist(), strict=True))) == len(set(expected))
    assert len(set(found.tolist())) == len(set(expected)) < 90
    identity, index = nearest_identity(sequences[45:], sequences[:45], threshold=threshold)
    block = np.where(near, scores, 0)[45:, :45]
    np.testing.assert_allclose(identity, block.max(axis=1), rtol=1e-6)
    reached = block.max(axis=1) > 0
    assert index[reached].tolist() == block.argmax(axis=1)[reached].tolist()
    assert (index[~reached] == -1).all()


def test_more_queries_than_fit_one_block() -> None:
    rng = random.Random(0)
    sequences = ["".join(rng.choices("ACGU", k=50)) for _ in range(600)]
    identity, index = nearest_identity(sequences, sequences[::-1], threshold=0.9)
    assert (identity == 1).all()
    assert index.tolist() == list(range(599, -1, -1))


def test_shared_stretches_are_found_across_any_lengths() -> None:
    references = ["AACCGGUU", "GGG", "UNNNNA"]
    queries = ["CCGGA", "CGGU", "GGUUA", "GGG", "NNNN", "ACCG", "GUUU"]
    found = shares_stretch(queries, references, 4)
    # The windows of neighbours are not joined: GUUG and GGGU stand in no reference.
    assert found.tolist() == [True, True, True, False, True, True, False]
    assert shares_stretch(["GUUG"], references, 4).tolist() == [False]
    assert shares_stretch(["ACGU"], [], 4).tolist() == [False]
    assert shares_stretch([], references, 4).tolist() == []


def test_nothing_against_nothing() -> None:
    assert [len(part) for part in nearest_identity([], ["ACGU"])] == [0, 0]
    assert similar_links([], 0.8).shape == similar_links(["ACGU"], 0.8).shape == (0, 2)
    identity, index = nearest_identity(["ACGU"], [])
    assert (identity.tolist(), index.tolist()) == ([0], [-1])


@pytest.mark.parametrize("options", [{"threshold": 0}, {"threshold": 1.1}])
def test_settings_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="is not in"):
        nearest_identity(["A"], ["A"], **options)  # type: ignore[arg-type]


@pytest.mark.realdata
def test_the_search_finds_what_a_comparison_of_all_pairs_finds(data_folder: Path) -> None:
    def sequences(name: str, step: int) -> list[str]:
        return [record.sequence for record in read_fasta(data_folder / "nrc" / name)][::step]

    queries = sequences("dataset_Rfam_validated_2600_13classes.fasta", 26)
    references = sequences("dataset_Rfam_6320_13classes.fasta", 2)
    scores = process.cdist(
        queries, references, scorer=Levenshtein.normalized_similarity, dtype=np.float32
    ).max(axis=1)
    identity, _ = nearest_identity(queries, references)
    np.testing.assert_array_equal(identity, np.where(scores >= np.float32(0.8), scores, 0))
    assert (identity >= np.float32(0.8)).sum() > 5
