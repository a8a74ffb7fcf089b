"""How far a long step is: a bar in a terminal, elsewhere a line after ten seconds and each minute.

Steps lie in each other: training holds the scoring of validation. The outermost one shows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from rnaernie_bench.core import distributed
from rnaernie_bench.core.time_limit import duration

T = TypeVar("T")

Step = Callable[[int], object]
"""Called with the number of items that were just done."""

FIRST, EVERY = 10.0, 60.0
"""Seconds until the first line where there is no terminal, and between the others."""

DELAY = 2.0
"""Seconds that a step takes before a bar is worth drawing."""

_shown: ContextVar[bool] = ContextVar("progress", default=True)


@contextmanager
def shown(wanted: bool) -> Iterator[None]:
    """Show how far the steps inside are, or show none of them; within `shown(False)`, never."""
    former = _shown.get()
    _shown.set(former and wanted)
    try:
        yield
    finally:  # by value: a generator may end in another context than it began in
        _shown.set(former)


@contextmanager
def steps(
    what: str, total: int | None = None, unit: str = "items", *, bound: bool = False
) -> Iterator[Step]:
    """Show how far the work inside is, on standard error.

    Args:
        what: what is done, as the line begins: "embedding".
        total: how many items there are; None if nobody knows.
        unit: what they are called.
        bound: whether there are so many at most, as of a training that ends when it has converged.

    Yields:
        What is called with the number of items that were just done.
    """
    if not _shown.get() or not distributed.is_first():
        yield lambda done: None
        return
    with shown(False):
        if not sys.stderr.isatty():
            yield _Lines(what, total, unit, bound=bound)
            return
        from tqdm import tqdm

        bar = tqdm(desc=what, total=total, unit=f" {unit}", leave=False, delay=DELAY)
        with bar:
            yield bar.update


def tracked(
    items: Iterable[T], what: str, total: int | None = None, unit: str = "items"
) -> Iterator[T]:
    """Yield items, and show how many have been taken; see `steps`."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with steps(what, total, unit) as step:
        for item in items:
            yield item
            step(1)


class _Lines:
    """Writes a line now and then.

    Args:
        what: as in `steps`, like `total`, `unit` and `bound`.
        clock: returns seconds.
    """

    def __init__(
        self,
        what: str,
        total: int | None,
        unit: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        bound: bool = False,
    ) -> None:
        self.what = what
        self.most = "at most " if bound else ""
        self.total = total
        self.unit = unit
        self.clock = clock
        self.done = 0
        self.start = clock()
        self.due = self.start + FIRST

    def __call__(self, done: int) -> None:
        self.done += done
        now = self.clock()
        if now < self.due:
            return
        self.due = now + EVERY
        spent = now - self.start
        count = f"{self.done:,} {self.unit}"
        left = ""
        if self.total:
            count = f"{self.done:,} of {self.most}{self.total:,} {self.unit}"
            if self.done:
                remaining = spent / self.done * (self.total - self.done)
                left = f", {self.most}{duration(remaining)} left"
        tell(f"{self.what}: {count} in {duration(spent)}{left}")


def tell(line: str) -> None:
    """Write a line to standard error, above a bar if there is one."""
    tqdm = sys.modules.get("tqdm")
    if tqdm is not None:
        tqdm.tqdm.write(line, file=sys.stderr)
    else:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
