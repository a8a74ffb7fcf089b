"""Every level, problem and way to learn: runs from the command line to records and predictions.

Tasks are those of `tests.kit`. A run is made once for all tests of this file that look at it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from rnaernie_bench import api
from rnaernie_bench.results.checks import prediction_problems
from rnaernie_bench.results.record import validate_record
from rnaernie_bench.task.catalogue import STRATEGIES, levels_of
from rnaernie_bench.testing import check_saved
from tests.kit import LABELS, TINY_NET, Made, close, known, make_task

KINDS = list(LABELS)
BRIEF = ("trainer.max_epochs=1", "trainer.fast_dropout=false", "trainer.token_budget=300",
         "strategy.learning_rate=0.003")  # fmt: skip
LEARNED = {
    "sequence": (),
    "token": (),
    "contact": ("backbone.hidden_size=64", "strategy.learning_rate=0.05", "trainer.max_epochs=12",
                "trainer.patience=12", "trainer.token_budget=60"),
    "pair": ("trainer.max_epochs=12", "trainer.patience=12", "strategy.learning_rate=0.01",
             "trainer.token_budget=500"),
}  # fmt: skip
"""What a frozen network needs to learn the tasks of a level."""
WORST = {("token", "regression"): 0.15, ("contact", "regression"): 0.4}
"""Errors are to be at most this."""
HEADS = {
    "full": {"sequence": "window", "token": "token_window", "contact": "attention",
             "pair": "conv_lstm"},
    "lora": {"sequence": "attention_pooling", "token": "token_convolution", "contact": "resnet2d",
             "pair": "interaction"},
    "type_guided": {"sequence": "pooled", "token": "token", "contact": "resnet",
                    "pair": "segments"},
}  # fmt: skip
BASELINES = {
    "sequence": ("backbone=kmer", "backbone.max_k=2"),
    "token": ("backbone=letters",),
    "contact": ("backbone=majority",),
    "pair": ("backbone=pair_kmer", "backbone.max_k=1"),
}
MODELS = ("frozen", "full", "lora", "type_guided", "baseline")

Runner = Callable[..., tuple[Made, int, Path | None]]


def settings_of(model: str, level: str, problem: str) -> tuple[str, ...]:
    """Return the settings of a model."""
    if model == "baseline":
        decoded = (level, problem) == ("contact", "binary")
        return ("backbone=unpaired",) if decoded else BASELINES[level]
    if model == "majority":
        return ("backbone=majority",)
    chosen = (*TINY_NET, f"strategy={model}")
    if model == "frozen":
        return (*chosen, *LEARNED[level])
    joined = model == "full" or (model, problem) == ("lora", "binary")
    joint = ("task.encoding=joint",) if level == "pair" and joined else ()
    typed: tuple[str, ...] = ()
    if model == "type_guided":
        base = "frozen" if problem == "multilabel" else "full"
        typed = ("strategy.types=random", "strategy.k=2", f"strategy.base={base}")
        if base == "frozen" and level != "pair":  # nothing would read them
            typed = (*typed, "trainer.fast_dropout=true", "strategy.learning_rate=0.001")
    return (*chosen, *BRIEF, f"task.head={HEADS[model][level]}", *joint, *typed)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Give a function of level, problem, model and more settings: the task, the status of the run,
    and its folder, None where the run is refused."""
    import torch

    tasks: dict[tuple[str, ...], Made] = {}
    runs: dict[tuple[str, ...], tuple[Made, int, Path | None]] = {}

    def run(
        level: str, problem: str, model: str, *more: str, resampling: str = "item"
    ) -> tuple[Made, int, Path | None]:
        kind = (level, problem, resampling)
        if kind not in tasks:
            folder = tmp_path_factory.mktemp(f"{level}_{problem}")
            tasks[kind] = make_task(folder, level, problem, resampling=resampling)
        settings = (*settings_of(model, level, problem), *more)
        key = (*kind, *settings)
        if key not in runs:
            made = tasks[kind]
            before = set(made.run_folders())
            status = made.run(*settings)
            new = set(made.run_folders()) - before
            runs[key] = (made, status, new.pop() if new else None)
        return runs[key]

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield run
    torch.set_num_threads(threads)


