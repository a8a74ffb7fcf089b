"""What a task's declaration says of figures, as a digest that tells two tasks of one name apart."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from rnaernie_bench.core import paths
from rnaernie_bench.core.schema import as_dict
from rnaernie_bench.task.declaration import Task

_SAYS = (
    "level", "problem", "labels", "main_metric", "metrics", "default_test_part", "resampling",
    "scored", "types",
)  # fmt: skip
"""What figures and predictions follow from, beside the items, which their fingerprint tells, and
head and length policy, which are settings of a run."""


def content_of(task: Task, split: str) -> dict[str, Any]:
    """Return what figures on a split follow from, beside items and settings."""
    said = {key: as_dict(getattr(task, key)) for key in _SAYS}
    few = {"pools": as_dict(task.dataset.pools), "motifs": as_dict(task.motifs)}
    few["reference"] = task.dataset.reference
    said |= {key: value for key, value in few.items() if value}  # what the first tasks had not
    cut = as_dict(task.splits[split])
    if cut["train_without"] is None:
        del cut["train_without"]
    return {**said, "split": cut}


def digest(content: object) -> str:
    """Return 12 hexadecimal digits of the SHA-256 of `content` as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def declared(task: Task, split: str) -> str | None:
    """Return the digest of what a task declares of figures, which belongs to the ids of its runs.

    Returns:
        None for a task that comes with the package: a change of it that matters is a new version.
    """
    if task.folder.resolve().parent == paths.tasks_folder().resolve():
        return None
    return digest(content_of(task, split))
