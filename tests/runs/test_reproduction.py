"""Records run again: the same settings, the same run, the same figures."""

from __future__ import annotations

import json
import shutil

import pytest

from rnaernie_bench.backbones.vocabulary import typed_tokenizer
from rnaernie_bench.cli.main import main
from rnaernie_bench.config import identity
from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import write_json
from rnaernie_bench.results.record import run_id_of
from rnaernie_bench.results.store import import_run, read_record
from rnaernie_bench.runs import reproduction
from tests.training_kit import TINY_NET, fasta, installed

MODELS = {
    "kmer": ("backbone=kmer", "backbone.max_k=2", "task.train_fraction=0.8", "seed=3"),
    "frozen": (*TINY_NET, "strategy=frozen", "task.head=mean", "task.train_fraction=0.5"),
}


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Give the task, the folder of results and the path of a record of each model in it."""
    with installed(tmp_path_factory.mktemp("imported")) as task:
        results, paths = task.folder / "results", {}
        for name, settings in MODELS.items():
            before = set(task.run_folders())
            assert task.cli(settings=settings) == 0
            (folder,) = set(task.run_folders()) - before
            paths[name] = import_run(folder, results)
        yield task, results, paths


def repeated(task, results, path, *options):
    return main(
        [
            "results", "reproduce", path.stem, "--results-dir", str(results),
            "--runs-dir", str(task.runs), "--task-path", str(task.tasks), *options,
        ]
    )  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_record_is_reproduced_and_marked(imported, name, capsys):
    task, results, paths = imported
    path = paths[name]
    before, runs = path.read_bytes(), task.run_folders()
    assert repeated(task, results, path) == 0
    out = capsys.readouterr().out
    assert f"tiny_cls/{path.stem}: reproduced; the largest difference is 0.0000" in out
    assert "100.0 % of 12 items are predicted alike" in out
    assert path.read_bytes() == before
    assert path.with_suffix(".reproduced.json").exists()
    assert task.run_folders() == runs  # what was there is untouched
    again = read_record(task.runs / "reproduced" / "tiny_cls" / path.stem / "record.json")
    assert again["run_id"] == path.stem
    arguments = ["--results-dir", str(results), "--task-path", str(task.tasks)]
    capsys.readouterr()
    assert main(["leaderboard", "--format", "json", *arguments]) == 0
    rows = json.loads(capsys.readouterr().out)["tables"][0]["rows"]
    assert path.stem in [i for r in rows if r["provenance"] == "reproduced" for i in r["run_ids"]]
    assert main(["results", "validate", "--results-dir", str(results)]) == 0


def test_what_is_not_alike_gets_no_mark(imported, tmp_path, capsys):
    task, _, paths = imported
    record = read_record(paths["kmer"])
    record["tests"]["full"]["metrics"]["mcc"]["value"] -= 0.02
    folder = tmp_path / "tiny_cls" / "only"
    write_json(folder / paths["kmer"].name, record)
    for predictions in paths["kmer"].parent.glob("*.parquet"):
        shutil.copy(predictions, folder)
    assert repeated(task, tmp_path, folder / paths["kmer"].name) == 2
    out = capsys.readouterr().out
    assert "NOT reproduced; the largest difference is 0.0200 (full/mcc), allowed are 0.01" in out
    assert not list(folder.glob("*.reproduced.json"))


def refusal(task, path, change=lambda record: None, **options):
    record = read_record(path)
    change(record)
    with pytest.raises(ResultError) as caught:
        reproduction.reproduce(
            record, path.parent, runs_dir=task.runs, task_folders=[task.tasks], **options
        )
    assert caught.value.where == f"record {record['run_id']}"
    return str(caught.value)


def test_other_versions_of_the_recipe_are_named(imported, monkeypatch):
    task, _, paths = imported
    monkeypatch.setattr(identity, "RECIPE_VERSION", 7)
    assert "recipe_version is 7 here, 2 in the record" in refusal(task, paths["kmer"])


def test_other_data_is_named(imported):
    task, _, paths = imported
    parts = dict(task.parts)
    original = task.path("train").read_bytes()
    try:
        task.write({"train": fasta(parts["train"][1:])}, train=len(parts["train"]) - 1)
        words = refusal(task, paths["kmer"])
    finally:
        task.write({"train": original})
    assert "would not be the same run here: dataset is '" in words


def test_other_weights_are_named(imported, tmp_path):
    task, _, paths = imported

    def pretrained(record):
        """Make it the record of the frozen net with weights nobody has."""
        record["backbone"].update(init="pretrained", weights_sha256="0" * 64)
        record["backbone"]["options"]["source"] = "local folder"
        config = reproduction.config_of(
            record, runs_dir=task.runs, source=str(weights), task_folders=[task.tasks]
        )
        fingerprint = record["dataset"]["fingerprint"]
        value = identity.identity(config, task.task(), fingerprint, "encoder", "0" * 64)
        record["run_id"] = run_id_of(value)

    weights = tmp_path / "weights"
    shutil.copytree(task.runs / "tiny_cls" / paths["frozen"].stem / "model" / "backbone", weights)
    typed_tokenizer().save_pretrained(weights)
    words = refusal(task, paths["frozen"], pretrained, source=str(weights))
    assert "backbone.weights_sha256 is '" in words and "in the record" in words
    assert "local folder; name their folder with --source" in refusal(
        task, paths["frozen"], pretrained
    )


def test_a_record_that_was_changed_is_named(imported):
    task, _, paths = imported
    words = refusal(task, paths["kmer"], lambda record: record.update(seed=4))
    assert "the settings in the record do not give its run id" in words


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["recipe"].update(nosuchoption=1),
        lambda record: record["backbone"]["options"].update(nosuchoption=1),
        lambda record: record["backbone"].update(name="nosuchbackbone"),
    ],
)
def test_settings_of_another_version_are_named(imported, change):
    task, _, paths = imported
    words = refusal(task, paths["kmer"], change)
    assert "its settings are not those of this version" in words and "nosuch" in words
    assert "use rnaernie-bench 0." in words
