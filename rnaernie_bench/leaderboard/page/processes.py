"""Work on many pages spread over processes, which are forked and so inherit what they work on."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

from rnaernie_bench.core.progress import tracked

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_PROCESSES = 8

_work: Callable[[Any], Any]
"""In a forked process: what it was made for."""


def spread(work: Callable[[Item], Result], items: Sequence[Item], *, least: int) -> list[Result]:
    """Return what `work` makes of each item, in their order.

    Where the system does not fork safely, or has one processor, it is done here.

    Args:
        work: need not be picklable, what it takes and returns must be.
        items: what it is called with.
        least: of fewer items, no processes are made.

    Raises:
        Exception: as `work` does.
    """
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    workers = min(processors, MOST_PROCESSES)
    if workers < 2 or len(items) < max(least, 2):
        return list(map(work, tracked(items, "building pages", unit="pages")))
    share = -(-len(items) // (32 * workers))
    gc.freeze()  # a collector that looks at what is inherited would copy all of it
    try:
        with ProcessPoolExecutor(workers, get_context("fork"), _adopt, (work,)) as pool:
            found = pool.map(_call, items, chunksize=share)
            return list(tracked(found, "building pages", len(items), "pages"))
    finally:
        gc.unfreeze()


def _adopt(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    gc.enable()  # what was inherited is frozen, what is made here may hold cycles


def _call(item: Any) -> Any:
    return _work(item)
