"""What commands print: text for people, or with `--json` one JSON document for programs.

`output.schema.json` says what the documents of `list`, `show`, `run`, `suite` and `leaderboard`
hold; messages, warnings and progress go to standard error in either case.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

from rnaernie_bench.core.schema import as_dict


def add_json(parser: argparse.ArgumentParser, text: str = "print JSON") -> None:
    """Declare `--json`, with a line of help."""
    parser.add_argument("--json", action="store_true", help=text)


def show(arguments: argparse.Namespace, value: Any, text: str | Callable[[], str]) -> None:
    """Print a value as JSON if `--json` asks for it, else its text.

    Args:
        arguments: of a parser that went through `add_json`.
        value: what JSON holds, or dataclasses.
        text: the same for people, or what returns it.
    """
    if arguments.json:
        print(json.dumps(as_dict(value), indent=1, ensure_ascii=False))
    else:
        print(text if isinstance(text, str) else text())
