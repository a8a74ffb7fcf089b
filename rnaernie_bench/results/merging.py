"""Many records brought into a folder of results: others', all or none of them; or own runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rnaernie_bench.core.errors import ResultError
from rnaernie_bench.core.files import visible
from rnaernie_bench.core.parquet import try_out
from rnaernie_bench.results.bundle import unpack
from rnaernie_bench.results.predictions import Predictions
from rnaernie_bench.results.record import Record
from rnaernie_bench.results.shared import items_path, shared_name
from rnaernie_bench.results.store import (
    folder_problems,
    import_run,
    publishable,
    read_record,
    record_path,
    record_paths,
    same_run,
    stands_already,
    store,
    unfit,
)


@dataclass(frozen=True)
class Merged:
    """What became of the records of all sources."""

    added: tuple[Path, ...]
    """Where the new records lie."""
    present: int
    """Records that were there already, or came more than once."""


@dataclass(frozen=True)
class _Candidate:
    record: Record
    predictions: Predictions
    source: Path


def merge(sources: Sequence[Path], results_dir: Path) -> Merged:
    """Copy the records of folders of results and of bundles into a folder of results.

    Everything is validated before anything is written, and what was written is taken back if
    writing fails. Marks of reproduced records stay behind: they tell what their owner has seen.

    Raises:
        ResultError: a source is neither; a record or its predictions are not sound; or two records
            have one id and differ.
        BenchError: the folder of results cannot be written.
    """
    with ExitStack() as stack:
        candidates: dict[str, _Candidate] = {}
        count = 0
        for source in sources:
            folder = source
            if not source.is_dir():
                folder = Path(stack.enter_context(TemporaryDirectory(prefix="rnaernie-bench-")))
                unpack(source, folder)
            for candidate in _candidates(source, folder):
                count += 1
                _add(candidates, candidate)
        new = [c for c in candidates.values() if not stands_already(c.record, results_dir)]
        added = _store(new, results_dir)
    return Merged(added=tuple(added), present=count - len(added))


@dataclass(frozen=True)
class Imported:
    """What became of the runs of a folder."""

    records: tuple[Path, ...]
    """Where the records of all that were imported lie, now or before."""
    left_out: Mapping[str, int]
    """By reason, how many runs were not."""


MOST_KIB = 256
"""Of the predictions of a run, as it wrote them, that is imported with others of its folder."""


def import_runs(runs_dir: Path, results_dir: Path, most_kib: float = MOST_KIB) -> Imported:
    """Import every run below a folder that is finished, may be published, and is not too large.

    Args:
        runs_dir: a folder of runs, or of those of one task.
        results_dir: the folder of results.
        most_kib: runs with larger predictions are left out.

    Raises:
        ResultError: there is no run, or a finished one is not sound, see `store.import_run`.
    """
    found = sorted({*runs_dir.glob("[!.]*/record.json"), *runs_dir.glob("*/[!.]*/record.json")})
    if not found:
        raise ResultError(
            "the folder has no finished runs",
            where=runs_dir,
            remedy="name a run, or the folder that they were written to (`runs_dir`)",
        )
    records, left_out = [], Counter[str]()
    for path in found:
        reason = next(unfit(read_record(path)), None)
        file = path.with_name("predictions.parquet")
        if file.exists() and file.stat().st_size > 1024 * most_kib:
            reason = f"its predictions take more than {most_kib:g} KiB"
        if reason:
            left_out[reason] += 1
        else:
            records.append(import_run(path.parent, results_dir))
    return Imported(tuple(records), left_out)


def _candidates(source: Path, folder: Path) -> list[_Candidate]:
    """Return the records of a source, once they are known to be sound."""
    try:
        try_out(sorted(visible(folder, "*/*/*.parquet")))
    except ValueError as error:
        raise ResultError(
            f"its predictions are damaged: {error}",
            where=source,
            remedy="nothing was merged; only sound records are",
        ) from error
    problems = list(folder_problems(folder))
    if problems:
        name, what = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ResultError(
            f"{name}: {what}{more}",
            where=source,
            remedy="nothing was merged; only sound records are",
        )
    paths = record_paths(folder)
    if not paths:
        raise ResultError(
            "it has no records", where=source, remedy="name a folder of results, or a bundle"
        )
    return [_Candidate(*publishable(read_record(p), p.parent), source) for p in paths]


def _add(candidates: dict[str, _Candidate], candidate: _Candidate) -> None:
    """Add a record unless it is there.

    Raises:
        ResultError: another one with its id is.
    """
    run_id = candidate.record["run_id"]
    other = candidates.setdefault(run_id, candidate)
    if not same_run(other.record, candidate.record):
        raise ResultError(
            f"its record of run {run_id} is another than that of {other.source}",
            where=candidate.source,
            remedy="nothing was merged; find out which is right, and merge it alone",
        )


def _store(candidates: Sequence[_Candidate], results_dir: Path) -> list[Path]:
    """Write all records, or none."""
    paths = [record_path(candidate.record, results_dir) for candidate in candidates]
    files = set()
    for path, candidate in zip(paths, candidates, strict=True):
        row = path.with_name(shared_name(candidate.record))
        files |= {row, items_path(row, candidate.predictions)}
    former = {path: path.read_bytes() for path in files if path.exists()}
    try:
        for candidate in candidates:
            store(candidate.record, candidate.predictions, results_dir)
    except BaseException:
        for path in (*paths, *files):
            if path in former:
                path.write_bytes(former[path])
            else:  # it was not there before
                path.unlink(missing_ok=True)
        raise
    return paths
