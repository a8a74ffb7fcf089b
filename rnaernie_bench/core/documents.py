"""JSON and YAML from elsewhere: parsed under limits, refused in one line.

Python's parsers take documents that no program of ours can use: nested until the stack is full,
with anchors that unfold into each other, with numbers of any length. All are refused here, once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

MOST_BYTES = 1 << 26
DEEPEST = 60
"""Lists and mappings within each other."""
MOST_NODES = 100_000
"""Of YAML, aliases unfolded."""
_LARGEST = 1 << 63
_NO_TEXT = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, by which a text could command the terminal that shows it, and surrogates."""
_LONG = "a number has more digits than 64 bits hold"
_DEEP = f"it is nested more than {DEEPEST} deep"


def parse_json(text: str, *, any_whole: bool = False) -> Any:
    """Return what JSON holds.

    Args:
        text: the document.
        any_whole: whether whole numbers may be of any size, as Transformers writes them.

    Raises:
        ValueError: `text` is none, is nested too deeply, or has a number that 64 bits do not hold
            or a text with a mark that is none.
    """
    try:
        value = json.loads(text, parse_int=None if any_whole else _whole)
    except RecursionError:
        raise ValueError(_DEEP) from None
    _check_depth(value)
    if "\\u" in text or _NO_TEXT.search(
        text
    ):  # a walk over all values doubles the time that records take
        _check_leaves(value, any_whole)
    return value


def read_json(path: Path, *, any_whole: bool = False) -> Any:
    """Return what a JSON file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: see `parse_json`; also of a file that is too large, or is no UTF-8.
    """
    return parse_json(_text(path), any_whole=any_whole)


def parse_yaml(text: str) -> Any:
    """Return what YAML holds: texts, numbers, lists and mappings with names for keys.

    Raises:
        ValueError: `text` is none, has an anchor inside itself, is nested too deeply or unfolds
            into too much, or has a number that 64 bits do not hold or a mark that is no text.
    """
    return deepcopy(_yaml_value(text))


@lru_cache(maxsize=64)
def _yaml_value(text: str) -> Any:
    """Return what YAML holds; a task's file is read again for every run of a suite."""
    import yaml

    root = yaml_nodes(text)
    try:
        value = None if root is None else yaml.SafeLoader("").construct_document(root)
    except (yaml.YAMLError, ValueError, IndexError, AttributeError, TypeError) as error:
        # Beside its own errors, whatever its constructors of odd tags stumble over.
        raise ValueError(" ".join(str(error).split())) from None
    _check_leaves(value)
    return value


def yaml_nodes(text: str) -> Any:
    """Return the nodes of YAML, None if it has none; aliases have been unfolded, and end.

    Raises:
        ValueError: see `parse_yaml`.
    """
    import yaml

    try:
        root = yaml.compose(text, yaml.SafeLoader)
        _check_nodes(root, yaml)
    except RecursionError:
        raise ValueError(_DEEP) from None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    return root


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: see `parse_yaml`; also of a file that is too large, or is no UTF-8.
    """
    return parse_yaml(_text(path))


def _text(path: Path) -> str:
    return read_whole(path, MOST_BYTES).decode("utf-8")


def read_whole(path: Path, most: int) -> bytes:
    """Return what a file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it has more than `most` bytes, or is a device or a pipe, which may have no end.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ValueError("it is no file but a device or a pipe")
    with path.open("rb") as stream:
        found = stream.read(most + 1)
    if len(found) > most:
        raise ValueError(f"it is larger than {most >> 20} MiB")
    return found


def _check_nodes(root: Any, yaml: Any) -> None:
    """Walk the nodes as `safe_load` unfolds them, before it does."""
    count, above = 0, set[int]()
    todo: list[tuple[Any, bool]] = [(root, False)] if root is not None else []
    while todo:
        node, leaving = todo.pop()
        if leaving:
            above.discard(id(node))
            continue
        count += 1
        if count > MOST_NODES:
            raise ValueError(f"it unfolds into more than {MOST_NODES:,} values")
        if isinstance(node, yaml.ScalarNode):
            continue
        if id(node) in above:
            line = node.start_mark.line + 1
            raise ValueError(f"the anchor in line {line} holds itself")
        if len(above) >= DEEPEST:
            raise ValueError(_DEEP)
        above.add(id(node))
        todo.append((node, True))
        for child in node.value:
            todo += [(part, False) for part in (child if isinstance(child, tuple) else (child,))]


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEEPEST + 1):
        children = [_inner(each) for each in level if isinstance(each, dict | list)]
        if not children:
            return
        level = [each for inner in children for each in inner if isinstance(each, dict | list)]
    raise ValueError(_DEEP)


def _inner(value: dict[Any, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _check_leaves(value: Any, any_whole: bool = False) -> None:
    """Refuse numbers and texts that no later step can hold; `value` is nested no deeper."""
    if isinstance(value, dict):
        for name in value:
            _check_leaves(name, any_whole)
    if isinstance(value, dict | list):
        for child in _inner(value):
            _check_leaves(child, any_whole)
    elif isinstance(value, str):
        if odd := _NO_TEXT.search(value):
            raise ValueError(f"{value[:40]!r} has the mark {odd.group()!r}, which is no text")
    elif isinstance(value, int) and not any_whole:
        _check_whole(value)


def _whole(text: str) -> int:
    if len(text) > 20:
        raise ValueError(_LONG)
    return _check_whole(int(text))


def _check_whole(value: int) -> int:
    if not -_LARGEST <= value < _LARGEST:
        raise ValueError(_LONG)
    return value
