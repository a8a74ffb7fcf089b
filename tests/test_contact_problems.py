"""Pairs of bases that have classes, labels or quantities: read, learned, judged, predicted.

There are no real data of the kind; the sets here are made by hand.
"""

from __future__ import annotations

import json
import random
from itertools import combinations

import numpy as np
import pytest
import torch
import yaml

from rnaernie_bench.api import load_run, predict
from rnaernie_bench.config.compose import compose
from rnaernie_bench.core.errors import BenchError, ConfigError, DataError
from rnaernie_bench.data.encoding import encode
from rnaernie_bench.data.items import ContactValuesItem
from rnaernie_bench.data.loading import load_dataset
from rnaernie_bench.data.tables import read_table
from rnaernie_bench.data.targets import targets_of, units_of
from rnaernie_bench.heads.contact import of_pairs
from rnaernie_bench.learning.contact_inputs import TokenInputs
from rnaernie_bench.learning.contact_network import (
    ContactModel,
    HeadOnStates,
    load_contact_model,
    save_contact_model,
)
from rnaernie_bench.learning.contact_values import pair_scores, values_loss
from rnaernie_bench.learning.network import build_head
from rnaernie_bench.metrics.targets import UNLABELLED
from rnaernie_bench.metrics.tuning import answer, tune
from rnaernie_bench.prediction.writing import write
from rnaernie_bench.results.store import prediction_problems
from rnaernie_bench.runs.runner import execute
from rnaernie_bench.task.catalogue import HEADS
from rnaernie_bench.task.declaration import Table
from rnaernie_bench.task.task import load_task, read_task
from tests.training_kit import TINY_NET

SIZES = {"train": 48, "validation": 8, "test": 8}
LABELS = {
    "multiclass": ["none", "canonical", "wobble"],
    "multilabel": ["strong", "purines"],
    "regression": ["bonds", "rings"],
}
METRICS = {"multiclass": "macro_f1", "multilabel": "macro_f1", "regression": "mcrmse"}
KINDS = {"AU": 1, "CG": 1, "GU": 2}
NAN = float("nan")


def letters(sequence, i, j):
    """Return the two letters of a pair of bases, in the order of the alphabet."""
    return "".join(sorted(sequence[i] + sequence[j]))


def told(problem, sequence):
    """Return the listed pairs of bases and, by column, what is told of them: letters decide."""
    pairs = list(combinations(range(len(sequence)), 2))
    kinds = [letters(sequence, i, j) for i, j in pairs]
    if problem == "regression":  # hydrogen bonds, and rings of the two; one in ten is unknown
        bonds = [{"CG": 3.0, "AU": 2.0, "GU": 2.0}.get(kind, 0.0) for kind in kinds]
        rings = [float(sum(letter in "AG" for letter in kind)) for kind in kinds]
        kept = [place for place in range(len(pairs)) if place % 10]
        return [pairs[p] for p in kept], [[column[p] for p in kept] for column in (bonds, rings)]
    if problem == "multiclass":
        kept = [place for place, kind in enumerate(kinds) if kind in KINDS]
        names = [LABELS[problem][KINDS[kinds[p]]] for p in kept]
        return [pairs[p] for p in kept], [names]
    columns = [[float(k == "CG") for k in kinds], [float(set(k) <= set("AG")) for k in kinds]]
    kept = [place for place in range(len(pairs)) if columns[0][place] or columns[1][place]]
    return [pairs[p] for p in kept], [[column[p] for p in kept] for column in columns]


def declaration(problem):
    """Return the declaration of a task."""
    tables = {part: {"source": f"{part}.json"} for part in SIZES}
    if problem != "multiclass":
        for table in tables.values():
            table["labels"] = {label: label for label in LABELS[problem]}
    metric = METRICS[problem]
    return {
        "name": "made", "version": 1, "title": "Made", "level": "contact", "problem": problem,
        "labels": LABELS[problem], "metrics": [], "length": "error", "head": "bilinear",
        "main_metric": {"name": metric, "higher_is_better": metric != "mcrmse"},
        "dataset": {"name": "made", "licence": "none", "citation": "none", "tables": tables},
        "splits": {
            "only": {
                "train": "train", "validation": "validation", "tests": {"all": {"part": "test"}}
            }
        },
        "default_split": "only", "default_test_part": "all",
        "simulation": {"families": {"any": "hairpin"}, "sizes": dict.fromkeys(SIZES, 4)},
    }  # fmt: skip


