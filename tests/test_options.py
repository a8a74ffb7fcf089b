"""Every option that enters the run id changes what is fitted, how fitting ends, or is refused.

Options are those of the dataclasses: a new one fails here until `option_cases` says how to change
it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from rnaernie_bench.config.compose import check_together, compose
from rnaernie_bench.config.identity import identity
from rnaernie_bench.config.options import LIMITS, RunConfig, TaskOptions, TrainerOptions
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.items import Dataset
from rnaernie_bench.data.loading import load_dataset
from rnaernie_bench.learning.guidance.kmer_types import KmerTypes
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.learning.kmers import KmerClassifier
from rnaernie_bench.runs.loaders import load_data
from rnaernie_bench.structure.decoders import decode_batch
from rnaernie_bench.structure.tuning import tune
from rnaernie_bench.task.catalogue import BACKBONES, STRATEGIES, check_serves, resolve
from rnaernie_bench.task.task import Task, load_task
from tests.kit import NAME, make_task
from tests.option_cases import BESIDES, CASES, CHANGES, ELSEWHERE, KEPT

LIMIT = 19
"""Bases that fit in all cases but those of bases: some sequences are longer."""


class Case:
    """A task on disk with the settings of a model."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.level, problem, settings = CASES[name]
        usual = {"sequence": "truncate", "pair": "truncate"}.get(self.level, "error")
        if (self.level, problem) == ("contact", "binary"):
            usual = "unpaired"
        make_task(folder, self.level, problem, length=usual)
        for other in ("PREDICTOR", "OTHER"):
            predictor(folder / other, seed=len(other))
        self.folder = folder
        chosen = [text.replace("PREDICTOR", str(folder / "PREDICTOR")) for text in settings]
        fixed = (f"task={NAME}", "preset=bench", "tracking=none", "trainer.progress=false",
                 "trainer.max_epochs=2", "trainer.token_budget=400",
                 "trainer.learning_rates=[]")  # fmt: skip
        self.config = compose([*fixed, *chosen], [folder / "tasks"])
        self.task: Task = load_task(NAME, [folder / "tasks"])
        self.dataset: Dataset = load_dataset(self.task, simulated=False)
        self.limit = 508 if "error" in usual else LIMIT
        self.entry = BACKBONES.get(self.config.backbone.name)

    def changed(self, config: RunConfig, key: str, value: Any) -> RunConfig:
        """Return settings with another value of an option, refused or not."""
        group, _, name = key.rpartition(".")
        if not group:
            return replace(config, **{name: value})
        found = replace(config, **{group: replace(getattr(config, group), **{name: value})})
        check_together(found, self.task)
        check_serves(found.backbone.name, self.entry, self.level, found.task.head)
        return found

    def identity(self, config: RunConfig) -> Any:
        return identity(config, self.task, "data", self.entry.kind, None)

    @cache  # noqa: B019 - as long as the module's tests
    def outcome(self, config: RunConfig) -> dict[str, Any]:
        """Return what is predicted of test items, and how fitting ended."""
        data = load_data(self.task, config, self.dataset)
        folder = self.folder / hashlib.sha256(repr(config).encode()).hexdigest()[:12]
        context = FitContext(
            self.task, config, data.split.train, data.split.validation, data.used, folder
        )
        if self.entry.kind == "baseline":
            fitted, report = resolve(self.entry.fit)(context, config.backbone)
        else:
            strategy = STRATEGIES.get(config.strategy.name)
            load = self.entry.load_masked_lm if strategy.masked_lm else self.entry.load
            encoder = replace(resolve(load)(config.backbone, config.seed), max_bases=self.limit)
            fitted, report = resolve(strategy.fit)(context, encoder, config.strategy)
        items = data.split.tests["all"]
        found: dict[str, Any] = {"epochs": report.epochs, report.ended_by: 1}
        if self.task.decodes:
            sequences = [item.sequence for item in items]
            read = dict(fitted.probabilities(sequences))
            cases = [(read[i], sequences[i], items[i].pairs) for i in sorted(read)]
            tuned = None if fitted.decoding else tune(cases, config.task.decoder, expected=12)
            decoding = tuned.options if tuned else fitted.decoding
            matrices = [matrix for matrix, _, _ in cases]
            pairs = decode_batch(matrices, [case[1] for case in cases], decoding)
            found["threshold"] = decoding.threshold
            found["pairs"] = [1e4 * len(decoded) + decoded.sum() for decoded in pairs]
            found["scores"] = np.concatenate([matrix.ravel() for matrix in matrices])
        else:
            found["scores"] = fitted.logits([item.input for item in items])
        return found


