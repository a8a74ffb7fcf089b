"""The entry point: finds the subcommand, runs it, and turns failures into one line."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence

from rnaernie_bench import __version__
from rnaernie_bench.errors import BenchError

COMMANDS = {
    "run": "train and test one model on one task, or several with seed=0,1,2",
    "suite": "carry out a list of runs; finished ones are skipped",
    "predict": "apply a finished run to sequences",
    "leaderboard": "show the results as a table",
    "results": "import, validate and build the published results",
    "tasks": "list or show the tasks",
    "backbones": "list or show the backbones and baselines",
    "strategies": "list or show the strategies",
    "data": "fetch, verify and audit the data of a task",
}
"""Subcommand -> its line of help; each lives in the module of its name."""

EXAMPLES = """examples:
  rnaernie-bench run task=ncrna_cls                                  the demo: simulated data
  rnaernie-bench run task=ncrna_cls preset=bench backbone=kmer       real data
  rnaernie-bench run task=ncrna_cls preset=bench strategy=frozen seed=0,1,2
  rnaernie-bench leaderboard"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 on success, 2 for a failure that the user can mend, 1 for any other.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser(arguments)
    parsed = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        module = importlib.import_module(f"rnaernie_bench.cli.{parsed.command}")
        return int(module.execute(parsed))
    except KeyboardInterrupt:
        return _fail("interrupted; repeat the command to go on from the last checkpoint", parsed, 2)
    except BenchError as error:
        return _fail(str(error), parsed, 2)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone: nothing is left to say
        return 0
    except OSError as error:
        from rnaernie_bench.files import as_bench_error

        known = as_bench_error(error)
        return _fail(str(known or f"{type(error).__name__}: {error}"), parsed, 2 if known else 1)
    except Exception as error:
        return _fail(f"unexpected {type(error).__name__}: {error}; --debug shows where", parsed, 1)


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; only the chosen subcommand's module is imported for its arguments."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--debug", action="store_true", help="show the traceback of a failure")
    parser = argparse.ArgumentParser(
        prog="rnaernie-bench",
        description="Benchmark and fine-tune RNA language models on declared tasks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rnaernie-bench {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((word for word in arguments if word in COMMANDS), None)
    for name, text in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=text,
            parents=[common],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == chosen:
            importlib.import_module(f"rnaernie_bench.cli.{name}").add_arguments(subparser)
    return parser


def _fail(message: str, parsed: argparse.Namespace, status: int) -> int:
    if parsed.debug:
        raise  # the exception being handled: this is called from except blocks only
    print(f"rnaernie-bench: {' '.join(message.split())}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
