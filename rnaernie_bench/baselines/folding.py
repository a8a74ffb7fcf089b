"""Baselines that learn nothing: folding by free energy with ViennaRNA, and no pair at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from rnaernie_bench.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.fitting import FitContext, FitReport
    from rnaernie_bench.structure.decoders import DecodingOptions

Method = Literal["mfe", "mea", "none"]


@dataclass(frozen=True)
class FoldingOptions:
    """Folding without anything learned has no options."""

    name: str


@dataclass(frozen=True)
class Folding:
    """A way to fold that is what it is."""

    method: Method
    """ViennaRNA's `mfe` or `mea`, or `none` for no pair."""

    @property
    def decoding(self) -> DecodingOptions:
        """The pairs as they are."""
        from rnaernie_bench.structure.decoders import DecodingOptions

        return DecodingOptions(decoder="threshold", threshold=0.5, min_loop=0)

    def probabilities(self, sequences: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield index and a matrix of each sequence, of any length: 1 for its pairs, else 0.

        Raises:
            ConfigError: if ViennaRNA is needed and not installed.
        """
        from rnaernie_bench.structure.notations import NO_PAIRS
        from rnaernie_bench.structure.thermodynamics import fold_all

        if self.method == "none":
            found: Iterator[np.ndarray] = iter([NO_PAIRS] * len(sequences))
        else:
            found = fold_all(sequences, self.method)
        for index, (sequence, pairs) in enumerate(zip(sequences, found, strict=True)):
            matrix = np.zeros((len(sequence), len(sequence)), dtype=np.float32)
            matrix[pairs[:, 0], pairs[:, 1]] = matrix[pairs[:, 1], pairs[:, 0]] = 1
            yield index, matrix

    def save(self, folder: Path) -> None:
        """Write the method into `folder`."""
        text = json.dumps({"method": self.method}) + "\n"
        (folder / "folding.json").write_text(text, encoding="utf-8")


def fit(context: FitContext, options: FoldingOptions) -> tuple[Folding, FitReport]:
    """Return the method that the name stands for; there is nothing to fit."""
    from rnaernie_bench.fitting import FitReport

    methods: dict[str, Method] = {"vienna_mfe": "mfe", "vienna_mea": "mea", "unpaired": "none"}
    return Folding(methods[options.name]), FitReport(
        parameters=0,
        weights_sha256=None,
        max_bases=None,
        train_s=0.0,
        items_per_s=0.0,
        epochs=0,
        best_epoch=0,
        stopped_by="optimum",
        trials=0,
        details=_version() if options.name != "unpaired" else {},
    )


def restore(folder: Path) -> Folding:
    """Return what `Folding.save` wrote."""
    saved = json.loads((folder / "folding.json").read_text(encoding="utf-8"))
    return Folding(saved["method"])


def _version() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {"viennarna": version("ViennaRNA")}
    except PackageNotFoundError:  # another build of it, or none: folding will tell
        return {}


def _entry(summary: str) -> BaselineEntry:
    return BaselineEntry(
        options=FoldingOptions,
        fit="rnaernie_bench.baselines.folding:fit",
        restore="rnaernie_bench.baselines.folding:restore",
        summary=summary,
        levels=("contact",),
    )


VIENNA_MFE = _entry("the structure of minimum free energy by ViennaRNA")
VIENNA_MEA = _entry("the structure of maximum expected accuracy by ViennaRNA")
UNPAIRED = _entry("no pair, whatever the sequence")
