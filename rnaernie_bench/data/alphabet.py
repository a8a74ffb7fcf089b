"""The letters a sequence may hold, and how input is brought to them.

The alphabet is MultiMolecule's standard RNA alphabet without its gap and stop marks; a test
compares the two. It is written out here because importing MultiMolecule takes seconds.
"""

from __future__ import annotations

import re
from string import ascii_lowercase

from rnaernie_bench.core.errors import DataError

LETTERS = "ACGUNRYSWKMBDHVIX"
"""The four bases, then the IUPAC codes, inosine and unknown, in MultiMolecule's order."""

_UPPER = {ord(letter): letter.upper() for letter in ascii_lowercase} | {ord(t): "U" for t in "tT"}

_FOREIGN = re.compile(f"[^{LETTERS}]")


def normalise(sequence: str) -> str:
    """Return `sequence` in upper case with T read as U; letters beyond ASCII stay as they are.

    Of these some, such as the dotless i, have an RNA letter for their upper case.
    """
    if not sequence.isascii():
        return sequence.translate(_UPPER)
    return sequence.upper().replace("T", "U")


def foreign_letter(sequence: str) -> tuple[int, str] | None:
    """Find the first letter outside the alphabet in a normalised `sequence`.

    Returns:
        Its 0-based position and itself, or None if all letters are known.
    """
    match = _FOREIGN.search(sequence)
    return (match.start(), match.group()) if match else None


def refuse_foreign(sequence: str, where: str) -> None:
    """Check a normalised `sequence` that stands at `where`.

    Raises:
        DataError: naming the first letter outside the alphabet and its position, from 1.
    """
    foreign = foreign_letter(sequence)
    if foreign:
        position, letter = foreign
        raise DataError(
            f"foreign letter {letter!r} at position {position + 1} of the sequence",
            where=where,
            remedy="name files of structures .dbn, and take structures out of sequences"
            if letter in ".()[]{}<>"
            else f"sequences are written in T and the letters {LETTERS}",
        )


def checked_sequence(text: str, where: str) -> str:
    """Return `text` as a normalised sequence.

    Raises:
        DataError: naming `where`, position and letter, if it holds a foreign letter.
    """
    sequence = normalise(text)
    refuse_foreign(sequence, where)
    return sequence
