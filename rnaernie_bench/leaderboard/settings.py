"""What a run was asked to do: what makes rows of runs, and what tells rows apart."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rnaernie_bench.results.record import (
    RECIPE_VERSION,
    Record,
    ended_by,
    is_evaluation,
    is_external,
)

BUDGET = (
    "max_epochs",
    "max_train_minutes",
    "patience",
    "early_stopping_patience",
    "train_fraction",
)
"""Settings, wherever in a recipe, that decide how much a model was allowed to learn."""

_OUTCOMES = {"converged"}
"""What a recipe records of the run rather than asks of it: no reason for a row of its own."""


def shown_as(record: Record) -> tuple[str, str]:
    """Return a run's backbone and strategy as a table shows them.

    Where the score is not the model's alone, as ViennaRNA folds for it, the name says so.
    """
    backbone, strategy = record["backbone"], record["strategy"]
    random = backbone["kind"] == "encoder" and backbone["init"] == "random"
    name, base, types = strategy["name"], strategy.get("base"), strategy.get("types")
    if types:
        several = f", k={strategy['k']}" if types in ("predicted", "random") else ""
        name = f"{name} ({types}{several})"
    shown = f"{backbone['name']} (random)" if random else backbone["name"]
    if fill := record["selection"].get("fill"):
        typed = f", {strategy['rna_type']}" if strategy.get("rna_type") else ""
        name = f"{name} ({fill}{typed})"
    decoder = record["selection"].get("decoder")
    if decoder:
        from rnaernie_bench.structure.decoders import DECODERS  # needs NumPy, which takes a while

        if decoder in DECODERS and (credit := DECODERS.get(decoder).credit):
            shown += f" with {credit}"
    return shown, f"{name} on {base}" if base else name


EARLIER = "recipe"
"""How the flaw of a row begins that was made by a former `RECIPE_VERSION`."""


def is_seeded(records: Sequence[Record], part: str) -> bool:
    """Return whether another seed would give another run of a row.

    Not so of what is solved to the optimum on the same items, on features that no seed draws: most
    baselines, and heads on frozen weights; nor of what is not trained at all, or where several runs
    predict the same.
    """
    drawn = any(r["recipe"].get("train_by_seed") for r in records)
    ends = {ended_by(record) for record in records}
    fixed = all(record["backbone"]["init"] != "random" for record in records)
    if fixed and (ends == {"untrained"} or (ends == {"optimum"} and not drawn)):
        return False
    digests = {record["tests"][part]["predictions"]["sha256"] for record in records}
    return len(records) == 1 or len(digests) > 1


def flaws_of(records: Sequence[Record]) -> tuple[str, ...]:
    """Return why a row leads no sentence and supports no claim, if anything.

    Baselines that are solved to the optimum are what they are under any recipe, and so are what was
    never trained and what was predicted elsewhere.
    """
    trained = [
        record
        for record in records
        if ended_by(record) != "untrained"
        and (
            record["backbone"]["kind"] == "encoder"
            or not (is_external(record) or ended_by(record) == "optimum")
        )
    ]
    earlier = {r["recipe_version"] for r in trained if r["recipe_version"] < RECIPE_VERSION}
    stopped = sum(ended_by(record) in ("steps", "interrupted") for record in trained)
    budget = (f"{stopped} of {len(records)} ended by the budget",) if stopped else ()
    return (*(f"{EARLIER} {version}" for version in earlier), *budget)


def settings_of(record: Record) -> dict[str, Any]:
    """Return what identifies a run apart from its data and its seed, by dotted name."""
    backbone = {k: v for k, v in record["backbone"].items() if k != "parameters"}
    if backbone["init"] == "random":
        # Every seed draws other weights: their hash says no more than the seed does.
        del backbone["weights_sha256"]
    return dict(
        flat(
            {
                "backbone": backbone,
                "head": record["head"],
                "strategy": record["strategy"],
                "recipe": {k: v for k, v in record["recipe"].items() if k not in _OUTCOMES},
                "recipe_version": record["recipe_version"],
                **_evaluated(record),
            }
        )
    )


def _evaluated(record: Record) -> dict[str, Any]:
    """Return what tells the evaluation of a model from a run: what the model was fitted for."""
    if not is_evaluation(record):
        return {}
    model = record["evaluation"]["model"]
    fitted = {key: model[key] for key in ("task", "split", "fold")}
    return {"fitted": {**fitted, "members": len(model["runs"])}}


def flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested mappings under dotted names."""
    for name, child in value.items():
        if isinstance(child, Mapping):
            yield from flat(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child


def differences(
    shown: Sequence[tuple[str, str]], settings: Sequence[Mapping[str, Any]]
) -> tuple[str, list[list[str]]]:
    """Return the budget that rows share, and for each row the settings to tell it apart by.

    A budget that is not the same for all rows is noted in each that has one; baselines which are
    fitted without a budget have none. Rows that would still look alike get what they differ in.
    """
    shared: list[str] = []
    notes: list[dict[str, str]] = [{} for _ in settings]
    for name in BUDGET:
        found = [
            (index, path, _setting(path, value))
            for index, setting in enumerate(settings)
            for path, value in setting.items()
            if path.rpartition(".")[2] == name
        ]
        texts = {text for *_, text in found}
        if len(texts) > 1:
            for index, path, text in found:
                notes[index][path] = text
        else:
            shared += texts - {f"{name}=none"}

    alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, names in enumerate(shown):
        alike[*names, *notes[index].values()].append(index)
    for group in alike.values():
        for path in sorted(
            {path for index in group for path in settings[index]} - {"recipe_version"}
        ):
            shown_as = [_setting(path, settings[index].get(path)) for index in group]
            if len(set(shown_as)) > 1:
                for index, text in zip(group, shown_as, strict=True):
                    notes[index][path] = text
    return ", ".join(shared), [list(note.values()) for note in notes]


def _setting(path: str, value: object) -> str:
    """Show one setting, as `max_epochs=20`; hashes in short."""
    name = path.rpartition(".")[2]
    text = value if isinstance(value, str) else "none" if value is None else json.dumps(value)
    return f"{name}={text[:8] if name.endswith('sha256') else text}"
