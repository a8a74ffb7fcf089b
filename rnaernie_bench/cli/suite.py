"""`rnaernie-bench suite`: a list of runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rnaernie_bench.cli.output import add_json, show
from rnaernie_bench.cli.run import add_task_path, prepare_libraries, refuse_several, say
from rnaernie_bench.core.schema import as_dict
from rnaernie_bench.core.secrets import without_secrets
from rnaernie_bench.core.time_limit import duration

if TYPE_CHECKING:
    from rnaernie_bench.runs.forecast import Forecast
    from rnaernie_bench.runs.suites import Line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Execute the runs of a suite (configs/suite/*.yaml). Runs that are finished, or whose "
        "records stand in the folder of results, are skipped, an interrupted one continues, a "
        "failed one does not stop the others."
    )
    parser.epilog = "example: rnaernie-bench suite suite=ncrna_cls"
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="suite=NAME, and settings for all its runs",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help="stop after so many minutes, between runs or inside one, to go on by the same command",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="execute runs, too, whose records stand in the folder of results",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="list the runs: which are finished, and how long the others take, from a measurement",
    )
    add_json(parser)
    add_task_path(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Execute the suite and print what became of each run.

    Returns:
        0, or 2 if a run failed.
    """
    from rnaernie_bench.config.compose import group_choices
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.runs.suites import load_suite, run_suite

    refuse_several("a suite", "take launcher.n_processes=N instead")
    names = [o.removeprefix("suite=") for o in arguments.overrides if o.startswith("suite=")]
    if len(names) != 1:
        known = ", ".join(group_choices("suite")) or "none yet"
        raise ConfigError(
            "one suite is needed", where="suite", remedy=f"add suite=NAME; there are: {known}"
        )
    extra = [o for o in arguments.overrides if not o.startswith("suite=")]
    runs = load_suite(names[0]).overrides(extra)
    prepare_libraries()
    if arguments.dry_run:
        return _dry_run(runs, arguments)
    if arguments.minutes is not None and arguments.minutes <= 0:
        raise ConfigError("the value must be above 0", where="--minutes")
    lines = run_suite(
        runs,
        task_folders=arguments.task_path,
        minutes=arguments.minutes,
        again=arguments.again,
        notify=say,
    )
    told = [
        f"{line.run_id or '-':<14}{line.outcome}  {without_secrets(' '.join(line.overrides))}"
        for line in lines
    ]
    show(arguments, [_as_dict(line, line.overrides) for line in lines], "\n".join(told))
    failed = sum(line.failed for line in lines)
    if failed:
        say(f"{failed} of {len(lines)} runs failed; repeat the command to try them again")
    left = sum(line.left for line in lines)
    if left:
        say(f"{left} of {len(lines)} runs are left; the same command goes on")
    return 2 if failed else 0


def _as_dict(of: Line | Forecast, overrides: Sequence[str]) -> dict[str, Any]:
    """Return what JSON says of a run: its settings and what became, or will become, of it."""
    return as_dict(of) | {"overrides": [without_secrets(text) for text in overrides]}


def _dry_run(runs: list[tuple[str, ...]], arguments: argparse.Namespace) -> int:
    """Print each run with its state and what it will take.

    Returns:
        0, or 2 if a run cannot be executed.
    """
    from rnaernie_bench.config.compose import compose
    from rnaernie_bench.runs.forecast import forecast

    folders = arguments.task_path
    configs = [compose(overrides, folders) for overrides in runs]
    forecasts = forecast(configs, folders, again=arguments.again, notify=say)
    if arguments.json:
        found = [_as_dict(*both) for both in zip(forecasts, runs, strict=True)]
        show(arguments, found, "")
        return 2 if any(run.failure for run in forecasts) else 0
    for run, overrides in zip(forecasts, runs, strict=True):
        state = f"{run.state}{', in results' if run.recorded else ''}"
        expected = "?" if run.seconds is None else duration(run.seconds) if run.seconds else ""
        settings = without_secrets(" ".join(overrides))
        print(f"{run.run_id or '-':<14}{state:<22}{expected:>9}  {settings}")
    left = [run for run in forecasts if not run.done]
    if not left:
        print(f"{len(runs)} runs, nothing is left")
        return 0
    total = sum(run.seconds or 0.0 for run in left)
    at_once = configs[0].launcher.n_processes
    shared = f", {duration(total / at_once)} by {at_once} processes" if at_once > 1 else ""
    print(
        f"{len(runs)} runs, {len(runs) - len(left)} done; the others take "
        f"{duration(total)} at least{shared}, estimated from samples"
    )
    for failure in dict.fromkeys(run.failure for run in forecasts if run.failure):
        say(f"cannot be executed: {failure}")
    return 2 if any(run.failure for run in forecasts) else 0
