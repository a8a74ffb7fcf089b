"""What a check found: one line each, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rnaernie_bench.core.errors import BenchError

Status = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    status: Status
    """`problem`: something cannot work; `warning`: something is missing or questionable."""
    subject: str
    """What was looked at."""
    what: str
    """What was found, in one sentence without a full stop."""
    remedy: str = ""
    """What the user can do; empty where all is well."""

    def __str__(self) -> str:
        advice = f"; {self.remedy}" if self.remedy else ""
        text = " ".join(f"{self.subject}: {self.what}{advice}".split())
        return f"{self.status:<7}  {text}"


def of_error(error: Exception, subject: str) -> Finding:
    """Return the problem that an exception tells of; the folder of the user is not spelt out."""
    if isinstance(error, BenchError):
        place = f"{error.where}: " if error.where else ""
        return Finding("problem", subject, without_home(place + error.what), error.remedy or "")
    lines = str(error).strip().splitlines() or [""]
    return Finding(
        "problem",
        subject,
        without_home(f"{type(error).__name__}: {lines[0]}"),
        "repair what the message names, then repeat",
    )


def without_home(text: str) -> str:
    """Return `text` with the user's home folder written as ``~``."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text


def failed(findings: list[Finding]) -> bool:
    """Return whether one of them is a problem."""
    return any(finding.status == "problem" for finding in findings)
