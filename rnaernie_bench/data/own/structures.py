"""Files of somebody's own structures, as a declaration has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.sources import sha256
from rnaernie_bench.data.structure_files import read_structures, structure_files


def structure_dataset(parts: Mapping[str, tuple[Path, ...]]) -> dict[str, Any]:
    """Return the keys `header` and `files` of a declared data set of base pairs.

    Args:
        parts: the files of each part, or folders of them; empty parts are left out.

    Raises:
        DataError: if there is no such file, or one cannot be read as a structure.
    """
    files: dict[str, dict[str, Any]] = {}
    for part, paths in parts.items():
        for path in paths:
            if not path.exists():
                raise DataError("there is no such file", where=path, remedy="check the path")
            for file in structure_files(path) if path.is_dir() else [path]:
                place = file.resolve()
                files[f"{part}_{len(files)}"] = {
                    "path": str(place),
                    "sha256": sha256(place),
                    "records": sum(1 for _ in read_structures(place)),
                    "part": part,
                }
    return {"header": "(?P<id>.+)", "files": files}
