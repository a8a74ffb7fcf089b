"""`rnaernie-bench completion`: a script by which a shell completes commands, options and settings.

The script holds all words, so that completing starts no Python; a plug-in that is installed later
is completed once the script has been written again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

SHELLS = ("bash", "zsh", "fish")

BASH = """\
# A setting is one word, whatever stands around its `=`; a key is followed by its value at once.
COMP_WORDBREAKS=${COMP_WORDBREAKS//=/}
"""

BASH_END = """
_rnaernie_bench_settings() {
  _shtab_rnaernie_bench
  [[ ${#COMPREPLY[@]} = 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
  return 0
}
complete -o bashdefault -F _rnaernie_bench_settings rnaernie-bench"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = "Print a script that completes commands, options, tasks and settings."
    parser.epilog = """examples:
  rnaernie-bench completion bash > ~/.local/share/bash-completion/completions/rnaernie-bench
  rnaernie-bench completion zsh > ~/.zfunc/_rnaernie-bench        # ~/.zfunc in fpath, then compinit
  rnaernie-bench completion fish > ~/.config/fish/completions/rnaernie-bench.fish"""
    parser.add_argument("shell", choices=SHELLS, help="the shell that reads it")


def execute(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from rnaernie_bench.cli.main import COMMANDS, parser_of

    parser = parser_of(list(COMMANDS))
    for command, action in _arguments(parser):
        _complete(command, action)
    bash = arguments.shell == "bash"
    script = shtab.complete(parser, arguments.shell, preamble=BASH if bash else "")
    print(script + BASH_END if bash else script)
    return 0


def _arguments(
    parser: argparse.ArgumentParser, command: str = ""
) -> Iterator[tuple[str, argparse.Action]]:
    """Yield all arguments with the command they belong to."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from _arguments(inner, command or name)
        else:
            yield command, action


def _complete(command: str, action: Any) -> None:
    """Say what completes an argument; the parser is never used to parse."""
    import shtab

    if action.choices or action.nargs == 0:
        return
    if action.metavar in ("FILE", "FASTA", "BUNDLE"):
        action.complete = shtab.FILE
    elif action.metavar in ("DIR", "OUT", "SOURCE"):
        action.complete = shtab.DIRECTORY
    elif known := _WORDS.get((command, action.metavar)) or _WORDS.get(("", action.metavar)):
        action.choices = known()


def _tasks() -> list[str]:
    from rnaernie_bench.task.task import find_tasks

    return list(find_tasks())


def _backbones() -> list[str]:
    from rnaernie_bench.task.catalogue import BACKBONES

    return list(BACKBONES)


def _strategies() -> list[str]:
    from rnaernie_bench.task.catalogue import STRATEGIES

    return list(STRATEGIES)


def _of_runs() -> list[str]:
    from rnaernie_bench.config.compose import GROUPS, group_choices
    from rnaernie_bench.config.options import RunConfig
    from rnaernie_bench.config.words import words
    from rnaernie_bench.sweeps.options import SweepOptions
    from rnaernie_bench.task.catalogue import BACKBONES, LAUNCHERS, STRATEGIES

    registries: dict[str, Any] = {
        "backbone": BACKBONES, "strategy": STRATEGIES, "launcher": LAUNCHERS,
    }  # fmt: skip
    options = {group: _options(registry) for group, registry in registries.items()}
    groups = {group: group_choices(group) for group in GROUPS} | {"task": _tasks()}
    return words(RunConfig, groups, {**options, "sweep": [SweepOptions]})


def _of_pretraining() -> list[str]:
    from rnaernie_bench.config.compose import group_choices
    from rnaernie_bench.config.words import words
    from rnaernie_bench.pretraining.config import PretrainConfig

    groups = {group: group_choices(group) for group in ("corpus", "tracking")}
    return words(PretrainConfig, {**groups, "backbone": _backbones()}, {})


def _of_backbones() -> list[str]:
    return [word for word in _of_runs() if word.startswith("backbone")]


def _of_corpora() -> list[str]:
    return [word for word in _of_pretraining() if word.startswith("corpus")]


def _options(registry: Any) -> list[type]:
    """Return the options of all that can be chosen, broken plug-ins passed over."""
    from rnaernie_bench.core.errors import ConfigError

    found = []
    for name in registry:
        try:
            found.append(registry.get(name).options)
        except ConfigError:
            continue
    return found


_WORDS: dict[tuple[str, str], Callable[[], list[str]]] = {
    ("", "TASK"): _tasks,
    ("", "MODEL"): _backbones,
    ("backbones", "NAME"): _backbones,
    ("strategies", "NAME"): _strategies,
    ("", "KEY=VALUE"): _of_runs,
    ("pretrain", "KEY=VALUE"): _of_pretraining,
    ("inspect", "KEY=VALUE"): _of_backbones,
    ("types", "KEY=VALUE"): _of_corpora,
}
"""Command, or none for any, and what an argument is called -> returns its words."""
