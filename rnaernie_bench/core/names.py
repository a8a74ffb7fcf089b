"""Types of text that a file from elsewhere may hold: names of files and folders, paths inside one.

`core.schema` checks them wherever a dataclass names them, before anything else reads the value.
"""

from __future__ import annotations

import re
from typing import Annotated

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""As `results/schema.json` has it; a test compares them."""


def check_name(value: str) -> str | None:
    """Return what is wrong with `value` as a name, which is also one of a file; None if nothing."""
    if len(value) <= 100 and _NAME.fullmatch(value):
        return None
    return "a name has letters, digits, '_', '.' and '-' alone, 100 at most, the first no mark"


def check_inside(value: str) -> str | None:
    """Return what is wrong with `value` as a path that stays inside a folder; None if nothing."""
    pieces = value.split("/")
    if value.isprintable() and not {"", ".", ".."} & set(pieces) and not re.search(_ODD, value):
        return None
    return "a path is relative, written with '/', without '..' or '.', and stays inside its folder"


_ODD = r"\\|:|^~"  # what leads elsewhere on Windows, and to a home

Name = Annotated[str, check_name]
