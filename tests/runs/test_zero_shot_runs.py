"""Runs that train nothing: their records, their controls, and what is refused beside them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rnaernie_bench.baselines._mutations import SCORES
from rnaernie_bench.baselines.conservation import aligned_with, conserved
from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.cuts import cut
from rnaernie_bench.data.items import SequenceItem
from rnaernie_bench.data.tables import read_table
from rnaernie_bench.data.variants import positions
from rnaernie_bench.leaderboard.settings import flaws_of, is_seeded, shown_as
from rnaernie_bench.prediction.saved import load_predictor
from rnaernie_bench.results.record import identity_of, run_id_of
from rnaernie_bench.task.declaration import Table
from rnaernie_bench.task.single_table import Cut
from rnaernie_bench.task.task import load_task

WILD = "GGGCUUCGGCCC"


def run(folder, *settings):
    status = main(["run", *settings, "tracking=none", f"runs_dir={folder}"])
    assert status == 0
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*/*/record.json"))]


def test_a_record_says_that_nothing_was_trained(tmp_path):
    [record] = run(tmp_path, "task=trna_fitness", "strategy=zero_shot", "strategy.rna_type=tRNA")
    assert (record["protocol"], record["head"]) == ("zero_shot", None)
    assert record["validation"] == {"n": 0, "metrics": {}}
    assert record["split"] | {"name": "scan", "n_train": 0, "n_validation": 0} == record["split"]
    assert record["selection"]["fill"] == "masked"
    test = record["tests"]["test"]
    # What is in no unit has no error.
    assert set(test["metrics"]) == {"spearman", "pearson", "top_auroc", "ndcg"}
    assert run_id_of(identity_of(record)) == record["run_id"]
    assert shown_as(record) == ("rnaernie-tiny", "zero_shot (masked, tRNA)")
    assert not is_seeded([record], "test")
    assert flaws_of([record]) == ()

    [folder] = tmp_path.glob("trna_fitness/*")
    task = load_task("trna_fitness")
    wild = task.dataset.reference
    predictor = load_predictor(folder)
    [same, other] = predictor([wild, "A" + wild[1:]])
    assert same.numbers[0] == pytest.approx(0)
    assert other.numbers[0] < 0  # tRNAs begin with G


def test_a_split_with_train_has_zero_shot_rows_too(tmp_path):
    settings = "task=trna_fitness", "split=position"
    records = run(tmp_path, *settings, "backbone=mutation_count,kmer")
    count, kmer = sorted(records, key=lambda r: r["backbone"]["name"] == "kmer")
    assert [r["protocol"] for r in records] == ["clean", "clean"]
    assert "rmse" in kmer["tests"]["test"]["metrics"]
    assert "rmse" not in count["tests"]["test"]["metrics"]
    assert count["validation"]["n"] == kmer["validation"]["n"] > 0
    assert not is_seeded([count], "test")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (["strategy=frozen"], "test parts alone, and strategy=frozen trains"),
        (["backbone=kmer"], "test parts alone, and backbone=kmer trains"),
        (["strategy=zero_shot", "backbone=kmer-states"], "'kmer-states' has no head for masked"),
        (["strategy=zero_shot", "backbone=calm"], "'calm' has no head for masked"),
        (["strategy=zero_shot", "protocol=clean"], "the split has no part that trains"),
        (["strategy=zero_shot", "split=random", "protocol=zero_shot"], "trains on a part"),
        (["strategy=zero_shot", "strategy.stride=4"], "fill=masked masks one base at most"),
        (["strategy=zero_shot", "strategy.stride=1"], "2 or more"),
        (["strategy=zero_shot", "strategy.bases=true"], "compares two bases of one place"),
        (["strategy=zero_shot", "strategy.fill=mutant", "strategy.bases=true"], "nothing would"),
        (["strategy=zero_shot", "trainer.weight_decay=0.5"], "nothing is trained"),
        (["strategy=zero_shot", "task.head=mean"], "nothing is trained"),
        (["strategy=zero_shot", "task.length=window"], "likelihood of windows"),
        (["strategy=zero_shot", "strategy.rna_type=dRNA"], "no RNA type 'dRNA'"),
        (["task=glms_activity", "strategy=zero_shot", "strategy.fill=masked"], "no reference"),
        (["task=glms_activity", "backbone=vienna_distance"], "'glms_activity' has none"),
        (["task=ncrna_cls", "strategy=zero_shot"], "asks for multiclass"),
    ],
)
def test_what_does_not_go_together_is_refused_in_a_line(tmp_path, capsys, settings, reason):
    task = [] if settings[0].startswith("task=") else ["task=trna_fitness"]
    arguments = ["run", *task, *settings, "tracking=none", f"runs_dir={tmp_path}"]
    assert main(arguments) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert reason in error


def test_controls_by_hand():
    variants = ["AGGCUUCGGCCC", "GGGCUUCGGCCA", "GCGCUUCGGCAC", WILD]
    assert SCORES["mutation_count"](WILD, variants) == [-1, -1, -2, 0]
    assert SCORES["transversions"](WILD, variants) == [0, -1, -2, 0]  # G to A is a transition
    assert SCORES["gc_content"](WILD, variants) == [9 / 12, 9 / 12, 9 / 12, 10 / 12]
    assert SCORES["au_content"](WILD, [WILD]) == [pytest.approx(2 / 12)]


def test_controls_of_folding():
    pytest.importorskip("RNA")
    broken, same = "GGGCUUCGGGGG", WILD
    [energy, none] = SCORES["vienna_energy"](WILD, [broken, same])
    assert (energy < 0, none) == (True, 0)
    [distance, none] = SCORES["vienna_distance"](WILD, [broken, same])
    assert (distance, none) == (-4, 0)  # all four pairs are gone


def test_conservation_is_the_information_of_columns(tmp_path):
    path = tmp_path / "seed.sto"
    path.write_text("# STOCKHOLM 1.0\na AC-G\nb ACUG\nc UC.G\n//\n")
    rows, number = aligned_with("ACG", path)
    assert number == 0
    first, second, third = conserved(rows, number)
    # One of each base beforehand: (3, 1, 1, 2) of 7 and (1, 4, 1, 1) of 7.
    shares = np.array([3, 1, 1, 2]) / 7
    assert first == pytest.approx(2 + (shares * np.log2(shares)).sum())
    shares = np.array([1, 4, 1, 1]) / 7
    assert second == third == pytest.approx(2 + (shares * np.log2(shares)).sum())
    with pytest.raises(ConfigError, match="no alignment has the reference"):
        aligned_with("ACC", path)


def test_variants_are_cut_by_position():
    items = []
    for i in range(12):
        for j in range(i, 12):
            letters = list(WILD)
            letters[i] = "A" if WILD[i] != "A" else "C"
            letters[j] = "A" if WILD[j] != "A" else "C"
            sequence = "".join(letters)
            at = positions(sequence, WILD)
            items.append(SequenceItem(f"{i}-{j}", sequence, (0.5,), str(at[0]), at))
    parts = cut(tuple(items), Cut(by="position", fraction=0.25, validation=0.25, seed=0))
    sites = [{p for item in part for p in item.positions} for part in
             (parts.train, parts.validation, parts.test)]  # fmt: skip
    assert [len(found) for found in sites] == [7, 2, 3]
    assert sum(map(len, sites)) == len(set.union(*sites))
    assert len(parts.test) == 3 + 3  # three single mutants, and the pairs of their positions
    kept = (*parts.train, *parts.validation, *parts.test, *parts.dropped)
    assert len(kept) == len(items)


def test_a_table_of_variants(tmp_path, monkeypatch):
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    (tmp_path / "scan.csv").write_text(
        "# who measured it\nname;seq;fit\na;GGGCUUCGGCCA;1\nb;GGGCUACGGCCA;0.5\n"
        "c;GGGCUUCGGCCA;2\n# the end\nd;GGGCUUCGGCCC;3\n"
    )
    task = load_task("trna_fitness")
    from dataclasses import replace

    table = Table(
        "scan.csv", id="name", sequence="seq", labels={"fitness": "fit"}, separator=";",
        comment="#", repeats="mean",
    )  # fmt: skip
    task = replace(task, dataset=replace(task.dataset, reference=WILD, tables={"scan": table}))
    items = read_table(table, task)
    assert [(item.id, item.label, item.positions, item.group) for item in items] == [
        ("a", (1.5,), (12,), "12"),
        ("b", (0.5,), (6, 12), "6"),
        ("d", (3.0,), (), ""),
    ]
