"""The entry point: finds the subcommand, runs it, and turns failures into one line."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from rnaernie_bench import __version__
from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.core.secrets import without_secrets

COMMANDS = {
    "run": "train and test one model on one task, or several with seed=0,1,2",
    "sweep": "search for the settings that are best on validation, and test them once",
    "suite": "execute a list of runs; finished ones are skipped",
    "pretrain": "train a backbone on a corpus by masked language modelling",
    "evaluate": "score a finished run on other data, without training again",
    "predict": "apply a finished run, or a model that comes with the package, to sequences",
    "models": "list or show the fitted models that come with the package",
    "export": "a finished run as a folder for others, or to the Hugging Face hub",
    "embed": "turn sequences into vectors",
    "fill-mask": "predict masked bases",
    "score": "sequences and variants by their likelihood under a masked language model",
    "leaderboard": "show the results as a table",
    "compare": "test whether one result is better than another",
    "results": "import, merge, submit, reproduce, validate and build the published results",
    "convert": "the authors' Paddle checkpoint as a folder that MultiMolecule loads",
    "inspect": "sizes of a backbone, and what a forward pass costs",
    "tasks": "list or show the tasks, or begin a new one",
    "validate": "check a task: declaration, data, labels, leakage, a pass of training",
    "backbones": "list or show the backbones and baselines",
    "strategies": "list or show the strategies",
    "types": "train or measure what predicts the RNA types of sequences",
    "data": "fetch, verify and audit the data of a task",
    "completion": "print a script by which a shell completes commands and settings",
    "doctor": "look at versions, accelerator, data, cache and tracking, with remedies",
}
"""Subcommand -> its line of help; each lives in the module of its name, - as _."""

_RESUMABLE = ("run", "sweep", "suite", "pretrain")

EXAMPLES = """examples:
  rnaernie-bench run task=ncrna_cls                                  the demo: simulated data
  rnaernie-bench run task=ncrna_cls preset=bench backbone=kmer       real data
  rnaernie-bench run task=ncrna_cls preset=bench strategy=frozen seed=0,1,2
  rnaernie-bench leaderboard"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"rnaernie-bench: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 on success, 2 for a failure that the user can fix, 1 for any other.

    Raises:
        SystemExit: after --help and --version, and for arguments that cannot be parsed.
    """
    _open_standard_streams()
    parsed = _parse(list(sys.argv[1:] if arguments is None else arguments))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    with _termination_interrupts():
        return _execute(parsed)


def _execute(parsed: argparse.Namespace) -> int:
    """Execute the subcommand and return its exit status, whatever it raises."""
    try:
        module = _module(parsed.command)
        status = int(module.execute(parsed))
        sys.stdout.flush()  # what cannot be written is to fail here, not when Python exits
        return status
    except KeyboardInterrupt:
        advice = "; repeat the command to continue from its checkpoint, if there is one"
        return _fail(f"interrupted{advice if parsed.command in _RESUMABLE else ''}", parsed, 2)
    except BenchError as error:
        return _fail(str(error), parsed, 2)
    except BrokenPipeError:
        _abandon_output()  # its reader has gone: nothing is left to say
        return 0
    except OSError as error:
        from rnaernie_bench.core.files import as_bench_error

        _abandon_output()
        known = as_bench_error(error, error.filename or "output")
        return _fail(str(known or f"{type(error).__name__}: {error}"), parsed, 2 if known else 1)
    except Exception as error:
        return _fail(f"unexpected {type(error).__name__}: {error}; --debug shows where", parsed, 1)


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """Have SIGTERM, by which schedulers preempt, do what Ctrl-C does, once."""
    former = signal.getsignal(signal.SIGTERM)
    main_thread = threading.current_thread() is threading.main_thread()
    if not main_thread or former is not signal.SIG_DFL:
        yield
        return
    process = os.getpid()

    def interrupt(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.getpid() != process:  # a child, which is to die of it
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Return the parsed arguments; --debug may stand anywhere, settings around options."""
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    # Only the module of the chosen command is imported for its arguments.
    parser = parser_of([next((word for word in arguments if word in COMMANDS), "")])
    if not arguments:
        parser.print_help(sys.stderr)
        parser.exit(2)
    command = next((word for word in arguments if not word.startswith("-")), None)
    if command is not None and command not in COMMANDS:
        from rnaernie_bench.core.registry import did_you_mean

        parser.error(f"there is no command '{command}', {did_you_mean(command, list(COMMANDS))}")
    parsed, rest = parser.parse_known_args(arguments)
    # argparse ends a list of settings, or of inputs, at the first option.
    if hasattr(parsed, "inputs"):
        parsed.inputs += [word for word in rest if word == "-" or not word.startswith("-")]
        rest = [word for word in rest if word != "-" and word.startswith("-")]
    settings = [word for word in rest if "=" in word and not word.startswith("-")]
    unknown = [word for word in rest if word not in settings]
    if unknown or (settings and not hasattr(parsed, "overrides")):
        reason = f"'{(unknown or settings)[0]}' is not understood"
        parser.exit(2, f"rnaernie-bench: {reason}; see rnaernie-bench {command} --help\n")
    if settings:
        parsed.overrides += settings
    parsed.debug = debug
    return parsed


def parser_of(commands: Collection[str]) -> argparse.ArgumentParser:
    """Return the parser of all commands, in which some have their arguments."""
    common = _Parser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    parser = _Parser(
        prog="rnaernie-bench",
        description="Benchmark and fine-tune RNA language models on declared tasks.",
        epilog=EXAMPLES,
        parents=[common],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rnaernie-bench {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=text,
            parents=[common],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name in commands:
            _module(name).add_arguments(subparser)
    return parser


def _module(command: str) -> Any:
    return importlib.import_module(f"rnaernie_bench.cli.{command.replace('-', '_')}")


def _open_standard_streams() -> None:
    """Give the streams that the caller has closed to nowhere, so that no file takes their place."""
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while os.open(os.devnull, os.O_RDWR) < 2:
        pass
    sys.stdin, sys.stdout, sys.stderr = (
        stream or Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115
        for stream, mode in ((sys.stdin, "r"), (sys.stdout, "w"), (sys.stderr, "w"))
    )


def _abandon_output() -> None:
    """Send what standard output still holds nowhere if it cannot be written.

    Python would try again when it exits, print a traceback and change the exit status.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, parsed: argparse.Namespace, status: int) -> int:
    if parsed.debug:  # this is called from except blocks only
        print(without_secrets(traceback.format_exc()), file=sys.stderr, end="")
    print(f"rnaernie-bench: {without_secrets(' '.join(message.split()))}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
