"""Published figures of others, to be shown beside our tables and never ranked with them.

`references.csv` holds the figures as they were published; `references.yaml` says where they come
from, which task each data set belongs to, and in what it differs from ours.
"""

from __future__ import annotations

import csv
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