def write_task(folder, values):
    """Write a declaration below `folder`, and return the folder of tasks."""
    path = folder / "tasks" / "made" / "task.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(values))
    return folder / "tasks"


def write_rows(path, rows):
    """Write rows as JSON by columns."""
    columns = {name: {str(n): row[name] for n, row in enumerate(rows)} for name in rows[0]}
    path.write_text(json.dumps(columns))


def write_data(folder, problem):
    generator = random.Random(3)
    columns = ["label"] if problem == "multiclass" else LABELS[problem]
    for part, size in SIZES.items():
        rows = []
        for index in range(size):
            sequence = "".join(generator.choices("ACGU", k=generator.randint(8, 12)))
            places, values = told(problem, sequence)
            row = {"id": f"{part}{index}", "sequence": sequence, "places": places}
            rows.append(row | dict(zip(columns, values, strict=True)))
        write_rows(folder / f"{part}.json", rows)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("RNAERNIE_BENCH_DATA", str(tmp_path))
    monkeypatch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


def carry_out(folder, tasks, *settings):
    fixed = ("task=made", "preset=bench", "tracking=none", f"runs_dir={folder / 'runs'}")
    return execute(compose([*fixed, *settings], [tasks]), task_folders=[tasks])


FROZEN = (
    *TINY_NET, "backbone.hidden_size=64", "strategy=frozen", "strategy.learning_rate=0.05",
    "trainer.max_epochs=10", "trainer.patience=10", "trainer.token_budget=60",
    "trainer.progress=false",
)  # fmt: skip


@pytest.mark.parametrize("problem", LABELS)
def test_a_frozen_network_learns_it(place, problem):
    write_data(place, problem)
    tasks = write_task(place, declaration(problem))
    outcome = carry_out(place, tasks, *FROZEN)
    test = outcome.record["tests"]["all"]
    found = test["metrics"][METRICS[problem]]
    assert found["value"] <= 0.4 if problem == "regression" else found["value"] >= 0.9
    assert found["low"] <= found["value"] <= found["high"]
    assert list(prediction_problems(outcome.record, outcome.folder)) == []
    assert ("per_column" in test) == (problem != "multiclass")

    new = "GAUC", "GGGA"
    (place / "new.fa").write_text(f">a\n{new[0]}\n>b\n{new[1]}\n>single\nA\n")
    predictor = load_run(outcome.folder)
    found = predictor.predict_file(place / "new.fa")
    assert write(predictor, found, place / "out.tsv") == 3
    lines = [line.split("\t") for line in (place / "out.tsv").read_text().splitlines()]
    names = [] if problem == "regression" else ["label"]
    assert lines[0] == ["id", "i", "j", "bases", *names, *predictor.columns]
    assert [line[:4] for line in lines[1:4]] == [
        ["a", "1", "2", "GA"], ["a", "1", "3", "GU"], ["a", "1", "4", "GC"],
    ]  # fmt: skip
    assert [line[0] for line in lines[1:]] == ["a"] * 6 + ["b"] * 6
    of_gc, of_gg = (line[4:] for line in (lines[3], lines[7]))
    if problem == "multiclass":
        assert (of_gc[0], of_gg[0]) == ("canonical", "none")
    elif problem == "multilabel":
        assert (of_gc[0], of_gg[0]) == ("strong", "purines")
    else:
        assert float(of_gc[0]) > float(of_gg[0]) + 1
    same = predict(outcome, list(new), runs_dir=place / "runs")
    assert np.allclose(same[0].numbers[2], [float(v) for v in of_gc[len(names) :]], atol=1e-4)


@pytest.mark.parametrize(
    ("problem", "settings"),
    [
        ("regression", ("strategy=full", "task.head=attention")),
        ("multilabel", ("strategy=lora", "task.head=resnet", "task.class_weights=balanced")),
        ("multilabel", ("strategy=type_guided", "strategy.types=random", "strategy.base=frozen")),
        ("regression", ("backbone=majority",)),
    ],
)
def test_all_strategies_and_heads_end_in_a_record_that_can_be_checked(place, problem, settings):
    write_data(place, problem)
    tasks = write_task(place, declaration(problem))
    net = () if "backbone=majority" in settings else TINY_NET
    brief = ("trainer.max_epochs=1", "trainer.progress=false", "trainer.fast_dropout=false")
    outcome = carry_out(place, tasks, *net, *brief, *settings)
    assert list(prediction_problems(outcome.record, outcome.folder)) == []
    again = load_run(outcome.folder).fitted.logits(["GAUC", "AU"])
    assert again.shape == (7, len(LABELS[problem]))
    assert np.isfinite(again).all()


