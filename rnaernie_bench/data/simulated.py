"""A simulated stand-in for a task's data: structured RNA families, generated in code.

Each family is a fold with variable stems (Watson-Crick and G-U pairs, now and then a mismatch or
a bulge), random loops and, as in real families, a few conserved positions. Flanks bring all
families to the same range of lengths, so that length tells little about the class. The families
borrow their outlines from RNA biology; they are no model of it, and no figure obtained on them
says anything about real RNA.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean, resolve
from rnaernie_bench.data.items import Dataset, Items
from rnaernie_bench.task.declaration import SHORTEST_SIMULATED

if TYPE_CHECKING:
    from numpy.random import Generator

    from rnaernie_bench.task.task import Task

SHORTEST, LONGEST = SHORTEST_SIMULATED, 160
"""Bounds of every simulated sequence, nt."""

_PAIRS = ("GC", "GC", "CG", "CG", "AU", "AU", "UA", "UA", "GU", "UG")
_MISMATCHES = ("AA", "AC", "AG", "CA", "CC", "CU", "GA", "GG", "UC", "UU")
_AMBIGUOUS = {"N": "ACGU", "R": "AG", "Y": "CU", "W": "AU", "H": "ACU", "V": "ACG"}


@dataclass(frozen=True, slots=True)
class Fold:
    """A sequence and its structure in dot-bracket notation, of equal length."""

    sequence: str = ""
    structure: str = ""

    def __add__(self, other: Fold) -> Fold:
        return Fold(self.sequence + other.sequence, self.structure + other.structure)

    def __len__(self) -> int:
        return len(self.sequence)

    def middle(self, length: int | None) -> Fold:
        """Return `length` bases in the middle, whose pairs with others stay half; None: all."""
        if length is None:
            return self
        start = max(0, (len(self) - length) // 2)
        kept = slice(start, start + length)
        return Fold(self.sequence[kept], self.structure[kept])


Family = Callable[["Generator"], Fold]


def simulate(family: str, n: int, rng: Generator) -> list[tuple[str, str]]:
    """Draw `n` distinct members of a family.

    Args:
        family: a name in `FAMILIES`.
        n: how many to draw.
        rng: a NumPy generator; the same state gives the same members on every platform.

    Returns:
        Pairs of a sequence (40 to 160 nt, ACGU) and its dot-bracket structure. Brackets join
        canonical pairs only (Watson-Crick, G-U); square ones mark a pseudoknot.

    Raises:
        ConfigError: if there is no such family.
    """
    return [(fold.sequence, fold.structure) for fold in _draw(family, n, rng, set())]


def simulated_dataset(task: Task) -> Dataset:
    """Return the simulated data set that `task.simulation` declares; it alone decides about it.

    Raises:
        ConfigError: if the declaration names an unknown family.
    """
    from rnaernie_bench.data.simulated_variants import variants_of

    make = variants_of if task.dataset.reference else resolve(task.level_entry.simulate)
    parts = make(task)
    name, added = f"{task.dataset.name}-simulated", task.dataset.added_parts
    return Dataset(name, parts, simulated=True, added=added)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A member of a family, and what an item of it is called."""

    id: str
    fold: Fold
    name: str
    """What the declaration calls its family: a label of the task, where labels are classes of
    sequences."""
    family: int
    """The place of the name in the declaration."""
    group: str


def from_families(task: Task) -> dict[str, Items]:
    """Return the parts of a simulated data set of families, as `Level.simulate` has it.

    Families are balanced and take turns; ids read `sim-train-000017`; the group is the family, or a
    share of it where the declaration says so. What is true of a member is what its structure tells
    (`Level.simulated_item`). No sequence stands twice.
    """
    import numpy as np

    parts: dict[str, Items] = {}
    seen: set[str] = set()
    simulation, make = task.simulation, resolve(task.level_entry.simulated_item)
    names = task.labels if task.classifies else tuple(simulation.families)
    for part, size in simulation.sizes.items():
        items: list[Any] = []
        for place, name in enumerate(names):
            family = simulation.families[name]
            positions = range(place, size, len(names))
            seed = hashlib.sha256(f"{part}/{name}/{family}".encode()).digest()
            rng = np.random.default_rng(int.from_bytes(seed[:8], "little"))
            drawn = _draw(family, len(positions), rng, seen, simulation.length)
            for number, (position, fold) in enumerate(zip(positions, drawn, strict=True)):
                share = simulation.group_size
                group = f"{family}-{part}-{number // share}" if share else family
                item = Drawn(f"sim-{part}-{position:06d}", fold, name, place, group)
                items.append(make(item, task))
        parts[part] = tuple(sorted(items, key=lambda item: str(item.id)))
    return parts


