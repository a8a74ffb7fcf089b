"""All settings that a root takes, as the beginnings of words that shells complete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import get_type_hints


def words(
    root: type,
    groups: Mapping[str, Iterable[str]],
    options: Mapping[str, Iterable[type]],
) -> list[str]:
    """Return ``group=choice`` and ``key=`` of everything that can be set, in order of the fields.

    Args:
        root: the dataclass of all settings.
        groups: the choices of each of its groups.
        options: of groups whose members have options of their own, the dataclasses of these; of
            others the type of the field says them.
    """
    hints = get_type_hints(root)
    found: list[str] = []
    for field in fields(root):
        group = field.name
        found += [f"{group}={choice}" for choice in groups.get(group, ())]
        kinds = options.get(group, [hints[group]] if is_dataclass(hints[group]) else [])
        found += [key for kind in kinds for key in _keys(kind, f"{group}.")]
        if group not in groups and not kinds:
            found.append(f"{group}=")
    return list(dict.fromkeys(found))


def _keys(kind: type, prefix: str) -> Iterator[str]:
    for field in fields(kind):
        if field.name != "name":  # that is the choice itself
            yield f"{prefix}{field.name}="
