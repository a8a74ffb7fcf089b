"""What a task can be about: one object a level, which knows how its items are read and written.

A level is a description that imports nothing heavy: functions are named as ``module:function`` and
imported when they are needed. Nothing outside this room asks which level it is given; it asks the
level's object. A new level is such a description and a module with its functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rnaernie_bench.core.registry import Registry
from rnaernie_bench.metrics.problems import PROBLEMS, Problem


@dataclass(frozen=True)
class Level:
    """How the items of tasks of one kind are declared, read, learned and written."""

    name: str
    unit: str
    """What a model gives a row of scores for."""
    units: Callable[[Any], int]
    """How many units an input has."""
    answers: Mapping[Problem, str]
    """Problem -> the answer to it (`metrics.answers`); other problems cannot be declared."""
    head: str
    """The usual head, for data without a task file."""
    length: str
    """The usual length policy, for data without a task file."""
    own_metrics: Mapping[Problem, str]
    """Problems that are served without a task file, and the metric that chooses."""
    places: Callable[[Any], Iterable[tuple[str, ...]]] = lambda _: [()]
    """What tells the units of an input apart in tables of predictions: the cells of each."""
    place_columns: tuple[str, ...] = ()
    """The names of these cells."""
    predictions: Mapping[Problem, str] = field(default_factory=dict)
    """Problem -> the `prediction.predictor.Form` of predictions on new inputs; else `UNIT_FORM`."""
    files: tuple[Problem, ...] = PROBLEMS
    """Problems whose items are read from `dataset.files`."""
    tables: tuple[Problem, ...] = PROBLEMS
    """Problems whose items are read from `dataset.tables`."""
    labelled: bool = False
    """Whether an item has one label, which its file or the header of its record can tell."""
    errors: bool = False
    """Whether tables can tell standard errors of what they say."""
    token_budget: int = 5760
    """Padded tokens in a batch with which networks learn well: the default of
    `trainer.token_budget`."""
    evaluate_every: int = 1000
    """That of `trainer.evaluate_every`: the fewer, the dearer steps are."""
    max_steps: int | None = None
    """That of `trainer.max_steps`, where its epochs are not set either."""
    per_base: bool = False
    """Whether units are bases or pairs of them, so that every base of a sequence must be read."""
    row_features: bool = False
    """Whether heads are linear on a row of features of each unit: a frozen network's are trained on
    rows, and features of the copies of a sequence can be averaged."""
    partners: tuple[str, ...] = ()
    """The sequences of an item, where it has several: `first` and `second`."""
    cuts: tuple[str, ...] = ("item", "group", "overlap", "similarity")
    """What keeps items apart where a split is cut from one part (`task.single_table.Cut.by`)."""
    encodings: tuple[str, ...] = ()
    """Ways to encode an item of several sequences, the usual one first."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Further columns of a table that are needed: role -> field of `task.declaration.Table`."""

    read_file: str = ""
    """Called with (path, its `DataFile`, task), returns the items of a file."""
    read_row: str = ""
    """Called with (`data.labels.Row`, its `Table`, task), returns an item, or None to skip it."""
    simulate: str = "rnaernie_bench.data.simulated:from_families"
    """Called with (task), returns the parts of the simulated data set by name."""
    simulated_item: str = ""
    """Called by `from_families` with (`Drawn`, task), returns an item."""
    own_data: str = ""
    """Called with (`data.own.spec.OwnData`, folder to write into), returns keys of a declared data
    set, and the classes of train."""
    inputs: str = ""
    """What networks read of items: a class, see `learning.inputs.LevelInputs`."""
    state_inputs: str = ""
    """The same for heads that read the states of all bases where others read a row of features of
    each sequence; empty where there are no such heads."""
    objectives: Mapping[Problem, str] = field(default_factory=dict)
    """Problem -> what networks learn there: called with (context, inputs, reader), returns a
    `learning.objective.Objective`; else `UNIT_OBJECTIVE`."""

    def objective(self, problem: Problem) -> str:
        """Return what networks learn of a problem."""
        return self.objectives.get(problem, UNIT_OBJECTIVE)

    def form(self, problem: Problem) -> str:
        """Return what predictions of a problem on new inputs are."""
        return self.predictions.get(problem, UNIT_FORM)

    def decodes(self, problem: Problem) -> bool:
        """Return whether the answer is a structure, which is decoded from scores and has no labels.

        It is `Answer.decodes`, known without the answers, which need NumPy.
        """
        return self.answers[problem] == "structure"


UNIT_OBJECTIVE = "rnaernie_bench.learning.objective:objective"
"""Classes, labels or quantities of units."""

UNIT_FORM = "rnaernie_bench.prediction.values:FORM"
"""A table of them."""

ITEM_METRICS: Mapping[Problem, str] = {
    "binary": "auroc",
    "multiclass": "macro_f1",
    "multilabel": "macro_auroc",
    "regression": "spearman",
}
"""The usual `own_metrics` where an item has one label."""

LEVELS: Registry[Level] = Registry(
    "level", package=__name__, group="rnaernie_bench.levels", types=(Level,)
)