def test_simulated_pairs_are_told_by_structure_and_letters(place):
    for problem in LABELS:
        task = read_task(write_task(place, declaration(problem)) / "made" / "task.yaml")
        item = load_dataset(task, simulated=True).parts["train"][0]
        i, j = item.places[0]
        known = {
            "multiclass": [1.0 + (letters(item.sequence, i, j) == "AU")],
            "multilabel": [{"CG": 1.0, "AU": 0.0, "GU": 1.0}[letters(item.sequence, i, j)]],
            "regression": [(j - i) / len(item.sequence)],
        }[problem]
        if problem != "multiclass" or letters(item.sequence, i, j) != "GU":
            assert item.labels[0, :1].tolist() == pytest.approx(known)
        assert np.isnan(item.unlisted) == (problem == "regression")


def test_units_are_the_pairs_of_bases_row_by_row():
    item = ContactValuesItem("i", "ACGU", np.array([[0, 2], [1, 3]]), np.float32([[2], [NAN]]), 0)
    assert item.values()[:, 0].tolist()[:4] == [0, 2, 0, 0]  # 01, 02, 03, 12
    other = ContactValuesItem("j", "AC", np.empty((0, 2), int), np.empty((0, 1), np.float32), NAN)
    targets = targets_of([item, other], "multiclass")
    assert targets.values.tolist() == [0, 2, 0, 0, UNLABELLED, 0, UNLABELLED]  # 13, 23, and 01
    assert targets.sizes.tolist() == [6, 1] == units_of(["ACGU", "AC"], "contact").tolist()
    assert targets.amounts().tolist() == [5, 0]
    assert item != other
    assert len({item.line(), other.line()}) == 2


def test_answers_are_sums_over_the_pairs_of_bases_of_a_sequence():
    items = [
        ContactValuesItem("a", "ACG", np.array([[0, 2]]), np.float32([[1]]), 0),
        ContactValuesItem("b", "AC", np.array([[0, 1]]), np.float32([[NAN]]), 0),
    ]
    targets = targets_of(items, "multiclass")
    scores = np.float32([[0, 1], [0, 1], [1, 0], [0, 1]])  # said: yes, yes, no; and yes
    kind, columns, truth, answers = answer("contact", targets, scores, tune(targets, scores))
    assert (kind.name, columns) == ("token_multiclass", 2)
    assert answers["confusion"].tolist() == [[[1, 1], [0, 1]], [[0, 0], [0, 0]]]
    assert truth.tolist() == [[2, 1], [0, 0]]


def rows_of(**changes):
    row = {"id": "one", "sequence": "GGGAAACCC", "places": [[8, 0], [2, 3], [1, 7]]}
    return [row | {"label": ["canonical", None, "wobble"]} | changes]


def read(place, problem, **changes):
    task = read_task(write_task(place, declaration(problem)) / "made" / "task.yaml")
    write_rows(place / "t.json", rows_of(**changes))
    return read_table(Table("t.json", labels=task.dataset.tables["train"].labels), task)


def test_lists_are_read_in_any_order(place):
    [item] = read(place, "multiclass")
    assert item.places.tolist() == [[0, 8], [1, 7], [2, 3]]
    assert item.labels[:2, 0].tolist() == [1, 2]
    assert np.isnan(item.labels[2, 0])
    assert item.unlisted == 0
    [item] = read(place, "multilabel", strong=[1, 0, None], purines=[0, 1, 0])
    assert item.labels[0].tolist() == [1, 0]
    assert item.labels[1:].tolist() == [[pytest.approx(NAN, nan_ok=True), 0], [0, 1]]
    [item] = read(place, "regression", bonds=[3, None, 2.5], rings=[1, 2, 3])
    assert item.labels[:2].tolist() == [[3, 1], [2.5, 3]]
    assert np.isnan(item.unlisted)
    [item] = read(place, "multiclass", places=[], label=[])
    assert item.values().tolist() == [[0]] * 36


