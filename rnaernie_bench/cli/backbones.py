"""`rnaernie-bench backbones`: encoders and baselines that a run can choose."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnaernie_bench.core.registry import Registry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = "List the backbones and baselines, or show the options of one."
    listing = add_actions(parser)
    listing.add_argument(
        "--format",
        choices=("text", "md"),
        default="text",
        help="md: the encoders alone, as the table of docs/backbones.md",
    )


def add_actions(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Declare the actions `list`, which is returned, and `show NAME`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="one line each")
    show = actions.add_parser("show", help="the options and their defaults")
    show.add_argument("name", metavar="NAME")
    return listing


def execute(arguments: argparse.Namespace) -> int:
    """Print the list or the options."""
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.task.catalogue import BACKBONES

    if arguments.action == "list":
        if arguments.format == "md":
            print(markdown_table())
            return 0
        width = max(map(len, BACKBONES))
        for name in BACKBONES:
            try:
                entry = BACKBONES.get(name)
            except ConfigError as error:  # a broken plug-in should not hide the others
                print(f"{name:<{width}} {error}")
                continue
            limit = getattr(entry, "max_bases", None) or ""
            levels = ", ".join(entry.levels) or "all"
            print(f"{name:<{width}} {entry.kind:<9} {levels:<18} {limit:>5}  {entry.summary}")
        print("\nThe number is the longest sequence, in bases, where there is a limit.")
        return 0
    entry = BACKBONES.get(arguments.name)
    print(entry.summary)
    for what, fact in facts(arguments.name).items():
        print(f"  {what}: {fact}")
    print(settings_text(BACKBONES, arguments.name), end="")
    return 0


def facts(name: str) -> dict[str, str]:
    """Return what is known of a backbone or baseline before it is loaded, by what it is."""
    from rnaernie_bench.task.catalogue import BACKBONES

    entry: Any = BACKBONES.get(name)
    known = {"levels": ", ".join(entry.levels) or "all"}
    if entry.kind == "baseline":
        return known
    known["a state for each"] = entry.unit
    if entry.max_bases:
        known["longest sequence"] = f"{entry.max_bases} bases"
    known["heads it cannot carry"] = ", ".join(f"{h} (no {w})" for h, w in entry.lacks.items())
    known["weights"] = _weights(name)
    known["licence"] = entry.licence
    known["citation"] = entry.citation
    return {what: fact for what, fact in known.items() if fact}


def markdown_table() -> str:
    """Return what is known of the encoders as a Markdown table."""
    from rnaernie_bench.task.catalogue import BACKBONES

    columns = ("levels", "a state for each", "longest sequence", "weights", "licence", "citation")
    lines = [
        f"| backbone | what it is | {' | '.join(columns)} |",
        "| :--- | :--- |" + " :--- |" * len(columns),
    ]
    for name in BACKBONES:
        if BACKBONES.get(name).kind == "encoder":
            known = facts(name)
            cells = " | ".join(known.get(column, "") for column in columns)
            lines.append(f"| `{name}` | {BACKBONES.get(name).summary} | {cells} |")
    return "\n".join(lines)


def _weights(name: str) -> str:
    """Return where the weights of an encoder come from when nothing is set."""
    from rnaernie_bench.backbones.loading import backbone_options
    from rnaernie_bench.task.catalogue import BACKBONES

    entry: Any = BACKBONES.get(name)
    options = backbone_options(name)
    if options.init != "pretrained":
        return "random" if options.init == "random" else "none"
    if entry.strategies:  # nothing trains what stands in a file
        return "named by backbone.source"
    source: str | None = options.source
    return source or "in this package"


def settings_text(registry: Registry[Any], name: str) -> str:
    """Return the settings of one choice in YAML, each with what it is."""
    import yaml

    from rnaernie_bench.core.plugins import default_settings
    from rnaernie_bench.core.schema import help_of

    meanings = help_of(registry.get(name).options)
    lines = []
    for key, value in default_settings(registry, name).items():
        flow: str = yaml.safe_dump([value], default_flow_style=True, width=10_000)
        line = f"{key}: {flow.strip()[1:-1]}"
        lines.append(f"{line:<32} # {meanings[key]}" if key in meanings else line)
    return "".join(f"{line}\n" for line in lines)
