from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnaernie_bench.structure.counting import count, count_all
from rnaernie_bench.structure.notations import checked_pairs, dot_bracket_to_pairs
from rnaernie_bench.structure.scores import (
    COUNT_NAMES,
    KINDS,
    agreement,
    bands,
    by_group,
    scores,
    summarise,
)
from tests.structure_kit import matchings


def counted(predicted: str, reference: str) -> dict[str, int]:
    pairs = [dot_bracket_to_pairs(structure) for structure in (predicted, reference)]
    row = count(*pairs, len(reference))
    return {name: int(row[name]) for name in COUNT_NAMES}


def array(*cases: tuple[str, str]) -> np.ndarray:
    return count_all(
        (dot_bracket_to_pairs(predicted), dot_bracket_to_pairs(reference), len(reference))
        for predicted, reference in cases
    )


def test_exact_and_shifted_pairs_are_counted() -> None:
    #                 one right, one moved by a base, one by two bases at one end
    assert counted("((....))..(...)", "((...).)..(.)..") == {
        "length": 15, "predicted": 3, "reference": 3, "correct": 1,
        "shifted_correct": 2, "shifted_found": 2,
        "nested_predicted": 3, "nested_reference": 3, "nested_correct": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("predicted", "near"),
    [("(...)..", 1), (".(..)..", 1), ("(....).", 1), ("(..)...", 1), (".(...).", 0),
     (".(.)...", 0), ("(.)....", 0), (".......", 0)],
)  # fmt: skip
def test_one_end_may_move_by_one_base(predicted: str, near: int) -> None:
    assert counted(predicted, "(...)..")["shifted_correct"] == near
    assert counted(predicted, "(...)..")["shifted_found"] == near
    assert counted("(...)..", predicted)["shifted_correct"] == near


def test_two_predictions_may_be_near_one_pair_of_the_reference() -> None:
    found = counted("(.[..].)", "(....)..")  # (0, 7) is far, (2, 5) is far
    assert (found["shifted_correct"], found["shifted_found"]) == (0, 0)
    found = counted("([...)]", "(....).")  # (0, 5) is right, (1, 6) is moved at both ends
    assert (found["shifted_correct"], found["shifted_found"]) == (1, 1)
    found = counted(".([..)]", ".(...).")  # (1, 5) is right, (2, 6) is moved at both ends
    assert (found["shifted_correct"], found["shifted_found"]) == (1, 1)
    found = counted("([..)].", ".(..)..")  # (0, 4) and (1, 5) are both near (1, 4)
    assert (found["shifted_correct"], found["shifted_found"]) == (2, 1)
    shifted = scores(agreement(array(("([..)].", ".(..)..")), "shifted"))
    assert [float(shifted[name][0]) for name in ("precision", "recall", "f1")] == [1, 1, 1]


def test_nested_and_pseudoknotted_pairs_are_counted_apart() -> None:
    reference = "(((.[[.))).]]"
    found = array((reference.replace("[", ".").replace("]", "."), reference))
    assert scores(agreement(found, "nested"))["f1"].tolist() == [1.0]
    knots = agreement(found, "pseudoknotted")
    assert (knots.predicted.tolist(), knots.reference.tolist()) == ([0], [2])
    assert scores(knots)["f1"].tolist() == [0.0]
    # A right pair belongs where the reference has it: alone, the helix of the knot is nested.
    found = array((reference.replace("(", ".").replace(")", "."), reference))
    assert agreement(found, "pseudoknotted").correct.tolist() == [2]
    assert agreement(found, "nested").predicted.tolist() == [0]


def test_scores_of_a_known_confusion() -> None:
    # 6 bases, 15 possible pairs; one pair right, one wrong, one missed.
    found = array(("(.)(.)", "(.).()"))
    exact = {name: float(value[0]) for name, value in scores(agreement(found)).items()}
    assert exact["precision"] == exact["recall"] == exact["f1"] == 0.5
    assert exact["mcc"] == pytest.approx((1 * 12 - 1 * 1) / (2 * 13))
    shifted = {n: float(v[0]) for n, v in scores(agreement(found, "shifted")).items()}
    assert shifted == {"precision": 1, "recall": 1, "f1": 1, "mcc": 1}


def test_empty_structures() -> None:
    found = array(("...", "..."), ("(.)", "..."), ("...", "(.)"))
    for values in scores(agreement(found)).values():
        assert np.isnan(values[0])
        assert values[1:].tolist() == [0, 0]
    whole = summarise(found)
    assert (whole.n, whole.undefined) == (3, 1)
    assert whole.mean["f1"] == whole.pooled["f1"] == 0
    nothing = summarise(found[:1])
    assert np.isnan(nothing.mean["f1"]) and np.isnan(nothing.pooled["f1"])
    assert np.isnan(summarise(found[:0]).mean["f1"])


