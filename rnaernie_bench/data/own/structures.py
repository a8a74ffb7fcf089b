"""Files of somebody's own structures, as a declaration has them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.own.spec import OwnData
from rnaernie_bench.data.sources import sha256
from rnaernie_bench.data.structure_files import read_structures, structure_files


def of_structures(data: OwnData, folder: Path) -> tuple[dict[str, Any], set[str]]:
    """Return the keys `header` and `files` of a declared data set, as `Level.own_data` has it.

    Raises:
        ConfigError: if columns or classes are named.
        DataError: if there is no such file, or one cannot be read as a structure.
    """
    if data.label or data.group or data.classes:
        raise ConfigError(
            "files of structures have no columns and no classes",
            where="label, group or classes",
            remedy="leave it out",
        )
    files: dict[str, dict[str, Any]] = {}
    for part, paths in data.parts.items():
        places: list[Path] = []
        for path in paths:
            if not path.exists():
                raise DataError("there is no such file", where=path, remedy="check the path")
            places += structure_files(path) if path.is_dir() else [path]
        names = [[record.id for record in read_structures(place)] for place in places]
        # b2ct of ViennaRNA, for one, gives all of its files one title.
        shared = max(Counter(name for found in names for name in {*found}).values()) > 1
        for place, found in zip(places, names, strict=True):
            files[f"{part}_{len(files)}"] = {
                "path": str(place.resolve()),
                "sha256": sha256(place.resolve()),
                "records": len(found),
                "part": part,
                **({"named": "file"} if shared else {}),
            }
    return {"header": "(?P<id>.+)", "files": files}, set()