def test_text_tables_hold_lists_as_json(place):
    task = read_task(write_task(place, declaration("multiclass")) / "made" / "task.yaml")
    text = 'sequence,places,label\nGAC,"[[0, 2]]","[""canonical""]"\n'
    (place / "t.csv").write_text(text)
    [item] = read_table(Table("t.csv"), task)
    assert item.values()[:, 0].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("problem", "changes", "message"),
    [
        ("multiclass", {"places": [[0, 9], [2, 3], [1, 7]]}, "pair 1: there is no base 9"),
        ("multiclass", {"places": [[-1, 3], [2, 3], [1, 7]]}, "pair 1: there is no base -1"),
        ("multiclass", {"places": [[0, 8], [2, 2], [1, 7]]}, "pair 2: base 2 makes no pair with"),
        ("multiclass", {"places": [[0, 8], [2, 3], [8, 0]]}, "pair 3: the pair .* as pair 1 alre"),
        ("multiclass", {"places": [[0, 8], [2, 3.5], [1, 7]]}, "pair 2: .* no two whole numbers"),
        ("multiclass", {"places": [[0, 8], [2], [1, 7]]}, "pair 2: .* no two whole numbers"),
        ("multiclass", {"places": "0-8"}, "'places': a list is needed"),
        ("multiclass", {"label": ["canonical"]}, "'label': there are 1 values for 3 pairs"),
        ("multiclass", {"label": ["canonical", "wobbel", None]},
         "pair 2: unknown label 'wobbel'; did you mean wobble"),
        ("multiclass", {"sequence": "A"}, "a pair needs two bases"),
        ("multilabel", {"strong": [1, 2, 0], "purines": [0, 1, 0]}, "pair 2: 2 is neither 0 nor 1"),
        ("regression", {"bonds": [1, "inf", 0], "rings": [0, 1, 0]}, "pair 2: 'inf' is no finite"),
        ("regression", {"bonds": [None] * 3, "rings": [None] * 3}, "no label is known"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_row_column_and_pair(place, problem, changes, message):
    with pytest.raises(DataError, match=rf"t\.json, row 1.*{message}"):
        read(place, problem, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": "unpaired"}, "length: not a policy of the level 'contact', problem 'mult"),
        ({"labels": ["none"]}, "labels: a classification needs two labels"),
        ({"main_metric": {"name": "f1"}}, "'f1' is not allowed"),
        ({"problem": "binary", "labels": [], "length": "unpaired", "main_metric": {"name": "f1"}},
         "dataset.tables: the data of a binary task of the level"),
    ],
)  # fmt: skip
def test_declarations_that_cannot_be(place, changes, message):
    path = write_task(place, declaration("multiclass") | changes) / "made" / "task.yaml"
    with pytest.raises(ConfigError, match=message):
        read_task(path)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("task.decoder=greedy", "task.decoder: the value must be null"),
        ("task.length=unpaired", "task.length: the value must be error"),
        ("task.positive_weight=2", "task.positive_weight.*they belong to binary contacts"),
        ("task.focal_gamma=2", "focal_gamma.*they belong to binary contacts"),
        ("backbone=onehot", "'onehot' does not serve the problem 'multiclass'"),
        ("backbone=vienna_mfe", "'vienna_mfe' does not serve the problem 'multiclass'"),
        ("task.head=token", "head 'token' is not for the level 'contact'"),
    ],
)
def test_settings_of_decoded_base_pairs_are_refused(place, setting, message):
    tasks = write_task(place, declaration("multiclass"))
    with pytest.raises(BenchError, match=message):
        carry_out(place, tasks, setting)


def test_majority_says_nothing_of_structures():
    with pytest.raises(ConfigError, match=r"'majority' says nothing of base pairs .*use unpaired"):
        execute(compose(["task=ss_contacts", "backbone=majority", "tracking=none"]))
    assert load_task("ss_contacts").decodes


def named_heads():
    return [name for name, entry in HEADS.working() if entry.level == "contact"]


class Config:
    hidden_size, num_hidden_layers, num_attention_heads = 6, 2, 2


