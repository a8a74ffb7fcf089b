"""The comparisons that a table declares: against a shortcut, an untrained twin, no types.

Not every two rows: what a reader wants to know of a model is whether it beats what needs no model,
what its pre-training is worth, and what its types are. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnaernie_bench.leaderboard.settings import settings_of
from rnaernie_bench.results.record import Record

LEVEL = 0.05
"""The chance of one false claim or more in a table."""

SEEDS = 5
"""So many runs of a row are needed for a claim about its recipe."""

RunIds = tuple[str, ...]
Settings = dict[str, Any]

SHORTCUT, UNTRAINED, UNGUIDED, RANDOM_TYPES = "shortcut", "untrained", "unguided", "random_types"
ALONE = "as_it_is"

REFERENCES: Mapping[str, str] = {
    SHORTCUT: "the best shortcut",
    UNTRAINED: "its untrained twin",
    UNGUIDED: "itself without types",
    RANDOM_TYPES: "itself with random types",
    ALONE: "the best shortcut, model against model",
}
"""By kind, what a row is compared with, in words."""


@dataclass(frozen=True)
class Contrast:
    """A row against its reference, in the main metric."""

    kind: str
    row: RunIds
    reference: RunIds
    gain: float
    """Above 0 where the row is better, whichever way the metric improves."""
    low: float | None = None
    high: float | None = None
    """95 % interval; None where the variation over seeds is unknown."""
    p: float | None = None
    p_holm: float | None = None
    """Corrected by Holm within the question, and for the number of questions of the table."""
    claim: str = ""
    """`beats` or `trails`; empty where nothing is claimed."""
    missing: str = ""
    """Why nothing can be claimed, whatever the figures."""


@dataclass(frozen=True)
class Standing:
    """What contrasts need to know of a row."""

    run_ids: RunIds
    score: float
    """In the main metric, higher being better."""
    name: str
    """Of its backbone."""
    kind: str
    """`encoder`, `baseline` or `external`."""
    seeded: bool
    """Whether its runs depend on their seeds."""
    flaw: str
    """Why it supports no claim, if anything: an earlier recipe, a training that was cut short."""


def declared(
    rows: Sequence[Standing], records: Mapping[str, Record], shortcuts: Sequence[str]
) -> list[tuple[str, Standing, Standing]]:
    """Return the contrasts of a table: kind, row and reference.

    Rows of different versions of the recipe are not compared, save with baselines that are not
    trained.

    Args:
        rows: those that are ranked.
        records: by run id.
        shortcuts: names of the baselines that the task declares shortcuts; where there are none,
            every baseline that is not trained is one.
    """
    settings = {row.run_ids: settings_of(records[row.run_ids[0]]) for row in rows}
    found = []
    shortcut = best_shortcut(rows, shortcuts)
    if shortcut is not None:
        found = [
            (SHORTCUT, row, shortcut)
            for row in rows
            if row.name not in shortcuts
            and (row.kind == "encoder" or row.seeded)
            and not of_one_model(row)
        ]
        found += [(ALONE, row, shortcut) for row in rows if of_one_model(row)]
    # The last one counts: of several twins the best, and before a row that cannot read types one
    # that reads none.
    order = list(rows)[::-1]
    order.sort(key=lambda row: "strategy.types" in settings[row.run_ids])
    for kind, (applies, serves, reduced) in _TWINS.items():
        keys = {ids: json.dumps(reduced(own), sort_keys=True) for ids, own in settings.items()}
        twins = {keys[row.run_ids]: row for row in order if serves(settings[row.run_ids])}
        for row in rows:
            twin = twins.get(keys[row.run_ids])
            if twin is not None and applies(settings[row.run_ids]):
                found.append((kind, row, twin))
    return found


def of_one_model(row: Standing) -> bool:
    """Return whether a row is one imported model: another training of it cannot be had.

    So the question is whether it, and not its recipe, would be ahead on other test items.
    """
    return row.kind == "external" and len(row.run_ids) == 1


def best_shortcut(rows: Sequence[Standing], shortcuts: Sequence[str]) -> Standing | None:
    """Return the shortcut with the best score, if there is one; see `declared`."""
    unseeded = [row for row in rows if row.kind == "baseline" and not row.seeded]
    named = [row for row in rows if row.name in shortcuts] if shortcuts else unseeded
    return max(named, key=lambda row: row.score, default=None)


def missing(row: Standing, reference: Standing) -> str:
    """Return why nothing can be claimed of two rows, or nothing."""
    for each in (row, reference):
        runs = len(each.run_ids)
        if each.seeded and runs < SEEDS and not of_one_model(each):
            return f"{runs} seed{'' if runs == 1 else 's'}, of {SEEDS} needed"
    return row.flaw or reference.flaw


def claim(kind: str, gain: float, p_holm: float | None) -> str:
    """Return what a contrast claims, see `Contrast.claim`.

    The best of several shortcuts was lucky more often than not: a row that beats it beats them
    all, but to be behind it says little, and is no claim.
    """
    if p_holm is None or p_holm > LEVEL:
        return ""
    if gain > 0:
        return "beats"
    return "" if kind in (SHORTCUT, ALONE) else "trails"


def _is(name: str, *values: str | None) -> Callable[[Settings], bool]:
    return lambda settings: settings.get(name) in values


def _without(*names: str) -> Callable[[Settings], Settings]:
    return lambda settings: {name: v for name, v in settings.items() if name not in names}


def _unguided(settings: Settings) -> Settings:
    """Return what a row shares with one that reads no types: the strategy that types guide."""
    base = settings.get("strategy.base") or settings["strategy.name"]
    names = ("base", "types", "k", "slot", "floor", "predictor", "rna_type")
    own = (f"strategy.{name}" for name in names)
    return _without(*own)(settings) | {"strategy.name": base}


def _typed(settings: Settings) -> bool:
    """Return whether a row reads types that it was not told by labels."""
    guided = settings.get("strategy.types") in ("predicted", "random")
    return guided or settings.get("strategy.rna_type") is not None


def _untyped(settings: Settings) -> bool:
    """Return whether a row reads no types."""
    guided = settings.get("strategy.types") not in ("none", None)
    return not guided and settings.get("strategy.rna_type") is None


_WEIGHTS = ("init", "weights_sha256", "options.source", "options.revision", "options.model")
_Asks = Callable[[Settings], bool]
_TWINS: Mapping[str, tuple[_Asks, _Asks, Callable[[Settings], Settings]]] = {
    UNTRAINED: (
        _is("backbone.init", "pretrained"),
        _is("backbone.init", "random"),
        _without(*(f"backbone.{name}" for name in _WEIGHTS)),
    ),
    UNGUIDED: (_typed, _untyped, _unguided),
    RANDOM_TYPES: (
        _is("strategy.types", "predicted"),
        _is("strategy.types", "random"),
        _without("strategy.types", "strategy.predictor"),
    ),
}  # fmt: skip
"""By kind: which rows have such a contrast, which are references, and what the two share."""


def kinds_among(contrasts: Sequence[Contrast]) -> list[str]:
    """Return the kinds of contrasts, in the order of `REFERENCES`."""
    kinds = {contrast.kind for contrast in contrasts}
    return [kind for kind in REFERENCES if kind in kinds]


def in_words(contrast: Contrast) -> str:
    """Return a contrast as a cell shows it: what is claimed, or the figures and why it is not.

    Such as ``beats it by 0.030 [0.010, 0.050], p 0.004`` and ``+0.010 [-0.020, 0.040], p 0.81``.
    """
    if contrast.claim:
        return f"{contrast.claim} it {by_how_much(contrast)}"
    ends = "" if contrast.low is None else f" [{contrast.low:.3f}, {contrast.high:.3f}]"
    why = contrast.missing or p_value(contrast.p_holm)
    return f"{contrast.gain:+.3f}{ends}, {why}"


def by_how_much(contrast: Contrast) -> str:
    """Return the figures of a claim: ``by 0.030 [0.010, 0.050], p 0.004``."""
    ends = sorted(abs(end) for end in (contrast.low, contrast.high) if end is not None)
    return (
        f"by {abs(contrast.gain):.3f} [{ends[0]:.3f}, {ends[-1]:.3f}], {p_value(contrast.p_holm)}"
    )


def p_value(p: float | None) -> str:
    """Show a p-value; smaller ones are not told apart."""
    if p is None:
        return "not tested"
    return "p < 0.001" if p < 0.001 else f"p {p:.3f}"
