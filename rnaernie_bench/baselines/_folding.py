"""What baselines that fold, or find no pair, share: they learn nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.core.progress import tracked
from rnaernie_bench.task.catalogue import BaselineEntry
from rnaernie_bench.task.lengths import POLICIES, policies_of, remedy

if TYPE_CHECKING:
    from rnaernie_bench.learning.interface import FitContext, FitReport
    from rnaernie_bench.structure.decoders import DecodingOptions

Method = Literal["mfe", "mea", "none"]

MAX_BASES = 10_000
"""Longer sequences are not read: time grows with the cube of the length, memory with its square."""


@dataclass(frozen=True)
class FoldingOptions:
    """Folding without anything learned has no options."""

    name: str


@dataclass(frozen=True)
class Folding:
    """A way to fold that is what it is."""

    method: Method
    """ViennaRNA's `mfe` or `mea`, or `none` for no pair."""
    penalty: float = 0.0
    """What every pair costs besides, kcal/mol."""

    @property
    def decoding(self) -> DecodingOptions:
        """The pairs as they are."""
        from rnaernie_bench.structure.decoders import DecodingOptions

        return DecodingOptions(decoder="threshold", threshold=0.5, min_loop=0)

    def probabilities(self, sequences: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield index and a matrix of each sequence within the limit: 1 for its pairs, else 0.

        Raises:
            ConfigError: if ViennaRNA is needed and not installed.
        """
        from rnaernie_bench.structure.notations import NO_PAIRS
        from rnaernie_bench.structure.thermodynamics import fold_all

        places = [i for i, sequence in enumerate(sequences) if len(sequence) <= MAX_BASES]
        kept = [sequences[place] for place in places]
        if self.method == "none":
            found: Iterator[np.ndarray] = iter([NO_PAIRS] * len(kept))
        else:
            found = fold_all(kept, self.method, penalty=self.penalty)
        found = tracked(found, "folding", len(kept), "sequences")
        for index, sequence, pairs in zip(places, kept, found, strict=True):
            matrix = np.zeros((len(sequence), len(sequence)), dtype=np.float32)
            matrix[pairs[:, 0], pairs[:, 1]] = matrix[pairs[:, 1], pairs[:, 0]] = 1
            yield index, matrix

    def save(self, folder: Path) -> None:
        """Write method and penalty into `folder`."""
        text = json.dumps(asdict(self)) + "\n"
        (folder / "folding.json").write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class FoldedBases:
    """Folding that says whether each base pairs, and not with which."""

    folding: Folding

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return log-odds of pairing, float32 (bases, 1): one number for paired, its minus for not.

        Raises:
            ConfigError: if ViennaRNA is needed and not installed.
        """
        paired = {
            index: pairs.any(axis=0) for index, pairs in self.folding.probabilities(sequences)
        }
        blank = [paired.get(i, np.zeros(len(s), dtype=bool)) for i, s in enumerate(sequences)]
        return np.where(np.concatenate(blank), 2.0, -2.0).astype(np.float32)[:, None]

    def save(self, folder: Path) -> None:
        """Write the method into `folder`."""
        self.folding.save(folder)
        (folder / "bases").touch()


def fit_folding(
    method: Method, context: FitContext, options: FoldingOptions
) -> tuple[Folding | FoldedBases, FitReport]:
    """Return the method; there is nothing to fit.

    Raises:
        DataError: for a sequence over the limit under ``task.length=error``.
    """
    from rnaernie_bench.learning.interface import FitReport

    if POLICIES[context.config.task.length].refuses:
        _refuse_long(context)
    folding = Folding(method)
    fitted = folding if context.task.decodes else FoldedBases(folding)
    return fitted, FitReport(
        parameters=0,
        weights_sha256=None,
        max_bases=MAX_BASES,
        train_s=0.0,
        items_per_s=0.0,
        epochs=0,
        best_epoch=0,
        ended_by="optimum",
        trials=0,
        details={} if method == "none" else _version(),
    )


def _refuse_long(context: FitContext) -> None:
    for part, items in context.dataset.parts.items():
        for item in items:
            if len(item.sequence) > MAX_BASES:
                raise DataError(
                    f"the sequence has {len(item.sequence)} bases, {MAX_BASES} fit",
                    where=f"{context.dataset.name}, part {part}, record '{item.id}'",
                    remedy=remedy(policies_of(context.task.level_entry, context.task.problem)),
                )


def restore(folder: Path) -> Folding | FoldedBases:
    """Return what was saved into `folder`."""
    saved = json.loads((folder / "folding.json").read_text(encoding="utf-8"))
    folding = Folding(**saved)
    return FoldedBases(folding) if (folder / "bases").exists() else folding


def _version() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return {"viennarna": version("ViennaRNA")}
    except PackageNotFoundError:  # another build of it, or none: folding will tell
        return {}


def folding_entry(fit: str, summary: str) -> BaselineEntry:
    """Return the entry of a method.

    Args:
        fit: ``module:function``, `fit_folding` with its method.
        summary: a line of help.
    """
    return BaselineEntry(
        options=FoldingOptions,
        fit=fit,
        restore="rnaernie_bench.baselines._folding:restore",
        summary=summary,
        levels=("token", "contact"),
        problems=("binary",),
        reads=("task.length",),
    )
