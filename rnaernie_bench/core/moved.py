"""Modules that 0.1.0 documented under another name: importable for one release, with a warning."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

PACKAGE = "rnaernie_bench"

MOVED = {
    "catalogue": "task.catalogue",
    "embedding": "prediction.embed",
    "errors": "core.errors",
    "fitting": "learning.interface",
    "validation": "core.schema",
}
"""Old name -> new name, both below the package."""


class _MovedModule(Loader):
    """Makes a module whose attributes are those of another."""

    def __init__(self, new_name: str) -> None:
        self.new_name = new_name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return an empty module that looks its attributes up where they are now."""
        warnings.warn(
            f"{spec.name} is {self.new_name} now; the old name goes with the next release",
            DeprecationWarning,
            stacklevel=2,
        )
        module = ModuleType(spec.name, f"Moved to `{self.new_name}`.")
        current = importlib.import_module(self.new_name)
        module.__getattr__ = lambda name: getattr(current, name)  # type: ignore[method-assign]
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module holds nothing of its own."""


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a module that stands for the one it became, if `fullname` was documented."""
        new_name = MOVED.get(fullname.removeprefix(f"{PACKAGE}."))
        if new_name is None or not fullname.startswith(f"{PACKAGE}."):
            return None
        return ModuleSpec(fullname, _MovedModule(f"{PACKAGE}.{new_name}"))


def install() -> None:
    """Let imports find moved modules, after all that exist."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
