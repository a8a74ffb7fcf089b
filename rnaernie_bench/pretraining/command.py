"""The command that settings of a pre-training stand for."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnaernie_bench.core.schema import as_dict
from rnaernie_bench.pretraining.config import compose

OUT = "FOLDER"
"""Stands in a command for the folder to make."""

_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_WORDS = ("true", "false", "null", "nan", "inf")
_FILES = ("files", "motifs", "source")
"""Settings that name files; what lies elsewhere than below the working folder goes by its name."""


def pretraining_command(settings: Mapping[str, Any], processes: int) -> str:
    """Return the command line of a pre-training, on several lines, for a shell.

    It names what differs from the defaults. Files that were given by absolute paths go by their
    names only: where they lay on one machine means nothing on another.

    Args:
        settings: as the record keeps them.
        processes: that shared the training.
    """
    overrides = _overrides(settings)
    program = (
        f"torchrun --nproc-per-node {processes} -m rnaernie_bench.cli.main"
        if processes > 1
        else "rnaernie-bench"
    )
    return " \\\n  ".join([f"{program} pretrain", *map(shlex.quote, overrides)])


def _overrides(settings: Mapping[str, Any]) -> list[str]:
    corpus = settings["corpus"]
    chosen = [f"{group}={settings[group]['name']}" for group in ("corpus", "backbone")]
    if corpus["format"] != "rfam":  # has no files of its own
        key = "hub" if corpus["hub"] else "files"
        chosen.append(f"corpus.{key}={_value(corpus[key], key)}")
    chosen.append(f"out={OUT}")
    defaults = as_dict(compose(chosen))
    differing = []
    for key, value in settings.items():
        if not isinstance(value, Mapping):
            differing.append((key, value, defaults[key]))
            continue
        differing += [
            (f"{key}.{name}", inner, defaults[key][name]) for name, inner in value.items()
        ]
    given = {text.partition("=")[0] for text in chosen}
    more = [
        f"{key}={_value(value, key.rpartition('.')[2])}"
        for key, value, default in differing
        if value != default and key not in given
    ]
    return [*chosen[:-1], *more, chosen[-1]]


def _value(value: Any, key: str = "") -> str:
    """Return a value as Hydra's grammar has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_value(k)}:{_value(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_value(inner, key) for inner in value) + "]"
    if not isinstance(value, str):
        return repr(value)
    if key in _FILES and Path(value).is_absolute():
        value = Path(value).name
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return "'" + value.replace("'", r"\'") + "'"
