"""Published figures of others, to be shown beside our tables and never ranked with them.

`references.csv` holds the figures as they were published; `references.yaml` says where they come
from, which task each data set belongs to, and in what it differs from ours.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Reference:
    """One published figure."""

    source: str
    """Short name of the publication."""
    citation: str
    url: str
    model: str
    """As the publication calls it."""
    task: str
    """The task of ours that it is shown with."""
    split: str
    """Data set and split, in the publication's words."""
    metric: str
    value: float
    """A share where the publication has a percentage."""
    note: str
    """How it was obtained, and in what data, split or metric differ from ours."""


@dataclass(frozen=True)
class Published:
    """The figures of one publication in one metric: a line a model, a column a split."""

    first: Reference
    """Tells the task, the metric, and where the figures come from."""
    splits: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]
    notes: tuple[str, ...]
    """How they were obtained, a sentence each, which names the splits that it is about."""


def published(references: Sequence[Reference]) -> list[Published]:
    """Return figures by task, publication and metric, in their order."""
    groups: dict[tuple[str, str, str], list[Reference]] = defaultdict(list)
    for reference in references:
        groups[reference.task, reference.source, reference.metric].append(reference)
    return [_published(group) for group in groups.values()]


def _published(group: Sequence[Reference]) -> Published:
    splits = tuple(dict.fromkeys(reference.split for reference in group))
    figures = {(reference.model, reference.split): reference.value for reference in group}
    notes = {reference.split: reference.note for reference in group}
    # Splits with one note are named together.
    alike = {note: [split for split in splits if notes[split] == note] for note in notes.values()}
    return Published(
        first=group[0],
        splits=splits,
        rows=tuple(
            (model, tuple(figures.get((model, split)) for split in splits))
            for model in dict.fromkeys(reference.model for reference in group)
        ),
        notes=tuple(f"{_listed(those, splits)}{note}." for note, those in alike.items()),
    )


def _listed(some: Sequence[str], every: Sequence[str]) -> str:
    if len(some) == len(every):
        return ""
    return f"{some[0]}: " if len(some) == 1 else f"{some[0]} to {some[-1]}: "


def references_for(task_name: str) -> tuple[Reference, ...]:
    """Return the published figures to show with a task, in the order of the file.

    Args:
        task_name: such as `ss_contacts`; a task nobody published figures for has none.
    """
    return tuple(reference for reference in _references() if reference.task == task_name)


@cache
def _references() -> tuple[Reference, ...]:
    import yaml

    folder = Path(__file__).parent
    sources = yaml.safe_load((folder / "references.yaml").read_text(encoding="utf-8"))
    found = []
    with (folder / "references.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            source = sources[row["source"]]
            ours = source["datasets"][row["dataset"]]
            found.append(
                Reference(
                    source=row["source"],
                    citation=source["citation"],
                    url=source["url"],
                    model=row["model"],
                    task=ours["task"],
                    split=_split(row["dataset"], row["split"]),
                    metric=ours["metric"],
                    # A percentage has two decimals or three: what multiplying adds is cut off.
                    value=round(float(row["value"]) * ours["scale"], 6),
                    note=f"{source['note']}; {ours['note']}",
                )
            )
    return tuple(found)


def _split(dataset: str, split: str) -> str:
    return dataset if split == "published" else f"{dataset} {split.replace(':', ' ')}"
