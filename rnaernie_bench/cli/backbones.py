"""`rnaernie-bench backbones`: encoders and baselines that a run can choose."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnaernie_bench.cli.output import add_json, show

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
    showing = actions.add_parser("show", help="the options and their defaults")
    showing.add_argument("name", metavar="NAME")
    for action in (listing, showing):
        add_json(action)
    return listing


def execute(arguments: argparse.Namespace) -> int:
    """Print the list or the options."""
    from rnaernie_bench.task.catalogue import BACKBONES

    if arguments.action == "list":
        if arguments.format == "md":
            print(markdown_table())
            return 0
        listed = in_brief(BACKBONES, "kind", "levels", "max_bases", "licence", "citation")
        show(arguments, listed, lambda: _lines(listed))
        return 0
    entry, known = BACKBONES.get(arguments.name), facts(arguments.name)
    text = [entry.summary, *(f"  {what}: {fact}" for what, fact in known.items())]
    value = {
        "name": arguments.name,
        "kind": entry.kind,
        "summary": entry.summary,
        "facts": known,
        "settings": settings_of(BACKBONES, arguments.name),
    }
    lines = "\n".join(text)
    show(arguments, value, lambda: f"{lines}\n{settings_text(BACKBONES, arguments.name)}")
    return 0


def in_brief(registry: Registry[Any], *keys: str) -> list[dict[str, Any]]:
    """Return name and summary of what can be chosen, with further fields of entries that have them.

    Of a broken plug-in, which should not hide the others, `error` says what is wrong.
    """
    from rnaernie_bench.core.errors import ConfigError

    listed: list[dict[str, Any]] = []
    for name in registry:
        try:
            entry = registry.get(name)
        except ConfigError as error:
            listed.append({"name": name, "error": str(error)})
            continue
        known = {key: getattr(entry, key) for key in keys if hasattr(entry, key)}
        listed.append({"name": name, "summary": entry.summary, **known})
    return listed


def settings_of(registry: Registry[Any], name: str) -> dict[str, Any]:
    """Return default and meaning of the settings of one choice."""
    from rnaernie_bench.core.plugins import default_settings
    from rnaernie_bench.core.schema import help_of

    meanings = help_of(registry.get(name).options)
    return {
        key: {"default": value, "help": meanings.get(key, "")}
        for key, value in default_settings(registry, name).items()
    }


def _lines(listed: Sequence[Mapping[str, Any]]) -> str:
    width = max(len(entry["name"]) for entry in listed)
    lines = [
        f"{entry['name']:<{width}} {entry['error']}"
        if "error" in entry
        else f"{entry['name']:<{width}} {entry['kind']:<9} "
        f"{', '.join(entry['levels']) or 'all':<18} {entry.get('max_bases') or '':>5}  "
        f"{entry['summary']}"
        for entry in listed
    ]
    note = "The number is the longest sequence, in bases, where there is a limit."
    return "\n".join([*lines, "", note])


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

    lines = []
    for key, setting in settings_of(registry, name).items():
        flow: str = yaml.safe_dump([setting["default"]], default_flow_style=True, width=10_000)
        line = f"{key}: {flow.strip()[1:-1]}"
        lines.append(f"{line:<32} # {setting['help']}" if setting["help"] else line)
    return "\n".join(lines)
