"""All kinds of input and all commands, put together."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rnaernie_bench.core.files import write_json
from tests.fuzz import inputs as files
from tests.fuzz.commands import FULL, KMER, RESULTS, after, commands
from tests.fuzz.killing import kills
from tests.task.test_task import declaration


@dataclass
class Found:
    """What was tried, and what was wrong with it."""

    inputs: int = 0
    kills: int = 0
    faults: list[str] = field(default_factory=list)


def fuzz(
    folder: Path,
    inputs: int,
    kills_: int,
    seed: int,
    tell: Callable[[str], None],
    only: Sequence[str] | None = None,
) -> Found:
    """Try inputs and kills.

    Args:
        folder: an empty one.
        inputs: how many.
        kills_: how many.
        seed: equal seeds try equal inputs and kills.
        tell: receives progress messages.
        only: kinds of input and names of commands; None: all.
    """
    found = Found()
    _import_all()
    if inputs:
        kept = folder / "inputs" / "kept"
        kinds = {k: v for k, v in _kinds(kept).items() if only is None or k in only}
        if kinds:
            found.inputs = inputs
            for fault in files.inputs(inputs, seed, kept.parent, kinds):
                found.faults.append(f"{fault.kind} {fault.number}: {fault.what}")
                tell(found.faults[-1])
            tell(f"{inputs} inputs of {len(kinds)} kinds: {len(found.faults)} faults")
    if kills_:
        chosen = [c for c in commands(folder / "made") if only is None or c.name in only]
        if chosen:
            for kill in kills(chosen, kills_, seed, folder / "kills", tell):
                found.kills += 1
                for wrong in kill.faults:
                    found.faults.append(f"{kill.command}, event {kill.event}: {wrong}")
                    tell(found.faults[-1])
    return found


def _import_all() -> None:
    """Import what commands import, so that their forks have it."""
    import multimolecule
    import optuna
    import transformers

    from rnaernie_bench.cli.run import prepare_libraries
    from rnaernie_bench.runs import runner
    from rnaernie_bench.tracking.store import set_defaults

    set_defaults()
    import mlflow

    assert all((multimolecule, optuna, transformers, mlflow, runner))
    prepare_libraries()


def _kinds(kept: Path) -> dict[str, files.Try]:
    """Return what tries each kind of input; sound examples are made in the folder `kept`."""
    runs = {}
    for name, arguments in (("kmer", KMER), ("full", FULL)):
        place = kept / name
        place.mkdir(parents=True)
        after(arguments)(place)
        (runs[name],) = (path.parent for path in place.glob("runs/*/*/record.json"))
    path = runs["kmer"] / "record.json"
    record = json.loads(path.read_text())
    # What differs from day to day, and would make other inputs of equal seeds.
    record |= {"created": "2026-01-01T00:00:00Z", "environment": {}, "git_commit": None}
    record["cost"] = {k: v if v is None else 1.0 for k, v in record["cost"].items()}
    write_json(path, record)
    former = Path.cwd()
    os.chdir(kept / "kmer")
    try:
        from rnaernie_bench.cli.main import main

        submit = ["results", "submit", runs["kmer"].name, "-o", "b.zip", *RESULTS]
        assert main(submit) == 0
    finally:
        os.chdir(former)
    bundle = kept / "kmer" / "b.zip"
    return {
        "task": files.tasks(declaration()),
        "record": files.records(record),
        "structure": files.structures,
        "fasta": files.sequences,
        "table": files.tables,
        "bundle": files.bundles(bundle),
        "parquet": files.columnar,
        "kmer": files.models(runs["kmer"]),
        "network": files.models(runs["full"]),
    }