def _draw(
    family: str, n: int, rng: Generator, seen: set[str], length: int | None = None
) -> list[Fold]:
    """Draw `n` members whose sequences are not in `seen`, and add them to it.

    Args:
        family: a name in `FAMILIES`.
        n: how many.
        rng: what draws.
        seen: sequences that are not to be drawn again.
        length: bases in the middle that are kept of each; None: all.
    """
    if family not in FAMILIES:
        raise ConfigError(
            f"no simulated family is called '{family}'",
            where="simulation.families",
            remedy=did_you_mean(family, list(FAMILIES)),
        )
    drawn: list[Fold] = []
    while len(drawn) < n:
        fold = _flanked(FAMILIES[family](rng), rng)
        if not SHORTEST <= len(fold) <= LONGEST:
            continue
        fold = fold.middle(length)
        if fold.sequence not in seen:
            seen.add(fold.sequence)
            drawn.append(fold)
    return drawn


def _flanked(core: Fold, rng: Generator) -> Fold:
    """Put random flanks around `core`, up to a length drawn alike for all families."""
    spare = max(0, _between(rng, 70, 130) - len(core))
    left = _between(rng, 0, spare)
    return _loop(rng, left) + core + _loop(rng, spare - left)


# Building blocks. Only `integers` and `random` are drawn from, the most stable part of the API.


def _between(rng: Generator, low: int, high: int) -> int:
    """Draw a whole number from `low` to `high`, both included."""
    return int(rng.integers(low, high + 1))


