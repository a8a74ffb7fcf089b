"""Sequences to predict: the records of a FASTA file, or a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rnaernie_bench.core.errors import ConfigError, DataError
from rnaernie_bench.data.alphabet import normalise, refuse_foreign
from rnaernie_bench.data.fasta import read_named
from rnaernie_bench.data.text import source_name
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.prediction.predictor import Predictor
from rnaernie_bench.task.lengths import POLICIES, policies_of

Named = tuple[str, str]
"""Id and sequence."""


def read_sequences(predictor: Predictor, source: Path | str) -> Iterator[Named]:
    """Yield id and sequence of each record of a FASTA file.

    Raises:
        DataError: naming file and record of a sequence that the model cannot read.
    """
    for name, sequence in read_named(source, max_bases=predictor.limit, remedy=_remedy(predictor)):
        predictor.refuse_unreadable(sequence, f"{source_name(source)}, record '{name}'")
        yield name, sequence


def name_sequences(predictor: Predictor, sequences: Sequence[Any]) -> list[Named]:
    """Return sequences under their numbers, from 1."""
    named = []
    for number, text in enumerate(sequences, start=1):
        where = f"sequence {number}"
        if not isinstance(text, str):
            raise ConfigError("the run reads one sequence at a time", where=where)
        sequence = checked(text, where, limit=predictor.limit, remedy=_remedy(predictor))
        predictor.refuse_unreadable(sequence, where)
        named.append((str(number), sequence))
    return named


def checked(text: str, where: str, *, limit: int | None = None, remedy: str = "cut it") -> str:
    """Return a sequence as models read it: upper case, U for T.

    Raises:
        DataError: if it is empty, holds a letter outside the alphabet, or has more bases than
            `limit`.
    """
    sequence = normalise(text)
    if not sequence:
        raise DataError("the sequence is empty", where=where, remedy="leave it out")
    refuse_foreign(sequence, where)
    if limit is not None and len(sequence) > limit:
        raise DataError(
            f"the sequence has {len(sequence)} bases, {limit} fit", where=where, remedy=remedy
        )
    return sequence


def _remedy(predictor: Predictor) -> str:
    policies = policies_of(LEVELS.get(predictor.level), predictor.problem)
    reading = [policy for policy in policies if POLICIES[policy].reads]
    return "cut it" + (f", or use a run with task.length={' or '.join(reading)}" if reading else "")