def test_means_weigh_sequences_alike_and_pools_weigh_pairs_alike() -> None:
    found = array(("(((...)))", "(((...)))"), ("(...)....", "....(...)"))
    whole = summarise(found)
    assert whole.mean["f1"] == 0.5
    assert whole.pooled["precision"] == whole.pooled["recall"] == 3 / 4
    groups = by_group(found, ["tRNA", "5s"])
    assert list(groups) == ["tRNA", "5s"]
    assert [group.mean["f1"] for group in groups.values()] == [1.0, 0.0]


def test_bands_begin_at_their_edges() -> None:
    names = bands(np.array([0.1, 0.5, 0.79, 0.8, 1.0]), (0.5, 0.8))
    assert names == ["< 0.5", "0.5 to < 0.8", "0.5 to < 0.8", ">= 0.8", ">= 0.8"]
    assert bands(np.array([600]), (100, 200, 500)) == [">= 500"]


def test_counts_go_through_parquet(tmp_path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    found = array(("(((...)))", "(((...)))"), ("(...)....", "....(...)"))
    table = pa.table({name: found[name] for name in COUNT_NAMES})
    parquet.write_table(table, tmp_path / "counts.parquet")
    read = parquet.read_table(tmp_path / "counts.parquet")
    rows = np.empty(len(found), dtype=found.dtype)
    for name in COUNT_NAMES:
        rows[name] = read[name].to_numpy()
    assert rows.tolist() == found.tolist()


def test_an_unknown_way_to_judge_is_refused() -> None:
    with pytest.raises(ValueError, match="'loose'"):
        agreement(array(("...", "...")), "loose")


@settings(deadline=None, max_examples=50)
@given(matchings(), st.data())
def test_counts_are_consistent(case, data: st.DataObject) -> None:
    predicted, length = case
    reference, _ = data.draw(matchings(length))
    found = np.array([count(predicted, reference, length)])
    parts = {kind: agreement(found, kind) for kind in KINDS}
    for name in ("predicted", "correct", "reference"):
        values = {kind: int(getattr(part, name)[0]) for kind, part in parts.items()}
        assert values["nested"] + values["pseudoknotted"] == values["exact"]
        assert min(values.values()) >= 0
    for kind, part in parts.items():
        assert part.correct[0] <= part.predicted[0] and part.found[0] <= part.reference[0]
        assert all(np.isnan(v[0]) or -1 <= v[0] <= 1 for v in scores(part).values()), kind
    swapped = agreement(np.array([count(reference, predicted, length)]), "shifted")
    assert (swapped.correct, swapped.found) == (parts["shifted"].found, parts["shifted"].correct)
    assert parts["shifted"].correct[0] >= parts["exact"].correct[0]


@settings(deadline=None, max_examples=15)
@given(matchings(max_length=12), st.data())
def test_scores_agree_with_sklearn(case, data: st.DataObject) -> None:
    from sklearn.metrics import f1_score, matthews_corrcoef, precision_score, recall_score

    predicted, length = case
    reference, _ = data.draw(matchings(max_length=length))
    flat = np.zeros((2, length, length), dtype=int)
    for side, pairs in enumerate((reference, predicted)):
        flat[side, pairs[:, 0], pairs[:, 1]] = 1
    truth, guess = (side[np.triu_indices(length, 1)] for side in flat)
    ours = scores(agreement(np.array([count(predicted, reference, length)])))
    if not truth.any() and not guess.any():
        assert np.isnan(ours["f1"][0])
        return
    assert ours["precision"][0] == pytest.approx(precision_score(truth, guess, zero_division=0))
    assert ours["recall"][0] == pytest.approx(recall_score(truth, guess, zero_division=0))
    assert ours["f1"][0] == pytest.approx(f1_score(truth, guess, zero_division=0))
    assert ours["mcc"][0] == pytest.approx(matthews_corrcoef(truth, guess))


@pytest.mark.realdata
def test_scores_agree_with_multimolecule_on_ts0(data_folder) -> None:
    import torch
    from multimolecule.metrics.rna.secondary_structure.functional import binary_prf_mcc

    from rnaernie_bench.data.structure_files import read_structures

    generator = np.random.default_rng(0)
    for record in list(read_structures(data_folder / "ss" / "TS0.dbn"))[::20]:
        n = len(record)
        kept = record.pairs[generator.random(len(record.pairs)) < 0.7]
        free = np.setdiff1d(np.arange(n), kept)
        predicted = np.concatenate(
            [kept, generator.permutation(free)[: min(6, len(free) // 2 * 2)].reshape(-1, 2)]
        )
        predicted = checked_pairs(predicted, n)
        maps = torch.zeros(2, n, n, dtype=torch.long)
        for side, pairs in enumerate((predicted, record.pairs)):
            maps[side, pairs[:, 0], pairs[:, 1]] = 1
        upper = torch.triu_indices(n, n, offset=1)
        theirs = binary_prf_mcc(*(side[upper[0], upper[1]] for side in maps))
        ours = scores(agreement(np.array([count(predicted, record.pairs, n)])))
        for value, metric in zip(theirs, ("precision", "recall", "f1", "mcc"), strict=True):
            # They work in float32, whose products of four counts lose digits.
            assert float(ours[metric][0]) == pytest.approx(float(value), abs=1e-4, nan_ok=True)
