"""The published way: a test part chooses, incomplete batches are left out, and all is said."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rnaernie_bench.cli.main import main
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data import protocols
from rnaernie_bench.data.items import SequenceItem, Split, labels_of
from rnaernie_bench.data.protocols import evaluation_scheme
from rnaernie_bench.learning.objective import UnitObjective
from rnaernie_bench.results.predictions import hash_ids, read_predictions
from rnaernie_bench.results.record import validate_record
from tests.training_kit import TASK, TINY_NET, installed

BATCH = 5

TRAINED = ("strategy=frozen", "strategy.solver=adamw")


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("protocols")) as task, pytest.MonkeyPatch.context() as p:
        p.setattr(protocols, "PUBLISHED_BATCH", BATCH)
        yield task


def items(count, start=0):
    return tuple(SequenceItem(f"i{n}", "ACGU", 0) for n in range(start, start + count))


def record_in(folder):
    return json.loads((folder / "record.json").read_text())


class TestScheme:
    def test_clean_changes_nothing(self, task):
        split = task.split()
        followed = evaluation_scheme("clean", task.task(), split)
        assert followed.split is split
        assert followed.selection == split.validation
        assert (followed.chosen_on, followed.dropped, followed.calibrated) == (None, {}, True)

    def test_the_last_incomplete_batch_is_not_scored(self, task):
        followed = evaluation_scheme("as_published", task.task(), task.split())
        scored = {name: len(part) for name, part in followed.split.tests.items()}
        assert scored == {"full": 10, "deduplicated": 5}  # of 12 and 9
        assert followed.dropped == {"full": 2, "deduplicated": 4}
        assert followed.split.validation == task.split().validation
        assert not followed.calibrated

    def test_the_whole_test_set_chooses(self, task):
        followed = evaluation_scheme("as_published", task.task(), task.split())
        assert followed.chosen_on == "full"
        assert followed.selection == followed.split.tests["full"]
        kept = {item.id for item in followed.selection}
        assert [i for i in task.split().tests["full"] if i.id in kept] == list(followed.selection)

    def test_without_a_part_full_the_default_chooses(self, task):
        split = Split("s", items(3), items(3, 10), {"a": items(6, 20), "deduplicated": items(7)})
        followed = evaluation_scheme("as_published", task.task(), split)
        assert followed.chosen_on == "deduplicated"
        assert len(followed.selection) == 5

    def test_full_batches_lose_nothing(self, task):
        split = Split("s", items(3), items(3, 10), {"full": items(10, 20)})
        followed = evaluation_scheme("as_published", task.task(), split)
        assert (followed.dropped, followed.selection) == ({"full": 0}, split.tests["full"])

    def test_a_part_below_one_batch_is_refused(self, task):
        split = replace(task.split(), tests={"full": items(4)})
        with pytest.raises(DataError, match="'full' has 4 items"):
            evaluation_scheme("as_published", task.task(), split)


@pytest.fixture(scope="module")
def published(task):
    """A run whose scores are made up: epoch 2 is the best on whatever is scored."""
    scored = []

    values = iter([0.1, 0.9, 0.2])

    def made_up(self, scores):
        if not scored:
            scored.append(labels_of(self.context.validation).tolist())
        return {"macro_f1": next(values)}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UnitObjective, "score", made_up)
        assert task.cli(settings=(*TINY_NET, *TRAINED, "trainer.max_epochs=3",
                                  "protocol=as_published")) == 0  # fmt: skip
    (folder,) = task.run_folders()
    return folder, scored


def test_the_epoch_is_the_best_on_test(task, published):
    folder, scored = published
    followed = evaluation_scheme("as_published", task.task(), task.split())
    assert scored == [labels_of(followed.split.tests["full"]).tolist()]
    assert record_in(folder)["selection"]["best_epoch"] == 2
    assert record_in(folder)["selection"]["chosen_on"] == "full"


def test_the_record_says_how_many_were_scored(task, published):
    folder, _ = published
    record = record_in(folder)
    validate_record(record)
    assert record["protocol"] == "as_published"
    counts = {name: (test["n"], test["n_dropped"]) for name, test in record["tests"].items()}
    assert counts == {"full": (10, 2), "deduplicated": (5, 4)}
    assert record["validation"]["n"] == record["split"]["n_validation"] == 12
    assert record["selection"]["temperature"] == 1
    predictions = read_predictions(folder / "predictions.parquet")
    followed = evaluation_scheme("as_published", task.task(), task.split())
    for name, part in followed.split.tests.items():
        assert set(predictions.ids[predictions.parts[name]]) == set(hash_ids(i.id for i in part))


def test_what_is_said_of_it(task, published, capsys):
    folder, _ = published
    card = (folder / "README.md").read_text()
    assert ", as published\n" in card.splitlines(keepends=True)[0]
    assert "**The test part `full` chose the epoch, by macro_f1: protocol `as_published`." in card
    assert "not scored: 4 of 9 of deduplicated, 2 of 12 of full." in card
    assert "on validation" not in card
    predictor = json.loads((folder / "model" / "predictor.json").read_text())
    assert (predictor["protocol"], predictor["temperature"]) == ("as_published", 1)
    task.cli(settings=(*TINY_NET, *TRAINED, "trainer.max_epochs=3",
                       "protocol=as_published"))  # fmt: skip
    assert capsys.readouterr().out.splitlines()[0] == protocols.WARNING


def test_tables_never_mix_protocols(task, published, capsys):
    assert task.cli(settings=("backbone=majority",)) == 0
    assert task.cli(settings=("backbone=majority", "protocol=as_published")) == 0
    capsys.readouterr()
    board = ("leaderboard", "--runs", "--task", TASK, "--task-path", str(task.tasks),
             "--runs-dir", str(task.runs))  # fmt: skip
    assert main([*board, "--format", "json"]) == 0
    tables = json.loads(capsys.readouterr().out)["tables"]
    rows = {(t["protocol"], t["part"]): [r["backbone"] for r in t["rows"]] for t in tables}
    assert rows[("clean", "full")] == rows[("clean", "deduplicated")] == ["majority"]
    assert len(rows[("as_published", "full")]) == 2
    assert next(t["n"] for t in tables if (t["protocol"], t["part"]) == ("clean", "full")) == 12
    assert main([*board, "--format", "md"]) == 0
    text = capsys.readouterr().out
    assert text.count("## AS_PUBLISHED: Tiny classification") == 2
    assert text.count("- A test part chose the epoch of every row") == 2


def test_another_slot_than_the_published_one_is_refused(task):
    config = task.config(*TINY_NET, "strategy=full")
    typed = type("Options", (), {"name": "type_guided", "slot": "mask"})()
    with pytest.raises(ConfigError, match=r"strategy\.slot.*pad"):
        replace(config, strategy=typed, protocol="as_published")
    replace(config, strategy=typed)  # clean: either is fine
