"""Put tasks, configurations and records into a wheel, but never into an editable install.

An editable install reads them from the checkout; copies beside it would only grow stale.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = {"tasks": "tasks", "configs": "configs", "results": "records"}
"""Folder of the checkout -> its name inside the package (`results` is a module there)."""


class ShipResources(BuildHookInterface):
    """Adds the resource folders to standard wheels."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Extend what hatchling force-includes."""
        if version == "standard":
            for folder, name in SHIPPED.items():
                build_data["force_include"][folder] = f"rnaernie_bench/{name}"
