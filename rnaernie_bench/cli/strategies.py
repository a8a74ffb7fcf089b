"""`rnaernie-bench strategies`: ways to adapt a backbone to a task."""

from __future__ import annotations

import argparse

from rnaernie_bench.cli.backbones import add_actions, settings_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = "List the strategies, or show the options of one."
    add_actions(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the list or the options."""
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.task.catalogue import STRATEGIES

    if arguments.action == "list":
        for name in STRATEGIES:
            try:
                print(f"{name:<12} {STRATEGIES.get(name).summary}")
            except ConfigError as error:  # a broken plug-in should not hide the others
                print(f"{name:<12} {error}")
        return 0
    print(STRATEGIES.get(arguments.name).summary)
    print(settings_text(STRATEGIES, arguments.name), end="")
    return 0
