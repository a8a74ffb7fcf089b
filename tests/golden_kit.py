"""Finished runs of release 0.1.0, see tests/golden/README.md."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

ARCHIVES = Path(__file__).parent / "golden"
KINDS = sorted(path.stem for path in ARCHIVES.glob("*.zip"))


def unpack(kind: str, folder: Path) -> Path:
    """Return the folder of a kind below `folder`: `run/`, inputs and what is expected of them."""
    target = folder / kind
    if not target.is_dir():
        with ZipFile(ARCHIVES / f"{kind}.zip") as archive:
            archive.extractall(target)
    return target
