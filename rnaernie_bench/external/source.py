"""What is known of predictions that were made elsewhere, and how their files are to be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rnaernie_bench.core.errors import ConfigError

Gives = Literal["classes", "probabilities", "scores", "values", "pairs"]
"""What predictions tell: classes alone; probabilities; scores on a scale of their own, of which the
order counts; numbers in the units of the data; base pairs."""


@dataclass(frozen=True)
class Source:
    """Where predictions come from, as far as it is known; nothing is looked up."""

    name: str
    """Of the model, as tables show it."""
    address: str = ""
    commit: str = ""
    licence: str = ""
    citation: str = ""
    training: str = ""
    """How the model was trained."""
    selection: Literal["unknown", "test", "validation"] = "unknown"
    """Which items chose its epoch and settings."""
    parameters: int | None = None
    """Of the whole model."""
    caveats: tuple[str, ...] = ()
    """What else a reader of its figures should know."""
    seed: int = 0
    """Tells several trainings of one model apart."""

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.name.isprintable():
            raise ConfigError("a name is needed", where="--name", remedy="name the model")
        if self.seed < 0 or (self.parameters is not None and self.parameters < 0):
            raise ConfigError(
                "the number is below 0", where="--seed, --parameters", remedy="count from 0"
            )


@dataclass(frozen=True)
class Reading:
    """How files of predictions are read: names of columns, and what stands in them."""

    header: tuple[str, ...] = ()
    """The columns of a text table without a line of names."""
    match: Literal["id", "sequence"] | None = None
    """What tells which item a row is of; None: its id, where the table has such a column."""
    id: str | None = None
    """Column of ids; None: `id`, if there is one."""
    sequences: tuple[str, ...] = ()
    """Column of the sequence, or those of both partners; empty: `sequence`, or `first` and
    `second`."""
    decided: str | None = None
    """Column of classes, or of labels joined by commas; None: `class` or `predicted`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Label -> its column of numbers; else `p:LABEL`, `LABEL`, or where there is one number
    `probability`, `score` or `value`."""
    structure: str | None = None
    """Column of dot-bracket strings; None: `structure` or `dot_bracket`."""
    pairs: str | None = None
    """Column of lists of pairs of bases; None: `base_pairs` or `pairs`."""
    gives: Gives | None = None
    """What numbers are, where their columns do not tell."""
    lower_is_better: bool = False
    """Whether a lower score speaks for the label, as of energies."""
    threshold: float | None = None
    """From which number on the answer is yes; of lower ones, up to which."""
    pairs_from: Literal[0, 1] | None = None
    """What the first base is in lists of pairs; None: 1, unless the letters speak against it."""
    partners: Literal["all", "one"] = "all"
    """What counts where pairs give a base several partners: all, as they are published, or those
    that `structure.several_partners` keeps."""
    allow_missing: bool = False
    """Whether items may be missing, and rows of no item or that contradict each other be left
    out."""

    @property
    def options(self) -> dict[str, object]:
        """What changes the meaning of a file, as records hold it: all but defaults."""
        plain = Reading()
        names = ("gives", "lower_is_better", "threshold", "pairs_from", "partners", "allow_missing")
        used = {name: getattr(self, name) for name in names}
        used |= {"columns": ", ".join(f"{k}={v}" for k, v in self.columns.items())}
        used |= {name: getattr(self, name) or "" for name in ("decided", "structure", "pairs")}
        return {
            name: value for name, value in used.items() if value not in ("", getattr(plain, name))
        }