def _pick(rng: Generator, options: str | tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _loop(rng: Generator, low: int, high: int | None = None) -> Fold:
    """Return `low` to `high` unpaired random bases."""
    return _motif(rng, "N" * _between(rng, low, low if high is None else high))


def _motif(rng: Generator, text: str) -> Fold:
    """Return unpaired conserved bases; ambiguous letters are drawn."""
    sequence = "".join(_pick(rng, _AMBIGUOUS.get(letter, letter)) for letter in text)
    return Fold(sequence, "." * len(text))


def _arms(
    rng: Generator, pairs: int, brackets: str = "()", *, mismatches: float = 0, bulges: float = 0
) -> tuple[Fold, Fold]:
    """Return the two arms of a stem of `pairs` pairs.

    Args:
        rng: the generator.
        pairs: its length, counting mismatches.
        brackets: how its pairs are written.
        mismatches: probability that an inner pair is not canonical, and so has no brackets.
        bulges: probability of an unpaired base after an inner pair, on either side.
    """
    left, right = Fold(), Fold()
    for position in range(pairs):
        inner = 0 < position < pairs - 1
        if inner and rng.random() < mismatches:
            first, second = tuple(_pick(rng, _MISMATCHES))
            left, right = left + Fold(first, "."), Fold(second, ".") + right
        else:
            first, second = tuple(_pick(rng, _PAIRS))
            left, right = left + Fold(first, brackets[0]), Fold(second, brackets[1]) + right
        if inner and rng.random() < bulges:
            if rng.random() < 0.5:
                left = left + _loop(rng, 1)
            else:
                right = _loop(rng, 1) + right
    return left, right


def _stem(
    rng: Generator,
    low: int,
    high: int,
    inside: Fold,
    *,
    mismatches: float = 0.05,
    bulges: float = 0.02,
) -> Fold:
    """Close `inside` with a stem of `low` to `high` pairs."""
    left, right = _arms(rng, _between(rng, low, high), mismatches=mismatches, bulges=bulges)
    return left + inside + right


def _hairpin(rng: Generator, low: int, high: int, loop: str = "") -> Fold:
    """Return a stem with a conserved `loop`, or a random one of 4 to 8 bases."""
    return _stem(rng, low, high, _motif(rng, loop) if loop else _loop(rng, 4, 8))


# The families.


def _three_way_junction(rng: Generator) -> Fold:
    second = _stem(rng, 5, 8, _motif(rng, "CCGAACUC"))
    third = _stem(rng, 6, 10, _motif(rng, "NGAUAN"))
    inside = _motif(rng, "GAUC") + second + _motif(rng, "AGUA") + third + _motif(rng, "GAAC")
    return _stem(rng, 7, 10, inside)


def _long_stem(rng: Generator) -> Fold:
    inside = _motif(rng, "CGAUGAAGAACG") + _loop(rng, 0, 4)
    return _stem(rng, 24, 40, inside, mismatches=0.08, bulges=0.03)


def _cloverleaf(rng: Generator) -> Fold:
    inside = (
        _motif(rng, "UA")
        + _stem(rng, 4, 4, _motif(rng, "AGYNGG") + _loop(rng, 1, 3) + _motif(rng, "A"))
        + _motif(rng, "N")
        + _stem(rng, 5, 5, _motif(rng, "YUNNNRA"))
        + _loop(rng, 4, 10)
        + _stem(rng, 5, 5, _motif(rng, "UUCGANU"))
    )
    return _stem(rng, 7, 7, inside) + _motif(rng, "NCCA")


def _hammerhead(rng: Generator) -> Fold:
    first = _hairpin(rng, 4, 7)
    second = _hairpin(rng, 4, 7)
    inside = _motif(rng, "CUGAUGA") + first + _motif(rng, "GAAA") + second + _motif(rng, "NUH")
    return _stem(rng, 5, 8, inside)


def _cd_box(rng: Generator) -> Fold:
    middle = _loop(rng, 10, 22) + _motif(rng, "CUGA") + _loop(rng, 4, 8) + _motif(rng, "RUGAUGA")
    inside = _motif(rng, "RUGAUGA") + middle + _loop(rng, 10, 22) + _motif(rng, "CUGA")
    return _stem(rng, 4, 6, inside, mismatches=0, bulges=0)


def _pseudoknot(rng: Generator) -> Fold:
    left, right = _arms(rng, _between(rng, 6, 11))
    opened, closed = _arms(rng, _between(rng, 6, 11), "[]")
    first, last = _motif(rng, "AAUA") + _loop(rng, 0, 3), _motif(rng, "ACAGA") + _loop(rng, 4, 12)
    return left + first + opened + _motif(rng, "AAG") + right + last + closed


def _six_way_junction(rng: Generator) -> Fold:
    inside = _motif(rng, "GUGY")
    for loop in ("", "", "GNRA", ""):
        inside = inside + _hairpin(rng, 3, 6, loop) + _motif(rng, "A")
    domain = _motif(rng, "AGC") + _hairpin(rng, 5, 7, "GAAA") + _motif(rng, "CGUUC")
    return _stem(rng, 4, 6, inside + domain)


def _aptamer(rng: Generator) -> Fold:
    upper = _stem(rng, 4, 7, _motif(rng, "CUGAGA") + _loop(rng, 2, 6))
    core = _motif(rng, "GGGUG") + upper + _motif(rng, "ACCUGAUCUGGAUAAUGCCAG")
    return _stem(rng, 6, 10, core) + _loop(rng, 0, 4)


def _tandem_hairpins(rng: Generator) -> Fold:
    chain = Fold()
    for loop in ("GNRA", "", "GNRA"):
        chain = chain + _hairpin(rng, 6, 10, loop) + _loop(rng, 2, 6)
    return chain + _motif(rng, "UUUCYUUUU") + _loop(rng, 4, 8) + _motif(rng, "AUG")


def _pocket_hairpin(rng: Generator) -> Fold:
    """Return a hairpin with an internal loop, as in H/ACA RNAs."""
    return _stem(rng, 4, 6, _loop(rng, 4, 7) + _hairpin(rng, 4, 6) + _loop(rng, 4, 7))


def _haca_box(rng: Generator) -> Fold:
    hinge, tail = _motif(rng, "ANANNA"), _motif(rng, "ACA") + _loop(rng, 3)
    return _pocket_hairpin(rng) + hinge + _pocket_hairpin(rng) + tail


def _haca_cd_box(rng: Generator) -> Fold:
    inner = _hairpin(rng, 5, 8, "UGAGNN") + _motif(rng, "ANANNA") + _hairpin(rng, 5, 8)
    inside = _motif(rng, "RUGAUGA") + _loop(rng, 4, 8) + inner + _motif(rng, "ACA")
    return _stem(rng, 4, 6, inside + _loop(rng, 4, 8) + _motif(rng, "CUGA"), mismatches=0, bulges=0)


def _reading_frame(rng: Generator) -> Fold:
    codons = Fold()
    for _ in range(_between(rng, 14, 24)):
        codons = codons + _motif(rng, "VNN")  # no stop begins with A, C or G
    leader = _hairpin(rng, 7, 9) + _motif(rng, "RCC")
    return leader + _motif(rng, "AUG") + codons + _motif(rng, "UAA")


def _terminator(rng: Generator) -> Fold:
    leader = _motif(rng, "AUG") + _loop(rng, 15, 35)
    arm = "".join(_pick(rng, "GC") for _ in range(_between(rng, 7, 11)))
    closing = arm[::-1].translate(str.maketrans("GC", "CG"))
    stem = Fold(arm, "(" * len(arm)) + _loop(rng, 4, 5) + Fold(closing, ")" * len(arm))
    return leader + stem + _motif(rng, "U" * _between(rng, 6, 9))


def _precursor_hairpin(rng: Generator) -> Fold:
    loop = _motif(rng, "UGUG") + _loop(rng, 2, 8)
    return _stem(rng, 26, 34, loop, mismatches=0.12, bulges=0.06) + _motif(rng, "NNCNNC")


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "three_way_junction": _three_way_junction,
        "long_stem": _long_stem,
        "cloverleaf": _cloverleaf,
        "hammerhead": _hammerhead,
        "cd_box": _cd_box,
        "pseudoknot": _pseudoknot,
        "six_way_junction": _six_way_junction,
        "aptamer": _aptamer,
        "tandem_hairpins": _tandem_hairpins,
        "haca_box": _haca_box,
        "haca_cd_box": _haca_cd_box,
        "terminator": _terminator,
        "hairpin": _precursor_hairpin,
        "reading_frame": _reading_frame,
    }
)
"""Family by name; each draws one member without flanks."""
