"""Contact-level runs, from the command line to records, predictions and structures of FASTA."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.data.leakage import nearest_identity
from rnaernie_bench.data.structure_files import read_structures
from rnaernie_bench.metrics.answers import ANSWERS
from rnaernie_bench.results.checks import prediction_problems
from rnaernie_bench.results.predictions import read_predictions
from rnaernie_bench.results.record import validate_record
from tests.answer_kit import evaluate
from tests.contact_kit import SIZES, installed_contacts
from tests.training_kit import TINY_NET

MODELS = {
    "onehot": ("backbone=onehot", "backbone.width=8", "backbone.learning_rate=0.1",
               "trainer.max_epochs=12", "trainer.token_budget=200"),
    "unpaired": ("backbone=unpaired",),
    "frozen": (*TINY_NET, "strategy=frozen", "trainer.max_epochs=2", "trainer.learning_rates=[]"),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Give the task, and the folder of a finished run of each model."""
    with installed_contacts(tmp_path_factory.mktemp("contacts")) as task:
        folders = {}
        for name, settings in MODELS.items():
            before = set(task.run_folders())
            assert task.cli(*settings) == 0
            (folders[name],) = set(task.run_folders()) - before
        yield task, folders


def record_of(folder):
    return json.loads((folder / "record.json").read_text())


@pytest.mark.parametrize("name", MODELS)
def test_a_record_is_valid_and_follows_from_its_predictions(finished, name):
    folder = finished[1][name]
    record = record_of(folder)
    validate_record(record)
    assert (record["task"]["level"], record["task"]["problem"]) == ("contact", "binary")
    assert record["recipe"]["decoder"] == "greedy"
    test = record["tests"]["test"]
    predictions = read_predictions(folder / "predictions.parquet")
    assert test["n"] == len(predictions) == SIZES["test"]
    assert test["n_unread"] == 1
    again = evaluate(predictions.answer, *predictions.part("test"))
    assert tuple(test["metrics"]) == ANSWERS["structure"].metrics
    assert {k: v["value"] for k, v in test["metrics"].items()} == pytest.approx(again)
    assert list(prediction_problems(record, folder)) == []
    card = (folder / "README.md").read_text()
    assert f"| test | 8 | {test['n_unread']} |" in card and "-o out.dbn" in card


def test_letters_are_enough_where_letters_tell(finished):
    """All but the sequence that is too long to read are folded exactly."""
    record = record_of(finished[1]["onehot"])
    assert record["validation"]["metrics"]["f1"] == 1
    assert record["tests"]["test"]["metrics"]["f1"]["value"] == 7 / 8
    assert record["selection"]["decoder"] == "greedy"
    assert 0 < record["selection"]["threshold"] < 1


def test_no_pair_is_no_hit(finished):
    metrics = record_of(finished[1]["unpaired"])["tests"]["test"]["metrics"]
    assert {metric["value"] for metric in metrics.values()} == {0.0}


def test_a_run_is_not_repeated_and_its_decoder_names_it(finished, capsys):
    task, _ = finished
    before = set(task.run_folders())
    assert task.cli(*MODELS["frozen"]) == 0
    assert "finished before" in capsys.readouterr().out
    assert task.cli(*MODELS["frozen"], "task.decoder=centroid") == 0
    (new,) = set(task.run_folders()) - before
    assert record_of(new)["recipe"]["decoder"] == "centroid"
    assert task.cli(*MODELS["unpaired"], "task.decoder=mea") == 2  # its structures are as they are


def test_the_record_tells_kinds_of_pairs_and_nearness_to_train(finished):
    task, folders = finished
    test = record_of(folders["onehot"])["tests"]["test"]
    assert test["breakdown"]["pairs"]["nested"]["f1"] == test["metrics"]["f1"]["value"]
    assert test["breakdown"]["pairs"]["pseudoknotted"]["n"] == 0
    sequences = {
        part: [r.sequence for r in read_structures(task.data / "tiny" / f"{part}.dbn")]
        for part in ("train", "test")
    }
    identities, _ = nearest_identity(sequences["test"], sequences["train"], threshold=0.6)
    near = {band: bands["n"] for band, bands in test["breakdown"]["identity"].items()}
    assert near["< 0.6"] == sum(identities == 0) == 1  # the long one
    assert near.get(">= 0.9", 0) == sum(identities > 0.8999999)
    assert sum(near.values()) == SIZES["test"]


def test_folds_hold_out_a_family(finished):
    task, _ = finished
    before = set(task.run_folders())
    assert task.cli("backbone=unpaired", "split=family", "fold=left") == 0
    (folder,) = set(task.run_folders()) - before
    record = record_of(folder)
    assert record["split"]["fold"] == "left"
    assert record["split"]["n_train"] + record["split"]["n_validation"] == 20
    assert set(read_predictions(folder / "predictions.parquet").groups) == {"left"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("fold=left",), "fold: the value must be left out"),
        (("split=family",), "add fold=NAME, one of left, right"),
        (("split=family", "fold=lft"), "there is no fold 'lft'; did you mean left"),
        (("task.length=error", "backbone=onehot"), "record 'left_test0': the sequence has 30000"),
        (("task.length=error", "backbone=unpaired"), "has 30000 bases, 10000 fit"),
    ],
)
def test_what_is_refused_is_one_line(finished, capsys, settings, message):
    task, _ = finished
    assert task.cli(*settings) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"unpaired"}))
def test_a_saved_model_predicts_what_the_run_predicted(finished, tmp_path, name):
    task, folders = finished
    records = list(read_structures(task.data / "tiny" / "test.dbn"))[1:]
    fasta = tmp_path / "in.fa"
    fasta.write_text("".join(f">{r.id} some words\n{r.sequence}\n" for r in records))
    out = tmp_path / "out.dbn"
    assert main(["predict", str(folders[name]), str(fasta), "-o", str(out)]) == 0
    found = list(read_structures(out))
    assert [(r.id, r.sequence) for r in found] == [(r.id, r.sequence) for r in records]
    counts = read_predictions(folders[name] / "predictions.parquet").predicted[1:]
    assert [len(r.pairs) for r in found] == counts["predicted"].tolist()


def test_rows_of_structures_are_compared(finished, tmp_path, capsys):
    task, folders = finished
    rows = [str(folders[name]) for name in ("onehot", "unpaired")]
    empty = ["--results-dir", str(tmp_path), "--runs-dir", str(tmp_path)]
    arguments = ["compare", *rows, "--task-path", str(task.tasks), *empty, "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    (pair,) = found["pairs"]
    assert pair["difference"] == pytest.approx(7 / 8)
    assert (pair["only_first"], pair["only_second"], pair["test"]) == (7, 0, "permutation")
    assert pair["p"] < 0.05
    assert found["disagreement"] is None


def test_padding_changes_no_probability(finished):
    from rnaernie_bench.prediction.saved import load_predictor

    _, folders = finished
    predictor = load_predictor(folders["frozen"])
    sequences = ["AAGAAAAAACAAAAAA", "AGAAAAAAAC"]
    together = dict(predictor.fitted.probabilities(sequences))
    for index, sequence in enumerate(sequences):
        ((_, alone),) = predictor.fitted.probabilities([sequence])
        np.testing.assert_allclose(together[index], alone, atol=1e-6)  # padding changes nothing
        np.testing.assert_allclose(alone, alone.T, atol=1e-7)