@pytest.mark.parametrize("name", named_heads())
def test_each_output_is_that_of_a_head_with_this_output_alone(name):
    head = build_head(name, Config(), 3, "regression").eval()
    alone = build_head(name, Config(), 1, "binary").eval()
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(2, 5, 6, generator=generator)
    maps = torch.rand(2, 4, 5, 5, generator=generator)
    mask = torch.arange(5) < torch.tensor([[5], [3]])
    logits = head(states, mask, maps)
    assert logits.shape == (2, 3, 5, 5)
    assert torch.equal(logits, logits.mT)
    for output in range(3):
        weights = dict(head.state_dict())
        for key in ("decoder.weight", "decoder.bias"):
            weights[key] = weights[key][[output]]
        alone.load_state_dict(weights)
        assert torch.allclose(alone(states, mask, maps), logits[:, output], atol=1e-6)
    units = of_pairs(logits, mask)
    expected = [logits[0, :, i, j] for i, j in combinations(range(5), 2)]
    expected += [logits[1, :, i, j] for i, j in combinations(range(3), 2)]
    assert torch.equal(units, torch.stack(expected))


def test_classes_start_from_the_first_and_quantities_from_anywhere():
    prior = -4.59512
    bias = {
        problem: build_head("bilinear", Config(), 3, problem).decoder.bias.tolist()
        for problem in LABELS
    }
    assert bias["multiclass"] == pytest.approx([0, prior, prior], abs=1e-5)
    assert bias["multilabel"] == pytest.approx([prior] * 3, abs=1e-5)
    assert max(map(abs, bias["regression"])) < 1


def test_votes_and_unknown_pairs_count_as_they_are_told():
    logits = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]], [[[0.0, 3.0], [3.0, 0.0]]]])

    class Constant(torch.nn.Module):
        def forward(self, states, mask):
            return logits

    model = HeadOnStates(Constant(), lambda *a: values_loss(*a, problem="regression"))
    mask, votes = torch.ones(2, 2, dtype=torch.bool), torch.tensor([[0.25, 0.75]])
    found = model(torch.zeros(2, 2, 1), mask, votes, torch.tensor([[2.0]]))
    assert found["logits"].tolist() == [[[[0.0, 2.5], [2.5, 0.0]]]]
    assert found["loss"].item() == pytest.approx(0.25)
    assert model(torch.zeros(2, 2, 1), mask, votes, torch.tensor([[NAN]]))["loss"].item() == 0


@pytest.fixture(scope="module")
def encoder():
    from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load

    return load(RnaErnieOptions("rnaernie-tiny", "random", None, None, 1, 16, 2, 32), 0)


def test_scores_do_not_depend_on_batches(encoder):
    sequences = ["GGGAAACCC", "AC", "ACGUA"]
    head = build_head("bilinear", encoder.model.config, 2, "multilabel")
    model = ContactModel(encoder.model, head).eval()
    ids = encode(sequences, encoder.tokenizer, policy="error", max_bases=508)
    inputs = TokenInputs(ids, encoder.tokenizer.pad_token_id, sequences)
    found = [
        pair_scores(
            lambda **batch: model(**batch)["logits"], inputs, token_budget=budget, device="cpu"
        )
        for budget in (1, 1000)
    ]
    assert found[0].shape == (36 + 1 + 10, 2)
    assert np.allclose(*found, atol=1e-6)


@pytest.mark.parametrize("problem", LABELS)
def test_the_bilinear_head_is_saved_as_multimolecules_own(encoder, tmp_path, problem):
    from multimolecule import RnaErnieForContactPrediction, RnaTokenizer

    labels = LABELS[problem]
    head = build_head("bilinear", encoder.model.config, len(labels), problem)
    model = ContactModel(encoder.model, head).eval()
    save_contact_model(
        model, encoder.tokenizer, tmp_path, head="bilinear", problem=problem, labels=labels
    )
    theirs = RnaErnieForContactPrediction.from_pretrained(tmp_path).eval()
    assert {n: w.shape for n, w in theirs.contact_head.named_parameters()} == {
        n: w.shape for n, w in head.named_parameters()
    }
    assert theirs.config.id2label == dict(enumerate(labels))
    assert theirs.config.head.problem_type == problem
    batch = RnaTokenizer.from_pretrained(tmp_path)(["GGGAAACCC"], return_tensors="pt")
    again, _ = load_contact_model(tmp_path)
    mask = torch.ones(1, 9, dtype=torch.bool)
    with torch.inference_mode():
        expected = theirs(**batch).logits
        found = [m(**batch, mask=mask)["logits"].movedim(1, -1) for m in (model, again)]
    expected = getattr(expected, "tensor", expected)
    assert expected.shape == (1, 9, 9, len(labels))
    assert torch.allclose(found[0], expected, atol=1e-5)
    assert torch.equal(*found)
