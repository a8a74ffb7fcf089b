"""Plain mappings, as YAML gives them, to frozen dataclasses: types, unknown keys, missing keys."""

from __future__ import annotations

import ast
import inspect
import textwrap
import types
from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from functools import cache
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import did_you_mean

T = TypeVar("T")

_ADDED = "added later"
"""What marks the field of an `added` option."""


def added(default: Any) -> Any:
    """Declare an option that came after the first records were made.

    While it has its default, a run does what such a run always did: run id and record are those
    of before, and `used_options` leaves it out. So the default must change nothing.
    """
    return field(default=default, metadata={_ADDED: True})


def used_options(options: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name, without `added` ones that have their default."""
    return {
        f.name: getattr(options, f.name)
        for f in fields(options)
        if not (_ADDED in f.metadata and getattr(options, f.name) == f.default)
    }


def added_options(options: Any) -> dict[str, Any]:
    """Return the `added` fields of a dataclass by name, those without their default."""
    later = {f.name for f in fields(options) if _ADDED in f.metadata}
    return {name: value for name, value in used_options(options).items() if name in later}


def as_dict(value: Any) -> Any:
    """Return dataclasses as plain mappings that YAML and JSON can hold."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_dict(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {key: as_dict(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [as_dict(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def help_of(options: type) -> dict[str, str]:
    """Return what stands under the fields of a dataclass in its source, by name, on one line."""
    found: dict[str, str] = {}
    for cls in reversed(options.__mro__[:-1]):
        try:
            (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        except (OSError, TypeError):  # made without a file
            continue
        for field_, text in pairwise(tree.body):  # type: ignore[attr-defined]
            if isinstance(field_, ast.AnnAssign) and isinstance(text, ast.Expr):
                name, value = ast.unparse(field_.target), ast.literal_eval(text.value)
                found[name] = " ".join(str(value).split()).rstrip(".")
    return found


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def build(cls: type[T], values: Mapping[str, Any], *, where: str = "") -> T:
    """Return a `cls` made of `values`, checked field by field.

    Args:
        cls: a dataclass whose fields are plain types, Literals, Optionals, tuples, mappings or
            dataclasses.
        values: its fields by name.
        where: the key these values stand under, for messages.

    Raises:
        ConfigError: naming the key that is unknown, missing or of a wrong type.
    """
    known = {f.name: f for f in fields(cls) if f.init}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise ConfigError(
                f"unknown key '{name}'",
                where=_join(where, str(name)),
                remedy=did_you_mean(str(name), list(known)),
            )
    hints = _hints(cls)  # type: ignore[arg-type]  # classes are hashable
    checked = {}
    for name, spec in known.items():
        if name in values:
            checked[name] = convert(hints[name], values[name], where=_join(where, name))
        elif spec.default is MISSING and spec.default_factory is MISSING:
            raise ConfigError(f"the key '{name}' is missing", where=where or None)
    return cls(**checked)


def convert(hint: Any, value: Any, *, where: str) -> Any:
    """Return `value` as the type `hint`, without guessing.

    An int passes for a float and a list for a tuple; nothing else is turned into anything. What an
    `Annotated` type names beside it says what is wrong with a value, or None (`core.names`).

    Raises:
        ConfigError: naming the key, the value and the type that was expected.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        inner, *checks = arguments
        converted = convert(inner, value, where=where)
        for fault in filter(None, (check(converted) for check in checks)):
            raise ConfigError(f"{_show(value)} is not allowed: {fault}", where=where)
        return converted
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (inner,) = [argument for argument in arguments if argument is not type(None)]
        return convert(inner, value, where=where)
    if origin is Literal:
        for allowed in arguments:
            if value == allowed and type(value) is type(allowed):  # True == 1
                return value
        raise ConfigError(
            f"{_show(value)} is not allowed",
            where=where,
            remedy=did_you_mean(str(value), [str(allowed) for allowed in arguments]),
        )
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(convert(arguments[0], v, where=f"{where}[{i}]") for i, v in enumerate(value))
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, Mapping):
        return build(hint, value, where=where)
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, Mapping):
        names = [convert(arguments[0], str(name), where=where) for name in value]
        return {
            name: convert(arguments[1], inner, where=_join(where, name))
            for name, inner in zip(names, value.values(), strict=True)
        }
    if hint is Any:
        return value
    if hint is Path and isinstance(value, str | Path) and str(value):
        return Path(value).expanduser()
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint is float and number and isfinite(value):  # JSON, and so a record, knows no other
        return float(value)
    if (
        isinstance(hint, type)
        and hint is not float
        and isinstance(value, hint)
        and (hint is bool) == (value is True or value is False)
    ):
        return value
    remedy = "correct the value"
    if hint is str and isinstance(value, int | float):
        remedy = "write it in quotes that the shell leaves alone: '\"...\"'"
    raise ConfigError(f"{_show(value)} is not {_describe(hint)}", where=where, remedy=remedy)


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _show(value: Any) -> str:
    """Return a value as its author wrote it in YAML."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else f"'{value}'"


def _describe(hint: Any) -> str:
    plain = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    if hint in plain:
        return plain[hint]
    if get_origin(hint) is tuple:
        return "a list in brackets"
    return "a path" if hint is Path else "a mapping"
