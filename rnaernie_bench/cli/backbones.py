"""`rnaernie-bench backbones`: encoders and baselines that a run can choose."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = "List the backbones and baselines, or show the options of one."
    add_actions(parser)


def add_actions(parser: argparse.ArgumentParser) -> None:
    """Declare the actions `list` and `show NAME`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="one line each")
    show = actions.add_parser("show", help="the options and their defaults")
    show.add_argument("name", metavar="NAME")


def execute(arguments: argparse.Namespace) -> int:
    """Print the list or the options."""
    from rnaernie_bench.catalogue import BACKBONES
    from rnaernie_bench.errors import ConfigError

    if arguments.action == "list":
        for name in BACKBONES:
            try:
                entry = BACKBONES.get(name)
            except ConfigError as error:  # a broken plug-in should not hide the others
                print(f"{name:<16} {error}")
                continue
            print(f"{name:<16} {entry.kind:<9} {', '.join(entry.levels):<10} {entry.summary}")
        return 0
    print(BACKBONES.get(arguments.name).summary)
    print(shipped_settings("backbone", arguments.name), end="")
    return 0


def shipped_settings(group: str, name: str) -> str:
    """Return the settings of one choice in YAML: its file, or what a plug-in says."""
    from rnaernie_bench.resources import configs_folder

    path = configs_folder() / group / f"{name}.yaml"
    if path.exists():
        return path.read_text(encoding="utf-8")
    import yaml

    from rnaernie_bench.config import plugin_settings

    text: str = yaml.safe_dump(plugin_settings(group, name), sort_keys=False)
    return text