def decided(lines: list[dict[str, str]]) -> list[str]:
    return [line.get("label") or line["class"] for line in lines]


def score_classes(made: Made, lines: list[dict[str, str]]) -> tuple[str, float]:
    pairs = [(t, said) for (t,), said in zip(known(made), decided(lines), strict=True) if t]
    return "accuracy", float(np.mean([truth == said for truth, said in pairs]))


def score_labels(made: Made, lines: list[dict[str, str]]) -> tuple[str, float]:
    scores = []
    for column, label in enumerate(LABELS[made.level, made.problem]):
        units = zip(known(made), decided(lines), strict=True)
        pairs = [
            (t[column], label in said.split(",")) for t, said in units if t[column] is not None
        ]
        hits = sum(truth == said == 1 for truth, said in pairs)
        scores.append(2 * hits / (sum(t for t, _ in pairs) + sum(said for _, said in pairs)))
    return "macro_f1", float(np.mean(scores))


def score_quantities(made: Made, lines: list[dict[str, str]]) -> tuple[str, float]:
    truth = np.array(list(known(made)), dtype=float)
    said = np.array([[float(line[n]) for n in LABELS[made.level, made.problem]] for line in lines])
    return "mcrmse", float(np.sqrt(np.nanmean((truth - said) ** 2, axis=0)).mean())


def score_structures(made: Made, lines: list[dict[str, str]]) -> tuple[str, float]:
    scores = []
    for row in made.rows["test"]:
        said = [line for line in lines if line["id"] == row["id"] and line["decoded"] == "yes"]
        found = [(int(line["i"]) - 1, int(line["j"]) - 1) for line in said]
        scores.append(2 * (row["pair"] in found) / (1 + len(found)))
    return "f1", float(np.mean(scores))


def score(made: Made, lines: list[dict[str, str]]) -> tuple[str, float]:
    """Return a metric, computed once more from the truth and the lines that `predict` wrote."""
    if (made.level, made.problem) == ("contact", "binary"):
        return score_structures(made, lines)
    if made.problem == "regression":
        return score_quantities(made, lines)
    return (score_labels if made.problem == "multilabel" else score_classes)(made, lines)


def reaches(found: float, limit: float, level: str, problem: str) -> bool:
    """Say whether the metric that chooses is good enough, whatever its last bits are."""
    worst = WORST.get((level, problem))
    return round(found, 9) >= limit if worst is None else found <= worst


def header(level: str, problem: str) -> list[str]:
    """Return the columns that `predict` writes."""
    labels = LABELS[level, problem]
    if (level, problem) == ("contact", "binary"):
        return ["id", "i", "j", "bases", "probability", "decoded", "paired_i", "paired_j"]
    if level == "sequence" and problem in ("binary", "multiclass"):
        known_by = ["id", "class", "probability", "entropy_bits", "truncated"]
        return [*known_by, *(f"p:{label}" for label in labels)]
    first = {
        "sequence": ["id"], "token": ["id", "position", "base"],
        "contact": ["id", "i", "j", "bases"], "pair": ["first_id", "second_id"],
    }[level]  # fmt: skip
    if (level, problem) == ("pair", "binary"):
        return [*first, "class", "probability", "first_window", "second_window"]
    shown = [f"p:{label}" for label in (labels[1:] if problem == "binary" else labels)]
    numbers = labels if problem == "regression" else ["label", *shown]
    return [*first, *numbers, *(["truncated"] if level == "sequence" else [])]


def weights_of(run: Path) -> dict[str, np.ndarray]:
    """Return the weights of a run's network or regression by name."""
    files = sorted((run / "model").glob("*.safetensors"))
    found = {name: value for path in files for name, value in load_file(path).items()}
    for path in sorted((run / "model").glob("*.npz")):
        with np.load(path) as arrays:
            found |= {name: arrays[name] for name in arrays}
    return found


