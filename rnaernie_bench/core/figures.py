"""Figures as files: drawn without pyplot, so without windows and global state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.core.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS_PER_INCH = 160


def save_figure(figure: Figure, path: Path) -> None:
    """Write `figure` to `path` as its suffix says; equal figures give equal files.

    Args:
        figure: a finished figure.
        path: ends in `.png` or `.svg`.

    Raises:
        BenchError: if the suffix is another one or the folder cannot be written.
    """
    import matplotlib

    kind = path.suffix.removeprefix(".").lower()
    if kind not in ("png", "svg"):
        raise BenchError(
            f"'{path.suffix}' is no picture format", where=path, remedy="use .png or .svg"
        )
    # Both formats would else hold the hour or the program, and svg random ids.
    unstamped = {"Software": None} if kind == "png" else {"Date": None}
    with atomic_path(path) as partial, matplotlib.rc_context({"svg.hashsalt": "rnaernie-bench"}):
        figure.savefig(partial, format=kind, metadata=unstamped)
