"""One registry for everything that can be chosen by name: tasks' heads, backbones, strategies.

A registry knows built-in targets as ``"module:object"`` strings, or as the modules of a package,
which are imported only when requested, and entry points of other installed packages, which are
looked up only when a name is not built in or all names are listed.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar, cast

from rnaernie_bench.core.errors import BenchError, ConfigError

logger = logging.getLogger(__name__)

T = TypeVar("T")


def did_you_mean(name: str, known: Iterator[str] | list[str]) -> str:
    """Return a remedy for an unknown `name`: the nearest known names, or all of them."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    return "choose one of " + ", ".join(names) if names else "none is known"


def modules_of(package: str) -> list[str]:
    """Return the modules of a package by their own names, without importing it.

    Packages, and modules that begin with an underscore, are left out.
    """
    spec = find_spec(package)
    places = (spec.submodule_search_locations if spec else None) or ()
    return [m.name for m in iter_modules(places) if not m.ispkg and not m.name.startswith("_")]


def resolve(target: str) -> Callable[..., Any]:
    """Import and return what a ``module:function`` string of an entry names.

    Raises:
        ConfigError: if the module raises, or holds no such function.
    """
    module, _, attribute = target.partition(":")
    try:
        function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except BenchError:
        raise
    except (Exception, SystemExit) as error:  # a plug-in may raise anything on import
        raise ConfigError(
            f"it cannot be loaded: {type(error).__name__}: {error}",
            where=target,
            remedy="repair or uninstall the package it comes from",
        ) from error
    return function


class Registry(Generic[T]):
    """Objects of one kind by name, loaded when first requested.

    Args:
        kind: what the objects are, in the singular, for messages ("backbone").
        targets: built-in names and where to find them, as ``"module:object"``, or the objects.
        package: the dotted name of a package of which each module is built in under its own name,
            with the object `ENTRY`, but for those of `modules_of` that are left out.
        group: the entry-point group that other packages register under.
        types: what an entry point may name an instance of; anything if empty.
        unlisted: built-in names that can be chosen, but are not among those that are listed.
    """

    def __init__(
        self,
        kind: str,
        targets: Mapping[str, str | T] | None = None,
        *,
        package: str | None = None,
        group: str | None = None,
        types: tuple[type, ...] = (),
        unlisted: Collection[str] = (),
    ) -> None:
        self.kind = kind
        self.group = group
        self.types = types
        self.unlisted = frozenset(unlisted)
        modules = modules_of(package) if package else ()
        self._targets: dict[str, str | T] = {name: f"{package}.{name}:ENTRY" for name in modules}
        self._targets |= targets or {}
        self._builtin = frozenset(self._targets)
        self._plugins: dict[str, EntryPoint] | None = None

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers its object as `name`.

        Raises:
            ConfigError: if the name is taken by another object.
        """

        def decorate(target: T) -> T:
            if self._targets.get(name, target) is not target:
                raise ConfigError(f"{self.kind} '{name}' is registered already", where=name)
            self._targets[name] = target
            return target

        return decorate

    def get(self, name: str) -> T:
        """Return the object called `name`.

        Raises:
            ConfigError: if the name is unknown or what it names cannot be imported.
        """
        target: Any = self._targets.get(name)
        if target is None:
            entry = self._entry_points().get(name)
            if entry is None:
                raise ConfigError(
                    f"no {self.kind} is called '{name}'",
                    where=self.kind,
                    remedy=did_you_mean(name, list(self)),
                )
            target = self._guarded(name, entry.load, entry.value)
            if self.types and not isinstance(target, self.types):
                wanted = " or ".join(sorted(kind.__name__ for kind in self.types))
                raise ConfigError(
                    f"{self.kind} '{name}' is of the type {type(target).__name__}, not {wanted}",
                    where=entry.value,
                    remedy=f"let the entry point of {_package(entry)} name such an object",
                )
        elif isinstance(target, str):
            module, _, attribute = target.partition(":")
            target = self._guarded(
                name, lambda: getattr(importlib.import_module(module), attribute), module
            )
        self._targets[name] = target
        return cast(T, target)

    @property
    def builtin(self) -> frozenset[str]:
        """The names that this package brings, unlisted ones and all."""
        return self._builtin

    def plugin(self, name: str) -> EntryPoint | None:
        """Return the entry point that brings `name`; None for what is built in or unknown."""
        return None if name in self._builtin else self._entry_points().get(name)

    def working(self) -> Iterator[tuple[str, T]]:
        """Yield name and object of all that can be loaded; the others are warned of."""
        for name in self:
            try:
                yield name, self.get(name)
            except ConfigError as error:
                logger.warning("the %s '%s' is left out: %s", self.kind, name, error)

    def _guarded(self, name: str, load: Callable[[], Any], source: str) -> Any:
        try:
            return load()
        except (Exception, SystemExit) as error:  # a plug-in may raise anything on import
            raise ConfigError(
                f"{self.kind} '{name}' cannot be loaded: {type(error).__name__}: {error}",
                where=source,
                remedy="repair or uninstall the package it comes from; everything else still works",
            ) from error

    def _entry_points(self) -> dict[str, EntryPoint]:
        if self._plugins is None:
            self._plugins = {}
            for entry in entry_points(group=self.group) if self.group else ():
                if entry.name in self._builtin or entry.name in self._plugins:
                    logger.warning(
                        "the %s '%s' of %s is left out: the name is taken",
                        self.kind, entry.name, _package(entry),
                    )  # fmt: skip
                else:
                    self._plugins[entry.name] = entry
        return self._plugins

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._targets, *self._entry_points()} - self.unlisted))

    def __contains__(self, name: object) -> bool:
        return name in self._targets or name in self._entry_points()


def _package(entry: EntryPoint) -> str:
    """Return the distribution that an entry point comes from, as far as it is known."""
    return entry.dist.name if entry.dist else entry.value