def record_of(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "record.json").read_text()))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("level", "problem"), KINDS)
def test_a_run_ends_in_a_record_that_its_saved_model_agrees_with(
    finished: Runner, capsys: pytest.CaptureFixture[str], level: str, problem: str, model: str
) -> None:
    made, status, run = finished(level, problem, model)
    if model != "baseline" and level not in levels_of(STRATEGIES.get(model)):
        error = capsys.readouterr().err
        assert (status, run, error.count("\n")) == (2, None, 1)
        assert f"'{model}' does not serve the level '{level}'" in error
        return
    assert run is not None
    record = record_of(run)
    validate_record(record)
    assert (record["task"]["level"], record["task"]["problem"]) == (level, problem)
    test = record["tests"]["all"]
    assert test["n"] == len(made.rows["test"])
    assert made.metric in test["metrics"]
    for name, found in test["metrics"].items():
        low, value, high = (found[key] for key in ("low", "value", "high"))
        assert value is not None or found["undefined"], name
        if low is not None:  # a figure that hangs on a single unit has none
            assert low - 1e-6 <= value <= high + 1e-6, name  # ends are written with seven digits
    decoded = (level, problem) == ("contact", "binary")
    assert ("per_column" in test) == (problem in ("multilabel", "regression"))
    assert ("confusion" in test) == (
        level in ("sequence", "pair") and problem in ("binary", "multiclass")
    )
    assert ("decoder" in record["selection"]) == decoded
    if model == "type_guided":
        assert record["strategy"]["k"] == 2
        assert (run / "model" / "types" / "guide.json").is_file()
    assert list(prediction_problems(record, run)) == []
    check_saved(run, [made.folder / "tasks"])
    if model == "baseline" and level != "contact":
        assert reaches(test["metrics"][made.metric]["value"], 0.7, level, problem)


@pytest.mark.parametrize(("level", "problem"), KINDS)
def test_a_frozen_network_learns_and_predicts_it(
    finished: Runner, level: str, problem: str
) -> None:
    made, _, run = finished(level, problem, "frozen")
    assert run is not None
    metrics = {n: m["value"] for n, m in record_of(run)["tests"]["all"]["metrics"].items()}
    assert reaches(metrics[made.metric], 0.8, level, problem)
    lines = made.predict(run)
    assert list(lines[0]) == header(level, problem)
    name, expected = score(made, lines)
    # Features of a frozen network are kept in half precision while it learns.
    assert expected == pytest.approx(metrics[name], abs=0.01)
    if level == "token" or (problem in ("multilabel", "regression") and level != "pair"):
        first = api.predict(run, [made.rows["test"][0]["sequence"]])[0].numbers[0]
        numbers = {*LABELS[level, problem], *(f"p:{label}" for label in LABELS[level, problem])}
        shown = [float(lines[0][name]) for name in lines[0] if name in numbers]
        assert first.tolist() == pytest.approx(shown, abs=1e-4)


@pytest.mark.parametrize(
    ("level", "problem"),
    [*(kind for kind in KINDS if kind[0] == "pair"), ("sequence", "regression"),
     ("token", "binary"), ("contact", "multilabel")],
)  # fmt: skip
def test_what_a_majority_says_and_its_intervals_by_groups(
    finished: Runner, level: str, problem: str
) -> None:
    """Intervals are wider or narrower where whole groups are drawn; the figures are the same."""
    runs = [finished(level, problem, "majority", resampling=unit)[2] for unit in ("item", "group")]
    one, other = (record_of(run)["tests"]["all"]["metrics"] for run in runs if run)
    defined = [name for name in one if one[name]["value"] is not None]
    assert [one[n]["value"] for n in defined] == pytest.approx(
        [other[n]["value"] for n in defined], abs=1e-9
    )
    bounded = [name for name in defined if None not in (one[name]["low"], other[name]["low"])]
    ends = zip([one[n]["low"] for n in bounded], [other[n]["low"] for n in bounded], strict=True)
    assert any(abs(low - by_groups) > 1e-6 for low, by_groups in ends)


