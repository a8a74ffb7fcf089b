"""`rnaernie-bench suite`: a list of runs."""

from __future__ import annotations

import argparse

from rnaernie_bench.cli.run import add_task_path, prepare_libraries, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Carry out the runs of a suite (configs/suite/*.yaml). Finished runs are skipped, an "
        "interrupted one goes on, a failed one does not stop the others."
    )
    parser.epilog = "example: rnaernie-bench suite suite=ncrna_cls"
    parser.add_argument(
        "overrides",
        nargs="*",
        metavar="KEY=VALUE",
        help="suite=NAME, and settings for all its runs",
    )
    parser.add_argument("--dry-run", action="store_true", help="list the runs only")
    add_task_path(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Carry out the suite and print what became of each run.

    Returns:
        0, or 2 if a run failed.
    """
    from rnaernie_bench.config import group_choices
    from rnaernie_bench.errors import ConfigError
    from rnaernie_bench.suites import carry_out, load_suite

    names = [o.removeprefix("suite=") for o in arguments.overrides if o.startswith("suite=")]
    if len(names) != 1:
        known = ", ".join(group_choices("suite")) or "none yet"
        raise ConfigError(
            "one suite is needed", where="suite", remedy=f"add suite=NAME; there are: {known}"
        )
    extra = [o for o in arguments.overrides if not o.startswith("suite=")]
    runs = load_suite(names[0]).overrides(extra)
    if arguments.dry_run:
        print("\n".join(" ".join(overrides) for overrides in runs))
        return 0
    prepare_libraries()
    lines = carry_out(runs, task_folders=arguments.task_path, notify=say)
    for line in lines:
        print(f"{line.run_id or '-':<14}{line.outcome}  {' '.join(line.overrides)}")
    failed = sum(line.failed for line in lines)
    if failed:
        say(f"{failed} of {len(lines)} runs failed; repeat the command to try them again")
    return 2 if failed else 0
