"""What an unfinished file of embeddings is made of, so that the same command goes on with it.

Full blocks lie in a hidden folder beside the file until that is written. A block is taken from
there if it is of the same sequences, by the same model and settings.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnaernie_bench.core.files import atomic_path

if TYPE_CHECKING:
    from rnaernie_bench.prediction.embed import Embeddings


class Parts:
    """The blocks of one file that have been computed.

    Args:
        path: the file.
        settings: everything that its numbers depend on, beside the sequences.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.folder = path.with_name(f".{path.name}.parts")
        self._key = json.dumps(settings, sort_keys=True)

    def _file(self, names: Sequence[str], sequences: Sequence[str]) -> Path:
        said = json.dumps([self._key, [*names], [*sequences]])
        return self.folder / f"{hashlib.sha256(said.encode()).hexdigest()[:32]}.npz"

    def take(self, names: Sequence[str], sequences: Sequence[str]) -> Embeddings | None:
        """Return a block that was computed before; None if it was not."""
        from rnaernie_bench.prediction.embed import Embeddings

        path = self._file(names, sequences)
        if not path.is_file():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return Embeddings(arrays["rows"], arrays["offsets"])

    def keep(self, names: Sequence[str], sequences: Sequence[str], embeddings: Embeddings) -> None:
        """Keep a block."""
        with atomic_path(self._file(names, sequences)) as temporary, temporary.open("wb") as file:
            np.savez(file, rows=embeddings.rows, offsets=embeddings.offsets)

    def remove(self) -> None:
        """Remove all of them: the file is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)
