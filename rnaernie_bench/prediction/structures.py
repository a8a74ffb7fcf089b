"""A finished run of a contact-level task applied to new sequences: their base pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from rnaernie_bench.core.errors import ConfigError, ResultError
from rnaernie_bench.core.files import atomic_path
from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.evaluation.structures import decoded
from rnaernie_bench.learning.interface import FittedContacts
from rnaernie_bench.prediction.saved import (
    predicts_structures,
    read_predictor,
    restore_network,
    restored,
)
from rnaernie_bench.structure.decoders import DecodingOptions
from rnaernie_bench.structure.records import StructureRecord
from rnaernie_bench.structure.writers import WRITERS, write_structures

CHUNK = 64
"""Sequences held in memory at a time, with the probabilities of their pairs."""

LEAST = 0.01
"""The smallest probability of a pair that is written, unless the pair was decoded."""

PICTURES = (".svg", ".png")


@dataclass(frozen=True)
class PredictedStructure:
    """What a model says of one sequence."""

    record: StructureRecord
    """The sequence with its decoded pairs."""
    probabilities: np.ndarray
    """float32 of shape (bases, bases)."""


@dataclass(frozen=True)
class ContactPredictor:
    """A fitted model with its decoder and limit."""

    fitted: FittedContacts
    decoding: DecodingOptions
    """As validation chose it."""
    max_bases: int | None


def load_contact_run(folder: Path) -> ContactPredictor:
    """Return the model of a finished run of a contact-level task whose base pairs are decoded.

    Args:
        folder: the run's folder, which holds `model/`.

    Raises:
        ResultError: if there is no whole model in it, or one of another level.
    """
    saved = read_predictor(folder)
    if not predicts_structures(saved):
        raise ResultError("the run predicts no contacts", where=folder, remedy="name another run")
    fitted: FittedContacts = restored(folder, saved, restore_network)
    return ContactPredictor(fitted, DecodingOptions(**saved["decoding"]), saved["max_bases"])


def predict_contacts(
    predictor: ContactPredictor, source: Path | str
) -> Iterator[PredictedStructure]:
    """Yield the structure of each record of a FASTA file, in its order.

    Args:
        predictor: the model.
        source: a FASTA file, plain or gzip; `-` is standard input.

    Raises:
        DataError: for a malformed file, a repeated id, or a sequence over the limit.
    """
    remedy = "cut it; runs of vienna_mfe read up to 10,000"
    records = read_named(source, max_bases=predictor.max_bases, remedy=remedy)
    while chunk := list(islice(records, CHUNK)):
        names, sequences = zip(*chunk, strict=True)
        found = {
            index: PredictedStructure(
                StructureRecord(names[index], sequences[index], pairs), matrix
            )
            for index, matrix, pairs in decoded(predictor.fitted, sequences, predictor.decoding)
        }
        yield from (found[index] for index in range(len(chunk)))


def check_output(output: Path | None, picture: Path | None) -> None:
    """Refuse names whose end says nothing, before anything is computed.

    Raises:
        ConfigError: naming the ends there are.
    """
    ends = (*WRITERS, *(f"{end}.gz" for end in WRITERS), ".tsv")
    if output is not None and not output.name.endswith(ends):
        raise ConfigError(
            f"'{output.suffix}' is no format of structures",
            where=output,
            remedy=f"use {', '.join(ends)}",
        )
    if picture is not None and picture.suffix not in PICTURES:
        raise ConfigError(
            f"'{picture.suffix}' is no format of pictures",
            where=picture,
            remedy=f"use {' or '.join(PICTURES)}",
        )


def write_contacts(path: Path, structures: Iterable[PredictedStructure]) -> int:
    """Write structures as the end of the name says, whole or not at all.

    Returns:
        The number of sequences.

    Raises:
        BenchError: if the file cannot be written.
    """
    count = 0

    def counted() -> Iterator[PredictedStructure]:
        nonlocal count
        for structure in structures:
            count += 1
            yield structure

    if path.suffix == ".tsv":
        with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            file.write("id\ti\tj\tbases\tprobability\tdecoded\n")
            for structure in counted():
                file.writelines(_lines(structure))
    else:
        write_structures(path, (structure.record for structure in counted()))
    return count


def _lines(structure: PredictedStructure) -> Iterator[str]:
    """Yield a line a pair, bases counted from 1: the likely ones and those that were decoded."""
    record, matrix = structure.record, structure.probabilities
    chosen = {(i, j) for i, j in record.pairs.tolist()}
    likely = {(i, j) for i, j in np.argwhere(np.triu(matrix, k=1) >= LEAST).tolist()}
    for i, j in sorted(chosen | likely):
        bases = record.sequence[i] + record.sequence[j]
        decoded_too = "yes" if (i, j) in chosen else "no"
        yield f"{record.id}\t{i + 1}\t{j + 1}\t{bases}\t{matrix[i, j]:.6f}\t{decoded_too}\n"


def draw(structure: PredictedStructure, path: Path) -> None:
    """Draw the pairs of a sequence as arcs, likely ones more opaque, to an SVG or PNG file.

    Raises:
        BenchError: if the file cannot be written.
    """
    from rnaernie_bench.core.figures import save_figure
    from rnaernie_bench.structure.pictures import arc_figure

    record = structure.record
    figure = arc_figure(
        record.sequence, record.pairs, title=record.id, probabilities=structure.probabilities
    )
    save_figure(figure, path)
