"""`rnaernie-bench strategies`: ways to adapt a backbone to a task."""

from __future__ import annotations

import argparse

from rnaernie_bench.cli.backbones import add_actions, in_brief, settings_of, settings_text
from rnaernie_bench.cli.output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = "List the strategies, or show the options of one."
    add_actions(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the list or the options."""
    from rnaernie_bench.task.catalogue import STRATEGIES

    if arguments.action == "list":
        listed = in_brief(STRATEGIES)
        lines = (f"{e['name']:<12} {e.get('summary') or e['error']}" for e in listed)
        show(arguments, listed, lambda: "\n".join(lines))
        return 0
    name, summary = arguments.name, STRATEGIES.get(arguments.name).summary
    value = {"name": name, "summary": summary, "settings": settings_of(STRATEGIES, name)}
    show(arguments, value, lambda: f"{summary}\n{settings_text(STRATEGIES, name)}")
    return 0
