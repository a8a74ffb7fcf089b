"""`rnaernie-bench sweep`: search for settings."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rnaernie_bench.cli.run import add_task_path, heading, prepare_libraries, say, summary

if TYPE_CHECKING:
    from rnaernie_bench.sweeps.sweep import SweepOutcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Search for the settings that are best on validation (configs/sweep/*.yaml), run them on "
        "several seeds and test these runs. Repeated, the command continues; several of "
        "the same command share the work, and launcher.n_processes=4 starts four."
    )
    parser.epilog = "example: rnaernie-bench sweep task=ncrna_cls sweep=default sweep.trials=50"
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="settings of the runs, sweep=NAME and sweep.KEY=VALUE",
    )
    add_task_path(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Carry the sweep out and print its best trials and the runs of the best settings."""
    prepare_libraries()
    from rnaernie_bench.launchers.jobs import in_process
    from rnaernie_bench.sweeps.launched import launch_workers
    from rnaernie_bench.sweeps.setup import set_up
    from rnaernie_bench.sweeps.sweep import run_sweep

    sweep = set_up(arguments.overrides, arguments.task_path)
    print(heading(sweep.config), flush=True)
    if not in_process(sweep.config.launcher):
        launch_workers(sweep, arguments.overrides, arguments.task_path, say)
    outcome = run_sweep(sweep, say)
    print(report(outcome), flush=True)
    return 0


def report(outcome: SweepOutcome, most: int = 5) -> str:
    """Return the best trials, how many there were, and the tests of the best settings."""
    from rnaernie_bench.sweeps.search import ranked
    from rnaernie_bench.sweeps.sweep import describe

    sweep = outcome.sweep
    states = [trial.state.name for trial in outcome.trials]
    counts = {
        "complete": states.count("COMPLETE"),
        "pruned": states.count("PRUNED"),
        "failed": states.count("FAIL"),
    }
    ended = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    lines = [f"study {sweep.study}: {ended}; the best on validation:"]
    best = outcome.front or ranked(outcome.trials, sweep.goals)[:most]
    lines += [f"  {describe(trial, sweep)}" for trial in best]
    for run in outcome.runs:
        lines += ["", f"trial {outcome.best.number}, seed {run.record['seed']}", summary(run)]
    return "\n".join(lines)
