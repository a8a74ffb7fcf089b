"""Everything that `rnaernie-bench doctor` looks at, one thing after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rnaernie_bench.core.checks import Finding, of_error
from rnaernie_bench.doctor import installation, places


def examine(
    *,
    task_folders: Iterable[Path] = (),
    runs_dir: Path = Path("runs"),
    tracking_uri: str | None = None,
    full: bool = False,
) -> Iterator[Finding]:
    """Yield what is found, as it is found; what cannot be looked at is a problem, and no end.

    Args:
        task_folders: further folders of tasks.
        runs_dir: where runs would be written.
        tracking_uri: of a tracking server; None for the database in `runs_dir`.
        full: whether data files are compared with their checksums and heavy modules imported.
    """
    folders = list(task_folders)
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("packages", installation.packages),
        ("accelerator", installation.accelerator),
        ("plug-ins", installation.plugins),
        ("embedded weights", places.weights),
        ("data", lambda: places.data(folders, full=full)),
        ("cache", places.cache),
        ("runs", lambda: places.storage(runs_dir)),
        ("tracking", lambda: places.tracking(runs_dir, tracking_uri)),
    ]
    if full:
        checks.append(("imports", installation.imports))
    for subject, check in checks:
        try:
            yield from check()
        except Exception as error:  # a broken library may raise anything, and the rest matters too
            yield of_error(error, subject)