def predictor(folder: Path, seed: int) -> None:
    """Write a classifier of types with random weights."""
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(28, 4)).astype(np.float32)
    folder.mkdir()
    KmerTypes(KmerClassifier(1, 1, weights, np.zeros(28, np.float32)), "made").save(folder)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Case]]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.kit.SIZES", {"train": 20, "validation": 8, "test": 8})
        patch.setattr("rnaernie_bench.backbones.vocabulary.MAX_BASES", LIMIT)
        patch.setattr("rnaernie_bench.baselines._folding.MAX_BASES", LIMIT)
        patch.setenv("RNAERNIE_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield {name: Case(name, tmp_path_factory.mktemp(name)) for name in CASES}
    torch.set_num_threads(threads)


def alike(left: dict[str, Any], right: dict[str, Any]) -> bool:
    """Say whether outcomes agree but for rounding, which is a tenth of the smallest effect here."""
    return left.keys() == right.keys() and all(
        np.allclose(left[name], right[name], rtol=1e-6, atol=1e-6) for name in left
    )


def groups_of(name: str) -> dict[str, type]:
    """Return the dataclasses of the options of a case, by group."""
    _, _, settings = CASES[name]
    chosen = dict(text.split("=", 1) for text in settings)
    entry = BACKBONES.get(chosen["backbone"])
    groups = {"task": TaskOptions, "trainer": TrainerOptions, "backbone": entry.options}
    if "strategy" in chosen:
        groups["strategy"] = STRATEGIES.get(chosen["strategy"]).options
    return groups


def names_of(options: type) -> list[str]:
    """Return the options that can be set: more than one value is allowed."""
    allowed = {name: get_args(hint) for name, hint in get_type_hints(options).items()}
    return [f.name for f in fields(options) if len(allowed[f.name]) != 1]


def options_of(name: str) -> list[str]:
    """Return the options of a case, from its dataclasses."""
    groups = groups_of(name).items()
    return ["seed", *(f"{group}.{key}" for group, options in groups for key in names_of(options))]


EVERY = [
    (name, key)
    for name in CASES
    for key in options_of(name)
    if key not in KEPT and key.partition(".")[0] not in ELSEWHERE.get(name, ())
]


def test_every_model_and_every_setting_of_a_run_is_looked_at() -> None:
    models = {setting for _, _, settings in CASES.values() for setting in settings}
    assert {f"strategy={name}" for name in STRATEGIES} <= models
    # ViennaRNA is not always there, and types_only needs weights that predict types.
    unseen = {
        "vienna_mfe", "vienna_mea", "vienna_penalty", "duplex", "types_only", "mfe",
        "motif",  # of tasks that declare some
        # Of variants of a reference: tests/runs/test_zero_shot_runs.py.
        "mutation_count", "transversions", "conservation", "vienna_energy", "vienna_distance",
        "target_majority", "target_kmer",
    }  # fmt: skip
    baselines = {name for name in BACKBONES if BACKBONES.get(name).kind == "baseline"}
    assert {f"backbone={name}" for name in baselines - unseen} <= models
    # Items, folders and records: nothing that a model reads.
    others = {"split", "fold", "protocol", "preset", "sweep", "suite", "launcher", "tracking",
              "runs_dir", "results_dir"}  # fmt: skip
    looked_at = {"task", "trainer", "backbone", "strategy", "seed"}
    assert {f.name for f in fields(RunConfig)} == others | looked_at


UNTRIED = {
    ("conservation", "source"): "a file of alignments: tests/runs/test_zero_shot_runs.py",
    ("duplex", "C"): "ViennaRNA is not always there; as that of the other regressions",
    ("features", "source"): "a file of states, of which the run id has a hash: tests/backbones",
    **dict.fromkeys(
        [("types_only", "C"), ("types_only", "model"), ("types_only", "slot")],
        "weights that predict types are needed: tests/baselines/test_types_only.py",
    ),
}
"""Options of models that are tried elsewhere."""


def test_every_option_that_enters_a_run_id_is_tried() -> None:
    def declared(options: type, key: str) -> tuple[type, str]:
        return next(
            cls for cls in options.__mro__ if key in vars(cls).get("__annotations__", {})
        ), key

    tried = set()
    for name, key in EVERY:
        group, _, option = key.rpartition(".")
        tried |= {declared(groups_of(name)[group], option)} if group else set()
    models = [*BACKBONES.working(), *STRATEGIES.working()]
    asked = {"task": TaskOptions, "trainer": TrainerOptions, **{n: e.options for n, e in models}}
    untried = {
        (name, key)
        for name, options in asked.items()
        for key in names_of(options)
        if declared(options, key) not in tried and key != "name" and f"{name}.{key}" not in KEPT
    }
    assert untried == set(UNTRIED)


def test_equal_settings_fit_the_same(cases: dict[str, Case]) -> None:
    case = cases["full"]
    assert alike(Case.outcome.__wrapped__(case, case.config), case.outcome(case.config))


@pytest.mark.parametrize(("name", "key"), EVERY)
def test_an_option_has_an_effect_or_is_refused(cases: dict[str, Case], name: str, key: str) -> None:
    case, value = cases[name], CHANGES[key]
    if isinstance(value, dict):
        value = value[name] if name in value else value[case.level]
    if value == "OTHER":
        value = str(case.folder / value)
    try:
        plain = case.config
        for company, other in BESIDES.get(key, {}).items():
            if company != "learning_rate":
                plain = case.changed(plain, company, other)
            elif rate := learning_rate(case):
                plain = case.changed(plain, rate, other)
        changed = case.changed(plain, key, value)
        assert changed != plain
        if case.identity(changed) == case.identity(plain):
            return
        found = case.outcome(changed)
    except (ConfigError, DataError) as error:
        assert "\n" not in str(error)
        return
    if alike(found, case.outcome(plain)):
        assert key in ("seed", *LIMITS)
        # Bounds that others of a comparison need, and a seed, leave an optimum as it is.
        assert case.entry.kind == "baseline" or (key, name) in EMBEDDING_ALONE


EMBEDDING_ALONE = [
    (limit, name)
    for limit in LIMITS
    for name in ("frozen", "typed-frozen", "token-frozen", "zero_shot")
]
"""Features are computed within the budget, and regressions stay within any bounds."""


def learning_rate(case: Case) -> str:
    """Return the option that sets it, if the model learns step by step."""
    for group in ("strategy", "backbone"):
        if case.entry.kind == "baseline" and group == "strategy":
            continue
        if hasattr(getattr(case.config, group), "learning_rate"):
            return f"{group}.learning_rate"
    return ""
