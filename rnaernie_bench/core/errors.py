"""The errors a user can meet: what went wrong, where, and what to do about it."""

from __future__ import annotations

import re

_LONGEST = 1600
"""Letters of a message: what it quotes of a file may be of any length."""
_WORD = re.compile(r"\S{400,}")


class BenchError(Exception):
    """An expected failure, shown by the command line as one line and exit status 2.

    Args:
        what: what is wrong, in one sentence without a full stop.
        where: the file (with line or record), configuration key or URL it was found in.
        remedy: what the user can do.
    """

    def __init__(self, what: str, *, where: object = None, remedy: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"; {self.remedy}" if self.remedy else ""
        text = " ".join(f"{place}{self.what}{advice}".split())
        text = _WORD.sub(lambda found: f"{found[0][:120]}...{found[0][-40:]}", text)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


class ConfigError(BenchError):
    """A setting that is misspelt, of the wrong type, or contradicts another."""


class DataError(BenchError):
    """A data file that is missing, damaged, or does not say what its task declares."""


class TrackingError(BenchError):
    """An experiment tracker that cannot be reached or refuses what it is given."""


class ResultError(BenchError):
    """A run, record or prediction file that is missing, invalid or contradictory."""
