"""A limit of time on a whole command, which whatever works in steps asks whether to go on."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rnaernie_bench.core.errors import BenchError

_limit: ContextVar[tuple[float, float] | None] = ContextVar("time limit", default=None)
"""Minutes, and the moment at which they are over."""


INTERRUPTED = "interrupted, as the time of"
"""How the message of a command begins whose time is over."""


class TimeLimitError(BenchError):
    """The time of a command is over; what it had begun can be continued."""


@contextmanager
def time_limit(minutes: float | None) -> Iterator[None]:
    """Limit what the block does to some minutes; None: as long as it takes."""
    ends = None if minutes is None else (minutes, time.monotonic() + 60 * minutes)
    token = _limit.set(ends)
    try:
        yield
    finally:
        _limit.reset(token)


def seconds_left() -> float:
    """Return the seconds that are left, below 0 once the time is over; infinity without a limit."""
    limit = _limit.get()
    return math.inf if limit is None else limit[1] - time.monotonic()


def check_time() -> None:
    """Go on only while there is time.

    Raises:
        TimeLimitError: once it is over.
    """
    if seconds_left() < 0:
        stop_for_time()


def stop_for_time() -> None:
    """End the command because its time is over.

    Raises:
        TimeLimitError: always.
    """
    minutes = (_limit.get() or (0.0, 0.0))[0]
    raise TimeLimitError(
        f"{INTERRUPTED} {minutes:g} minutes is over",
        where="trainer.max_train_minutes",
        remedy="the same command goes on from the last checkpoint",
    )


def duration(seconds: float) -> str:
    """Return a time for people, to the second, minute or tenth of an hour."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
