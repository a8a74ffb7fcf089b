"""Backbones that begin where an earlier run ended."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.results.store import MIN_PREFIX, RECORD_FILE, find_run


def from_run(backbone: Any, runs_dir: Path) -> Any:
    """Return the options of a backbone with the folder of a run's network for the run's name.

    Args:
        backbone: options; `source` may be a run's folder, or 6 letters or more of its id.
        runs_dir: where ids are looked for.

    Raises:
        ResultError: if there is no such run.
        ConfigError: if the run has no network.
    """
    source = getattr(backbone, "source", None)
    if not isinstance(source, str) or not hasattr(backbone, "checkpoint"):
        return backbone
    path = Path(source).expanduser()
    letters = re.fullmatch(f"[0-9a-f]{{{MIN_PREFIX},12}}", source) and not path.exists()
    if not (letters or (path / RECORD_FILE).is_file()):
        return backbone
    folder = find_run(str(path), runs_dir)
    whole = folder / "model" if (folder / "model").is_dir() else folder
    found = whole / "backbone" if (whole / "backbone").is_dir() else whole
    if not (found / "config.json").is_file():
        raise ConfigError(
            "the run has no network to start from",
            where="backbone.source",
            remedy="name a run of a backbone, not of a baseline",
        )
    return replace(backbone, source=str(found))
