"""Files of somebody's own structures, as a declaration has them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.own.spec import OwnData
from rnaernie_bench.data.own.tables import of_items
from rnaernie_bench.data.sources import sha256
from rnaernie_bench.data.structure_files import kind_of, read_structures, structure_files

logger = logging.getLogger(__name__)


def of_structures(data: OwnData, folder: Path) -> tuple[dict[str, Any], set[str]]:
    """Return the keys of a declared data set, as `Level.own_data` has it.

    They are `header` and `files`, or, where a column of structures is named, `tables`.

    Raises:
        ConfigError: if columns or classes are named that there are not.
        DataError: if there is no such file, or one cannot be read as a structure.
    """
    paths = [path for files in data.parts.values() for path in files]
    of_files = any(path.is_dir() or kind_of(path) for path in paths)
    if data.classes or (of_files and (data.label or data.group)):
        raise ConfigError(
            "files of structures have no columns and no classes",
            where="label, group or classes",
            remedy="leave it out",
        )
    if not data.label and data.first_base is not None:
        raise ConfigError("it is about tables", where="first_base", remedy="leave it out")
    if data.label:
        return of_items(data, folder)
    files: dict[str, dict[str, Any]] = {}
    for part, named in data.parts.items():
        files |= _part(data, part, named, len(files))
    return {"header": "(?P<id>.+)", "files": files}, set()


def _part(
    data: OwnData, part: str, paths: Iterable[Path], before: int
) -> dict[str, dict[str, Any]]:
    """Return the declarations of a part's files, called by numbers after those `before`."""
    places: list[Path] = []
    for path in paths:
        if not path.exists():
            raise DataError("there is no such file", where=path, remedy="check the path")
        places += structure_files(path) if path.is_dir() else [path]
    wrong: list[dict[int, DataError]] = [{} for _ in places]
    names = [
        [record.id for record in read_structures(place, refused=refused)]
        if data.skip_invalid
        else [record.id for record in read_structures(place)]
        for place, refused in zip(places, wrong, strict=True)
    ]
    for error in (error for refused in wrong for error in refused.values()):
        logger.warning("left out: %s", error)
    # b2ct of ViennaRNA, for one, gives all of its files one title.
    shared = max(Counter(name for found in names for name in {*found}).values(), default=0) > 1
    return {
        f"{part}_{number}": {
            "path": str(place.resolve()),
            "sha256": sha256(place.resolve()),
            "records": len(found),
            "part": part,
            **({"named": "file"} if shared else {}),
            **({"left_out": sorted(refused)} if refused else {}),
        }
        for number, (place, found, refused) in enumerate(
            zip(places, names, wrong, strict=True), start=before
        )
        if found
    }
