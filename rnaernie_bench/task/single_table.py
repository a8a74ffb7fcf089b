"""Declarations of tasks whose data is one table: columns of pairs, cuts, made-up negatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from rnaernie_bench.core.errors import ConfigError

Partner = Literal["first", "second"]

CutBy = Literal[
    "item", "group", "overlap", "similarity", "first", "second", "both", "seed", "position"
]


@dataclass(frozen=True)
class PairColumns:
    """How the columns of a table of pairs are called, and how its strands are stored."""

    first: str
    """The sequence of the first partner, the query."""
    second: str
    """The sequence of the second partner, the target."""
    label: str = ""
    """For classes: a label of the task, of two also 0 or 1; empty where all pairs are positive, and
    `negatives` says how others are made."""
    first_group: str = ""
    """The name of the first partner; empty if there is none."""
    second_group: str = ""
    """The name of the second partner; empty if there is none."""
    group: Literal["name", "sequence"] = "name"
    """What pairs share with their relatives, which intervals draw as a whole and metrics within
    groups look into: the first partner's name, if it has one, or its sequence."""
    reversed: tuple[Partner, ...] = ()
    """The partners that are stored 3' to 5': they are turned round on reading."""
    first_name: str = "first"
    """What the first partner is, such as miRNA."""
    second_name: str = "second"
    """What the second partner is, such as target."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """For multilabel and regression: the column of each label; an empty cell is unknown."""

    def __post_init__(self) -> None:
        named = [self.first, self.second, self.label, self.first_group, self.second_group]
        named += self.labels.values()
        given = [name for name in named if name]
        if not self.first or not self.second or len(set(given)) != len(given):
            raise ConfigError("each column has one meaning", where="dataset.pairs")


@dataclass(frozen=True)
class Negatives:
    """Negatives that are made for data of positives only."""

    method: Literal["shuffled", "swapped"]
    """`shuffled`: the second partner with its dinucleotides in another order; `swapped`: the
    second partner of another pair, whose first partner it is not known to go with."""
    per_positive: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.per_positive < 1:
            raise ConfigError("the value must be 1 or more", where="dataset.negatives.per_positive")

    def __str__(self) -> str:
        return f"negatives {self.method}, {self.per_positive} a positive, seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class Linkage:
    """When two sequences are linked, so that no cut parts them."""

    key: ClassVar[str]
    """What it is declared under."""
    identity: float = 0.8
    """By similarity: the least share of bases, 1 - edits / length of the longer, at which two
    sequences are linked. Links chain: whoever is linked through others is of the same cluster."""
    overlap: int = 12
    """By overlap: the bases of a stretch that links two sequences."""

    def __post_init__(self) -> None:
        if self.overlap < 1:
            raise ConfigError("the value must be 1 or more", where=f"{self.key}.overlap")
        if not LEAST_IDENTITY <= self.identity <= 1:
            what = f"the value must be from {LEAST_IDENTITY} to 1"
            raise ConfigError(what, where=f"{self.key}.identity")


LEAST_IDENTITY = 0.65
"""Two random RNAs of 40 nt can be .6 identical, and chains would link nearly all."""


@dataclass(frozen=True)
class Cut(Linkage):
    """Test and validation parts cut from one part, so that nothing stands on both sides."""

    key = "cut"
    by: CutBy = "item"
    """`item`: at random. `group`: whole families of items that share a group or a sequence.
    `overlap`: of sequences that share a stretch of `overlap` bases, as windows of one gene do.
    `similarity`: of sequences that are `identity` identical. Of pairs, `first` and `second`:
    families of that partner, by its name and sequence; `both`: of either, and pairs of which one
    partner is on each side are dropped; `seed`: bases 2 to 8 of the first partner, the seed of a
    miRNA, by which families are told (Bartel 2009, doi:10.1016/j.cell.2009.01.002). Of variants of
    a reference, `position`: by where they differ from it; those with positions on both sides are
    dropped."""
    fraction: float = 0.2
    """The share of the test part; with `both`, of the families of each partner, with `position` of
    the positions."""
    validation: float = 0.1
    """The same of the validation part, cut by the same rule from what then remains."""
    seed: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("fraction", "validation"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError("the value must be above 0 and below 1", where=f"cut.{name}")
        if not 0 <= self.seed < 2**32:
            raise ConfigError("the value must be from 0 to 4294967295", where="cut.seed")
