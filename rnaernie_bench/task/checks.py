"""What the types of a task's declaration cannot say, checked key by key when it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.names import check_inside
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.levels import LEVELS, Level
from rnaernie_bench.metrics.problems import Problem, categorical, quantitative, two_classes
from rnaernie_bench.metrics.registry import METRICS, has, metrics_of
from rnaernie_bench.task.declaration import (
    FOLD,
    SHORTEST_SIMULATED,
    SplitDeclaration,
    Task,
    of_fold,
    parts_of,
)
from rnaernie_bench.task.lengths import policies_of

MOST_SIMULATED = 1_000_000
"""Items of a simulated part: more are no stand-in, but a task file that means harm."""


def check(task: Task) -> None:
    """Check a task.

    Raises:
        ConfigError: naming the key that is wrong, the first of several.
    """
    for fault in faults(task):
        raise fault


def faults(task: Task) -> Iterator[ConfigError]:
    """Yield what is wrong with the keys of a task, one error for each group of keys."""
    try:
        _check_named(task)
    except ConfigError as error:  # the other keys mean nothing without level and problem
        yield error
        return
    for look in (
        _check_sources, _check_places, _check_files, _check_tables, _check_splits, check_pairs,
        _check_header, _check_simulation, _check_scored, _check_types,
    ):  # fmt: skip
        try:
            look(task)
        except ConfigError as error:
            yield error


def _check_named(task: Task) -> None:
    name = f"the task is called '{task.name}', its folder otherwise"
    _need(task.name == task.folder.name, name, "name")
    twice = sorted({label for label in task.labels if task.labels.count(label) > 1})
    _need(not twice, "labels are listed twice: " + ", ".join(twice), "labels")
    _need_known(task.level, LEVELS, "'{}' is not allowed", "level")
    named = {"main_metric.name": task.main_metric.name}
    named |= {f"metrics[{place}]": name for place, name in enumerate(task.metrics)}
    check_declared(task.level_entry, task.problem, len(task.labels), task.length, named)
    _need(task.version >= 1, "versions count from 1", "version")


def _check_types(task: Task) -> None:
    typed = not task.types or set(task.types) == set(task.labels)
    _need(typed, "each label needs one type, or none of them has any", "types")


def _check_scored(task: Task) -> None:
    classes = categorical(task.problem) and not task.level_entry.per_base
    one = task.resampling != "group_in_class" or classes
    what = "items have no class of their own, so that groups cannot be drawn within classes"
    _need(one, what, "resampling", "write item or group")
    for label in task.scored:
        _need_known(label, task.labels, "'{}' is not allowed", "scored")
    _need(len(set(task.scored)) == len(task.scored), "a label is listed twice", "scored")
    sound = not (task.scored and categorical(task.problem))
    _need(sound, "the classes of an item are scored together", "scored", "leave it out")


def check_declared(
    level: Level, problem: Problem, labels: int, length: str, metrics: Mapping[str, str]
) -> None:
    """Refuse what a task of a level cannot declare.

    Args:
        level: of the task.
        problem: of the task.
        labels: how many labels there are.
        length: the default length policy.
        metrics: by key of the declaration.

    Raises:
        ConfigError: naming the key.
    """
    problems = " or ".join(level.answers)
    _need(problem in level.answers, f"the level '{level.name}' asks for {problems}", "problem")
    answer = level.answers[problem]
    if level.decodes(problem):
        _need(not labels, "binary contacts have no labels: write []", "labels")
    elif two_classes(problem):
        _need(labels == 2, "two labels are needed, the negative one first", "labels")
    elif categorical(problem):
        _need(labels >= 2, "a classification needs two labels or more", "labels")
    else:
        _need(labels >= 1, "one label or more is needed", "labels")
    policies = policies_of(level, problem)
    what = f"not a policy of the level '{level.name}', problem '{problem}'"
    _need(length in policies, what, "length", f"write {' or '.join(policies)}")
    for where, name in metrics.items():
        if not has(answer, name):
            _need_known(name, metrics_of(answer, METRICS), "'{}' is not allowed", where)


def _check_sources(task: Task) -> None:
    level, dataset = task.level_entry, task.dataset
    what = "a reference is written in A, C, G and U"
    _need(not {*dataset.reference} - {*"ACGU"}, what, "dataset.reference")
    for kind, declared, problems, other in (
        ("files", dataset.files, level.files, "tables"),
        ("tables", dataset.tables, level.tables, "files"),
    ):
        what = (
            f"the data of a {task.problem} task of the level '{level.name}' are read from "
            f"`{other}`, not from `{kind}`"
        )
        served = not declared or task.problem in problems
        _need(served, what, f"dataset.{kind}", f"declare them under `{other}`")


def _check_places(task: Task) -> None:
    """Refuse what lies elsewhere than below the folders of data.

    The files of a command line may lie anywhere, and so are never downloaded.
    """
    own, tables = task.dataset.own, task.dataset.tables
    for name, file in task.data_files.items():
        key = f"dataset.{'tables' if name in tables else 'files'}.{name}"
        what = "files of one's own are on no server"
        _need(not (own and file.url), what, f"{key}.url", "leave it out")
        fault = None if own else check_inside(file.path)
        _need(fault is None, f"'{file.path}' is not allowed: {fault}", f"{key}.path")
    for name, table in tables.items():
        fault = None if own else check_inside(table.source)
        _need(fault is None, f"'{table.source}' is not allowed: {fault}", f"dataset.tables.{name}")


def _check_files(task: Task) -> None:
    known = task.labels if task.classifies else ()
    for name, file in task.dataset.files.items():
        where = f"dataset.files.{name}"
        _check_pinned(file.sha256, file.records, where)
        if file.label:
            _need_known(file.label, known, "the task has no label '{}'", f"{where}.label")
        if file.format == "stockholm":
            families = task.dataset.families
            sound = families is not None and set(families.types.values()) == set(task.labels)
            what = "Stockholm files need `types`, from which each label has one or more"
            _need(sound and task.classifies, what, "dataset.families")


def _check_tables(task: Task) -> None:
    one_column, labels = categorical(task.problem), set(task.labels)
    for name, table in task.dataset.tables.items():
        where = f"dataset.tables.{name}"
        if table.sha256:
            _check_pinned(table.sha256, table.records, where)
        _need(
            set(table.labels) == (set() if one_column else labels),
            "classes are in one column, `label`; other labels need one each",
            f"{where}.labels",
            "leave it out"
            if one_column
            else f"write labels: {{{', '.join(f'{label}: COLUMN' for label in task.labels)}}}",
        )
        one = task.level_entry.labelled and quantitative(task.problem)
        _need(not table.repeats or one, "a mean is of quantities of sequences", f"{where}.repeats")
        sound = len(table.separator) <= 1
        _need(sound, "one letter stands between cells", f"{where}.separator")
        errors = quantitative(task.problem) and task.level_entry.errors
        sound = not table.errors or (errors and set(table.errors) == labels)
        _need(sound, "each label of a base needs one column", f"{where}.errors")


def _check_pinned(sha256: str, records: int, where: str) -> None:
    digits = re.fullmatch("[0-9a-f]{64}", sha256)
    _need(digits, "a SHA-256 has 64 digits of 0-9 and a-f", f"{where}.sha256")
    _need(records >= 1, "a part has 1 record or more", f"{where}.records")


def _check_splits(task: Task) -> None:
    single = {*task.dataset.file_parts, *task.dataset.tables}
    for name, members in task.dataset.pools.items():
        _need(name not in single, "a part has this name", f"dataset.pools.{name}")
        for part in members:
            what = "the data set has no part '{}'"
            _need_known(part, single, what, f"dataset.pools.{name}")
    parts = {*single, *task.dataset.pools}
    _need_known(task.default_split, task.splits, "there is no split '{}'", "default_split")
    for name, split in task.splits.items():
        where = f"splits.{name}"
        named = parts_of(split)
        for part in sorted(named - parts):
            _need_known(part, parts, "the data set has no part '{}'", where)
        what = f"there is no test part '{task.default_test_part}'"
        _need(task.default_test_part in split.tests, what, f"{where}.tests")
        for key, test in split.tests.items():
            what = "the value must be above 0 and at most 1"
            _need(0 < test.fraction <= 1, what, f"{where}.tests.{key}.fraction")
            similar = test.without_similar_to
            plain = not (split.cut or task.level_entry.partners)
            for name, given in (("without_similar_to", similar), ("length", test.length)):
                what = "it is about single sequences of a part that is not cut"
                _need(given is None or plain, what, f"{where}.tests.{key}.{name}")
            if similar is not None:
                what = "an identity is above 0.5 and at most 1"
                sound = 0.5 < similar.identity <= 1
                _need(sound, what, f"{where}.tests.{key}.without_similar_to.identity")
        if split.cut is not None:
            what = "a cut is of one part: train, validation and tests name the same"
            one = of_fold(split, split.folds.names[0]) if split.folds else split
            _need(len(parts_of(replace(one, folds=None))) == 1, what, f"{where}.cut")
            cuts = task.level_entry.cuts
            what = f"the level '{task.level}' is cut by {' or '.join(cuts)}"
            _need(split.cut.by in cuts, what, f"{where}.cut.by")
            what = "variants differ from a reference: declare dataset.reference"
            _need(split.cut.by != "position" or task.dataset.reference, what, f"{where}.cut.by")
        what = "validation is a part of its own, or train's name with held_out beside it"
        cut, same = bool(split.held_out or split.cut), split.train == split.validation
        both = bool(split.train) == bool(split.validation)
        _need(both and same == (cut or not split.train), what, f"{where}.validation")
        _need(bool(split.train) or not (cut or split.folds), "nothing trains", f"{where}.train")
        if split.held_out is not None:
            what = "the value must be above 0 and below 1"
            _need(0 < split.held_out.fraction < 1, what, f"{where}.held_out.fraction")
            what = f"an item of the level '{task.level}' has one sequence"
            alone = split.held_out.apart and not task.level_entry.partners
            _need(not alone, what, f"{where}.held_out.apart")
        for rule in (split.held_out, split.folds, split.train_without):
            if rule is not None and rule.by not in (None, "group"):
                what = f"a {task.level} task has no split by {rule.by}"
                _need(rule.by in task.level_entry.cuts, what, f"{where}.{rule.key}.by")
        _check_folds(split, where)


def _check_folds(split: SplitDeclaration, where: str) -> None:
    what = "folds are of items that another part trains: leave out the cut"
    sound = not (split.folds and split.cut) or split.by_parts
    _need(sound, what, f"{where}.folds")
    what = f"folds without a file are told apart by {FOLD} in the name of the part that trains"
    _need((FOLD in split.train) == split.by_parts, what, f"{where}.folds")
    what = "train and validation are cut from one part, which the cut keeps apart"
    _need(not (split.cut and split.train_without), what, f"{where}.train_without")


def check_pairs(task: Task) -> None:
    """Refuse columns of pairs where there are none, and negatives of data that has some.

    Raises:
        ConfigError: naming the key.
    """
    level, columns, made = task.level_entry, task.dataset.pairs, task.dataset.negatives
    verb = "needs" if level.partners else "has no"
    what = f"the level '{level.name}' {verb} columns of pairs"
    _need(bool(level.partners) == (columns is not None), what, "dataset.pairs")
    _need(
        made is None or two_classes(task.problem),
        f"negatives are made of positives, which a {task.problem} task has not",
        "dataset.negatives",
        "leave them out",
    )
    if columns is None:
        _need(made is None, "negatives are made of pairs", "dataset.negatives")
    elif categorical(task.problem):
        what = "classes are in one column, `label`"
        _need(not columns.labels, what, "dataset.pairs.labels")
        what = "either pairs have a column of labels, or negatives are made"
        _need((made is None) == bool(columns.label), what, "dataset.negatives")
    else:
        sound = not columns.label and set(columns.labels) == set(task.labels)
        what = "each label needs one column, and there is no `label`"
        _need(sound, what, "dataset.pairs.labels")


def _check_header(task: Task) -> None:
    try:
        groups = set(re.compile(task.dataset.header).groupindex)
    except re.error as error:
        raise ConfigError(f"not a regular expression: {error}", where="dataset.header") from error
    _need("id" in groups, "the named group id is needed", "dataset.header")
    labelled = all(file.label for file in task.dataset.files.values()) or "label" in groups
    what = "the named groups id and label are needed, or a label of each file"
    _need(labelled or not task.level_entry.labelled, what, "dataset.header")


def _check_simulation(task: Task) -> None:
    simulation, where = task.simulation, "simulation.families"
    sound = not task.classifies or set(simulation.families) == set(task.labels)
    _need(sound, "each label needs one family", where)
    for name, split in task.splits.items():
        folds = split.folds.names if split.folds and split.folds.file else ()
        _need(set(folds) <= set(simulation.families), f"each fold of '{name}' needs one", where)
    named = set[str]().union(*map(parts_of, task.splits.values()))
    for part in sorted({member for name in named for member in task.dataset.members(name)}):
        what = f"part '{part}' needs 1 item or more"
        _need(simulation.sizes.get(part, 0) >= 1, what, "simulation.sizes")
    most = max(simulation.sizes.values())
    _need(
        most <= MOST_SIMULATED, f"a part has {MOST_SIMULATED:,} items at most", "simulation.sizes"
    )
    sound = simulation.group_size is None or simulation.group_size >= 1
    _need(sound, "a group has 1 item or more", "simulation.group_size")
    whole = not (task.level_entry.per_base or task.level_entry.partners)
    sound = simulation.length is None or (whole and 1 <= simulation.length <= SHORTEST_SIMULATED)
    _need(sound, f"whole sequences have 1 to {SHORTEST_SIMULATED} bases", "simulation.length")


def _need(sound: object, what: str, where: str, remedy: str | None = None) -> None:
    """Raise a ConfigError about a key unless it is sound."""
    if not sound:
        raise ConfigError(what, where=where, remedy=remedy)


def _need_known(name: str, known: Iterable[str], what: str, where: str) -> None:
    """Raise a ConfigError about a name that is none of `known`; `what` has a place for it."""
    names = list(known)
    _need(name in names, what.format(name), where, did_you_mean(name, names))