CLASSES = [
    ("task.class_weights=balanced", level, problem, model)
    for level, problem in KINDS
    for model in ("frozen", "full")
    if problem == "multiclass" or (problem == "multilabel" and model == "frozen")
]
ERRORS = [
    ("task.error_weights=inverse", "token", "regression", model) for model in ("frozen", "full")
]
CONTACTS = [
    (setting, "contact", "binary", model)
    for setting in ("task.positive_weight=5", "task.focal_gamma=2")
    for model in ("frozen", "full")
]
OTHERS = [
    *(("task.class_weights=balanced", level, "multiclass", "baseline") for level in BASELINES),
    ("task.error_weights=inverse", "token", "regression", "baseline"),
    ("task.error_weights=inverse", "pair", "regression", "frozen"),
]


@pytest.mark.parametrize(
    ("setting", "level", "problem", "model"), [*CLASSES, *ERRORS, *CONTACTS, *OTHERS]
)
def test_an_option_changes_what_is_learned_or_is_refused(
    finished: Runner,
    capsys: pytest.CaptureFixture[str],
    setting: str,
    level: str,
    problem: str,
    model: str,
) -> None:
    _, _, plain = finished(level, problem, model)
    key, value = setting.removeprefix("task.").split("=")
    assert plain is not None and key not in record_of(plain)["recipe"]
    capsys.readouterr()
    _, status, run = finished(level, problem, model, setting)
    if run is None:
        error = capsys.readouterr().err
        assert (status, error.count("\n")) == (2, 1)
        assert f"task.{key}" in error
        return
    assert str(record_of(run)["recipe"][key]) == str(float(value) if value.isdigit() else value)
    one, other = (weights_of(folder) for folder in (plain, run))
    assert one and one.keys() == other.keys()
    assert not close(one, other)


@pytest.mark.parametrize(
    ("level", "problem", "settings", "message"),
    [
        ("contact", "multiclass", ["task.decoder=greedy"], "task.decoder: the value must be null"),
        ("contact", "multiclass", ["task.length=unpaired"], "task.length: the value must be error"),
        ("contact", "multiclass", ["task.positive_weight=2"], "they belong to binary contacts"),
        ("contact", "multiclass", ["task.focal_gamma=2"], "they belong to binary contacts"),
        ("contact", "multiclass", ["backbone=onehot"], "does not serve the problem 'multiclass'"),
        ("contact", "multiclass", ["backbone=vienna_mfe"], "not serve the problem 'multiclass'"),
        ("contact", "multiclass", ["task.head=token"], "'token' is not for the level 'contact'"),
        ("contact", "binary", ["backbone=majority"], "'majority' cannot predict base pairs"),
        ("contact", "binary", ["backbone=kmer"], "'kmer' does not serve the level 'contact'"),
        ("contact", "binary", ["task.head=mean"], "'mean' is not for the level 'contact'"),
        ("contact", "binary", ["task.length=truncate"], "the value must be error or unpaired"),
        ("contact", "binary", ["task.focal_gamma=-1"], "task.focal_gamma: the value must be 0 or"),
        ("contact", "binary", ["task.positive_weight=0"], "the value must be above 0, or null"),
        ("contact", "binary", [*TINY_NET, "strategy=frozen", "task.head=attention"],
         "reads attention maps"),
        ("pair", "multiclass", ["backbone=mirna_majority"], "does not serve the problem 'multi"),
        ("pair", "multilabel", ["backbone=mirna_majority"], "does not serve the problem 'multi"),
        ("pair", "regression", ["backbone=mirna_majority"], "does not serve the problem 'regr"),
        ("pair", "binary", [*TINY_NET, "strategy=frozen", "task.encoding=joint"], "task.encoding"),
        ("sequence", "multiclass", ["task.encoding=joint"], "task.encoding"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_in_one_line(
    finished: Runner,
    capsys: pytest.CaptureFixture[str],
    level: str,
    problem: str,
    settings: list[str],
    message: str,
) -> None:
    made, _, _ = finished(level, problem, "baseline")
    before = made.run_folders()
    capsys.readouterr()
    assert made.run(*settings) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert made.run_folders() == before
