"""Benchmark and fine-tune RNA language models on declared tasks, RNAErnie first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnaernie_bench.core import moved

if TYPE_CHECKING:
    from rnaernie_bench.api import load_model, load_run, load_task, own_task, predict, run
    from rnaernie_bench.prediction.score import score

__version__ = "0.1.0"

__all__ = ["load_model", "load_run", "load_task", "own_task", "predict", "run", "score"]


moved.install()


def __getattr__(name: str) -> Any:
    """Import a function on first use: that takes a while."""
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    if name == "score":
        from rnaernie_bench.prediction.score import score

        return score
    from rnaernie_bench import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
