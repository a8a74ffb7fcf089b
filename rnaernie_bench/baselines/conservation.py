"""Variants ranked by how little conserved the changed positions are, by an alignment."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.baselines._mutations import mutation_entry, reference_of, untrained_report
from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.learning.interface import RANKS

if TYPE_CHECKING:
    import numpy as np

    from rnaernie_bench.learning.interface import FitContext, FitReport

BASES = "ACGU"
_GAPS = str.maketrans("", "", ".-~_")


@dataclass(frozen=True)
class ConservationOptions:
    """Where the alignment is."""

    name: str
    source: str = "rfam/rfam_14.2_seed_stockholm.tar.gz"
    """A file of Stockholm alignments, or a tar archive of such, of one's own or below a folder of
    `$RNAERNIE_BENCH_DATA`; of several, the first with the reference among its rows counts."""


@dataclass(frozen=True)
class Conservation:
    """What each position of a reference is conserved by."""

    reference: str
    bits: tuple[float, ...]
    """Of each position, from 0 to 2."""
    tells = RANKS

    def logits(self, inputs: Sequence[str]) -> np.ndarray:
        """Return minus the sum over changed positions, float32 of shape (sequences, 1).

        Raises:
            DataError: for a sequence of another length than the reference.
        """
        import numpy as np

        from rnaernie_bench.data.variants import positions

        for sequence in inputs:
            if len(sequence) != len(self.reference):
                raise DataError(
                    f"the variant has {len(sequence)} bases, the reference {len(self.reference)}",
                    where=f"sequence {sequence[:20]}...",
                    remedy="leave it out",
                )
        sums = [-sum(self.bits[p - 1] for p in positions(s, self.reference)) for s in inputs]
        return np.array(sums, dtype=np.float32).reshape(-1, 1)

    def save(self, folder: Path) -> None:
        """Write reference and conservation into `folder`."""
        said = {"reference": self.reference, "bits": self.bits}
        (folder / "conservation.json").write_text(json.dumps(said) + "\n", encoding="utf-8")


def restore(folder: Path) -> Conservation:
    """Return what `Conservation.save` wrote."""
    said = json.loads((folder / "conservation.json").read_text(encoding="utf-8"))
    return Conservation(said["reference"], tuple(said["bits"]))


def fit(context: FitContext, options: ConservationOptions) -> tuple[Conservation, FitReport]:
    """Count the bases of the alignment's columns.

    Raises:
        ConfigError: if there is no such file, or no alignment in it has the reference as a row.
        DataError: if the file is damaged.
    """
    started = time.perf_counter()
    reference = reference_of(context, options.name)
    rows, number = aligned_with(reference, _located(options))
    found = Conservation(reference, conserved(rows, number))
    report = untrained_report(context, len(reference))
    return found, replace(
        report,
        weights_sha256=weights_sha256(options),
        train_s=time.perf_counter() - started,
        details={"aligned": len(rows)},
    )


def aligned_with(reference: str, path: Path) -> tuple[list[str], int]:
    """Return the rows of the alignment that the reference is in, normalised, and which it is.

    Raises:
        ConfigError: if no alignment of the file has it as a whole row.
    """
    from rnaernie_bench.data.alphabet import normalise
    from rnaernie_bench.data.stockholm import read_alignments

    for alignment in read_alignments(path):
        rows = [normalise(row) for row in alignment.rows.values()]
        for number, row in enumerate(rows):
            if row.translate(_GAPS) == reference:
                return rows, number
    raise ConfigError(
        "no alignment has the reference as a row",
        where=path,
        remedy="align the reference with its relatives, and name that file in backbone.source",
    )


def conserved(rows: Sequence[str], number: int) -> tuple[float, ...]:
    """Return the information of each base of a row, in bits.

    It is 2 minus the entropy of the four bases in the column, one of each being counted beforehand;
    gaps and other letters are left out.

    Args:
        rows: of one length, with gaps.
        number: of the row.
    """
    import numpy as np

    found = []
    for column, letter in enumerate(rows[number]):
        if letter in BASES:
            seen = [row[column] for row in rows]
            shares = np.array([1 + seen.count(base) for base in BASES], dtype=np.float64)
            shares /= shares.sum()
            found.append(float(2 + (shares * np.log2(shares)).sum()))
    return tuple(found)


def weights_sha256(options: ConservationOptions) -> str:
    """Return the SHA-256 of the file."""
    from rnaernie_bench.data.sources import sha256

    return sha256(_located(options))


def _located(options: ConservationOptions) -> Path:
    from rnaernie_bench.data.sources import own_or_found

    path = own_or_found(options.source)
    if path is None:
        raise ConfigError(
            "the alignments are neither a file nor in a folder of RNAERNIE_BENCH_DATA",
            where=options.source,
            remedy="name a file of Stockholm alignments in backbone.source",
        )
    return path


ENTRY = replace(
    mutation_entry("variants: how little conserved the changed positions are in an alignment"),
    options=ConservationOptions,
    fit="rnaernie_bench.baselines.conservation:fit",
    restore="rnaernie_bench.baselines.conservation:restore",
    weights_sha256="rnaernie_bench.baselines.conservation:weights_sha256",
)
