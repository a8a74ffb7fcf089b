"""Runs from the command line to the record on disk, on a tiny task."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.learning.network import Network
from rnaernie_bench.metrics.answers.multiclass import MULTICLASS
from rnaernie_bench.metrics.measuring import Measures
from rnaernie_bench.prediction.saved import load_predictor
from rnaernie_bench.results.predictions import hash_ids, read_predictions
from rnaernie_bench.results.record import validate_record
from rnaernie_bench.runs import runner
from rnaernie_bench.tracking.tracker import Tracker
from tests.kit import agree, predict_alike
from tests.runs.run_kit import FILES, MODELS, failing, record_of
from tests.training_kit import LABELS, TASK, TINY_NET, installed


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Give the task with one finished run of each model, and their folders."""
    with installed(tmp_path_factory.mktemp("finished")) as task:
        folders = {}
        for name, settings in MODELS.items():
            before = set(task.run_folders())
            assert task.cli(settings=settings) == 0
            (folders[name],) = set(task.run_folders()) - before
        yield task, folders


@pytest.fixture
def task(tmp_path):
    with installed(tmp_path) as task:
        yield task


@pytest.mark.parametrize("name", MODELS)
class TestFinishedRun:
    def test_holds_a_valid_record_of_its_settings(self, finished, name):
        task, folders = finished
        record = record_of(folders[name])
        validate_record(record)
        assert record["run_id"] == folders[name].name
        assert record["task"]["name"] == TASK
        assert record["dataset"]["simulated"] is False
        assert record["dataset"]["fingerprint"] == task.dataset().fingerprint
        assert (record["split"]["n_train"], record["split"]["n_validation"]) == (30, 12)
        if name in ("cnn", "full"):
            selection = record["selection"]
            assert selection["trials"] == {"cnn": 2, "full": 1}[name]  # learning rates
            assert selection["learning_rate"] in {"cnn": (1e-3, 1e-2), "full": (1e-4,)}[name]
            assert (selection["ended_by"], record["recipe"]["converged"]) == ("steps", False)
        encoder = name in ("full", "frozen")
        assert record["strategy"]["name"] == (name if encoder else "baseline")
        assert record["backbone"]["init"] == ("random" if encoder else None)
        assert record["head"] == ("pooled" if encoder else None)

    def test_what_is_trained_by_steps_has_a_curve(self, finished, name):
        record = record_of(finished[1][name])
        curve = record["validation"].get("curve")
        assert (curve is not None) == (record["selection"]["ended_by"] in ("converged", "steps"))
        if curve:
            assert len(curve["steps"]) == len(curve["values"]) <= 100
            best = max(curve["values"])
            kept = record["validation"]["metrics"][record["selection"]["metric"]]
            assert best == pytest.approx(kept, abs=1e-4)

    def test_figures_follow_from_the_predictions(self, finished, name):
        _, folders = finished
        record = record_of(folders[name])
        predictions = read_predictions(folders[name] / "predictions.parquet")
        for part, test in record["tests"].items():
            labels, scores = predictions.part(part)
            again = Measures(MULTICLASS, MULTICLASS.metrics).figures(labels, scores)
            assert test["n"] == len(labels)
            for metric, entry in test["metrics"].items():
                assert entry["value"] == pytest.approx(again[metric]["value"], abs=1e-6), metric
            assert np.sum(test["confusion"]) == len(labels)
            assert list(test["per_class"]) == list(LABELS)

    def test_test_parts_share_their_items(self, finished, name):
        task, folders = finished
        predictions = read_predictions(folders[name] / "predictions.parquet")
        parts = task.split().tests
        assert len(predictions) == len(parts["full"]) == 12
        assert predictions.parts["full"].all()
        kept = predictions.ids[predictions.parts["deduplicated"]]
        assert set(kept) == set(hash_ids(item.id for item in parts["deduplicated"]))
        assert len(kept) == 9
        by_id = dict(zip(hash_ids(i.id for i in parts["full"]), parts["full"], strict=True))
        assert [by_id[i].label for i in predictions.ids] == predictions.truth.tolist()

    def test_is_complete_and_nothing_more(self, finished, name):
        _, folders = finished
        assert {path.name for path in folders[name].iterdir()} == FILES
        predictor = json.loads((folders[name] / "model" / "predictor.json").read_text())
        assert predictor["labels"] == list(LABELS)
        assert predictor["temperature"] == record_of(folders[name])["selection"]["temperature"]
        card = (folders[name] / "README.md").read_text()
        assert folders[name].name in card and "| deduplicated | 9 | 0 |" in card

    def test_is_not_repeated(self, finished, name, capsys):
        task, folders = finished
        before = (folders[name] / "record.json").stat().st_mtime_ns
        assert task.cli(settings=MODELS[name]) == 0
        assert "finished before; --repeat runs it again" in capsys.readouterr().out
        assert (folders[name] / "record.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["full", "frozen"])
def test_equal_seeds_give_equal_predictions(finished, name):
    task, folders = finished
    file = folders[name] / "predictions.parquet"
    before, first = file.stat().st_mtime_ns, read_predictions(file)
    count = len(task.run_folders())
    assert task.cli("--repeat", settings=MODELS[name]) == 0
    assert file.stat().st_mtime_ns > before
    assert predict_alike(read_predictions(file), first)
    assert len(task.run_folders()) == count


def test_every_test_item_is_scored_once(task, monkeypatch):
    seen = []
    original = runner.resolve

    def watching(target):
        function = original(target)
        if not target.endswith("kmer:fit"):
            return function

        def fit(*arguments):
            model, report = function(*arguments)
            scored = type(model).logits

            def logits(self, sequences):
                seen.append(len(sequences))
                return scored(self, sequences)

            monkeypatch.setattr(type(model), "logits", logits)
            return model, report

        return fit

    monkeypatch.setattr(runner, "resolve", watching)
    assert task.cli(settings=MODELS["kmer"]) == 0
    assert seen == [12, 12]  # validation, then the 12 distinct test items of both parts


def test_the_seed_list_makes_several_runs(task, capsys):
    assert task.cli(settings=(*MODELS["majority"], "seed=0,1")) == 0
    assert len(task.run_folders()) == 2
    assert capsys.readouterr().out.count("record: ") == 2


def test_an_interrupted_run_is_gone_on_with(finished, tmp_path, monkeypatch, capsys):
    """It ends in the record of a run that nobody interrupted."""
    expected = record_of(finished[1]["full"])
    with installed(tmp_path) as task:
        with monkeypatch.context() as patch:

            def interrupt(self, metrics, step=None):
                if step == 2:
                    raise KeyboardInterrupt

            patch.setattr(Tracker, "log_metrics", interrupt)
            assert task.cli(settings=MODELS["full"]) == 2
        (folder,) = task.run_folders()
        assert list((folder / "checkpoints").glob("checkpoint-*"))
        assert not (folder / "record.json").exists()
        capsys.readouterr()
        assert task.cli(settings=(*MODELS["full"], "trainer.max_train_minutes=1e-9")) == 2
        assert "the same command goes on from the last checkpoint" in capsys.readouterr().err
        assert not (folder / "record.json").exists()
        assert task.cli(settings=MODELS["full"]) == 0
        assert "going on with the interrupted run" in capsys.readouterr().err
        record = record_of(folder)
        for field in ("run_id", "backbone", "selection", "validation", "tests"):
            assert agree(record[field], expected[field]), field
        assert {path.name for path in folder.iterdir()} == FILES


@pytest.mark.parametrize(
    ("name", "file", "words"),
    [
        ("frozen", "vocab.txt", "vocab.txt is not the file that was saved"),
        ("full", "model.safetensors", r"weights .* in model.safetensors are not finite"),
        ("full", "renamed", r"it has no weights for sequence_head"),
        ("kmer", "kmer.npz", r"weights .* in kmer.npz are not finite"),
        ("kmer", "predictor.json", r"\$\.temperature: nan is not a finite number"),
        ("kmer", "predictor.json", r"\$\.files\.\.\./x: a path is relative"),
        ("full", "predictor.json", r"max_bases is 9000, and the network has 513 positions"),
    ],
)
def test_a_model_that_is_another_than_was_saved(finished, tmp_path, name, file, words):
    model = tmp_path / "run" / "model"
    shutil.copytree(finished[1][name] / "model", model)
    saved = json.loads((model / "predictor.json").read_text())
    if file == "vocab.txt":
        tokens = (model / file).read_text().splitlines()
        swapped = [{"A": "C", "C": "A"}.get(token, token) for token in tokens]
        (model / file).write_text("\n".join(swapped))
    elif file == "model.safetensors":
        weights = load_file(model / file)
        next(iter(weights.values())).view(-1)[0] = float("nan")
        save_file(weights, model / file, {"format": "pt"})
        del saved["files"]  # a stranger can write what suits
    elif file == "renamed":
        weights = load_file(model / "model.safetensors")
        weights["other"] = weights.pop(next(k for k in weights if "head" in k and "weight" in k))
        save_file(weights, model / "model.safetensors", {"format": "pt"})
        del saved["files"]
    elif file == "kmer.npz":
        arrays = dict(np.load(model / file))
        np.savez(model / file, **{key: value * np.inf for key, value in arrays.items()})
        del saved["files"]
    elif "nan" in words:
        saved["temperature"] = float("nan")
    elif "max_bases" in words:
        saved["max_bases"] = 9000
    else:
        saved["files"]["../x"] = "0" * 64
    (model / "predictor.json").write_text(json.dumps(saved))
    with pytest.raises(ResultError, match=words):
        load_predictor(tmp_path / "run")


def test_what_no_record_can_say_is_refused_before_training(task, monkeypatch, capsys):
    monkeypatch.setattr(runner, "fit", failing(AssertionError("trained")))
    declaration = task.tasks / TASK / "task.yaml"
    declaration.write_text(declaration.read_text().replace("name: tiny\n", 'name: ""\n'))
    assert task.cli(settings=MODELS["majority"]) == 2
    assert "dataset.name: no record can say this" in capsys.readouterr().err
    assert task.run_folders() == []


def test_frozen_runs_share_their_features(task, monkeypatch, capsys):
    assert task.cli(settings=MODELS["frozen"]) == 0
    calls = []
    monkeypatch.setattr(Network, "outputs", lambda *a: calls.append(a))
    assert task.cli(settings=(*MODELS["frozen"], "task.class_weights=balanced")) == 0
    assert calls == []
    records = [record_of(folder) for folder in task.run_folders()]
    assert sorted(record["cost"]["embedding_cached"] for record in records) == [False, True]


def test_train_fraction_is_part_of_the_run(task):
    assert task.cli(settings=(*MODELS["majority"], "task.train_fraction=0.5")) == 0
    (folder,) = task.run_folders()
    assert record_of(folder)["split"]["n_train"] == 15


def test_mlflow_gets_curves_figures_and_files(task, capsys):
    from mlflow import MlflowClient

    assert task.cli(settings=(*MODELS["frozen"], "tracking=mlflow")) == 0
    (folder,) = task.run_folders()
    assert "curves: mlflow ui --backend-store-uri" in capsys.readouterr().out
    client = MlflowClient(f"sqlite:///{task.runs / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "rnaernie-bench"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["backbone.hidden_size"] == "16"
    record = record_of(folder)
    for part, test in record["tests"].items():
        f1 = run.data.metrics[f"test/{part}/macro_f1"]
        assert f1 == pytest.approx(test["metrics"]["macro_f1"]["value"])
    curve = client.get_metric_history(run.info.run_id, "eval_macro_f1")
    trials = record["selection"]["trials"]
    assert sorted(point.step for point in curve) == list(range(1, trials + 1))
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert files >= {"record.json", "model", "confusion-full.png", "confusion-deduplicated.png"}


def test_simulated_data_is_said_to_be_so(task, capsys):
    assert task.cli(settings=(*MODELS["majority"], "task.data=simulated")) == 0
    (folder,) = task.run_folders()
    assert record_of(folder)["dataset"]["simulated"] is True
    assert "DEMO on simulated data" in capsys.readouterr().out
    assert "Limits" in (folder / "README.md").read_text()


def test_pretrained_weights_make_another_run_than_their_source(task, tmp_path):
    """The hash of the weights names the run, wherever they lie."""
    from rnaernie_bench.backbones.rnaernie import load

    encoder = load(task.config(*TINY_NET).backbone, 0)
    for name in ("here", "there"):
        encoder.model.save_pretrained(tmp_path / name)
        encoder.tokenizer.save_pretrained(tmp_path / name)
        settings = ("backbone=rnaernie-tiny", "strategy=frozen", "backbone.init=pretrained")
        assert task.cli(settings=(*settings, f"backbone.source={tmp_path / name}")) == 0
    (folder,) = task.run_folders()
    assert record_of(folder)["backbone"]["weights_sha256"] == encoder.weights_sha256
    assert np.isfinite(record_of(folder)["selection"]["temperature"])


def test_an_unknown_task_is_one_line(task, capsys):
    assert main(["run", "task=tiny_clss", "--task-path", str(task.tasks)]) == 2
    error = capsys.readouterr().err
    assert "tiny_cls" in error and error.count("\n") == 1
