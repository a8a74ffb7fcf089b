"""`rnaernie-bench predict`: a finished run on new sequences."""

from __future__ import annotations

import argparse
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnaernie_bench.prediction.predictor import Form

TOP = 10
"""Targets of a query, unless `--top` says how many."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Predict new inputs with a finished run. A run on sequences gives each a class with "
        "calibrated probabilities, their entropy in bits, and whether the sequence was truncated; "
        "or labels, or quantities. A run on bases, or on pairs of bases, writes a line for each of "
        "them. A run on structures writes what the end of the output's name says: .dbn (the "
        "default), .ct, .bpseq, or .tsv with the probabilities of base pairs. A run on pairs of "
        "sequences reads a table (first_id, first, second_id, second), or compares all sequences "
        "of two FASTA files. Outputs that end in .gz are compressed."
    )
    parser.epilog = (
        "examples:\n  rnaernie-bench predict --model structure in.fa -o out.dbn\n"
        "  zcat in.fa.gz | rnaernie-bench predict 3f9a2c - -o out.tsv"
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = "%(prog)s [options] RUN FASTA, or %(prog)s [options] --model NAME FASTA"
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="RUN FASTA",
        help="a run folder or 6 letters or more of a run id, unless --model is given; and a file, "
        "or a table of pairs; plain or gzip; - is standard input",
    )
    parser.add_argument(
        "--model", metavar="NAME", help="that comes with the package, see `models list`"
    )
    parser.add_argument(
        "--engine",
        choices=("auto", "network", "rival"),
        help="of a model with a baseline beside it: who predicts (default: auto, by its figures)",
    )
    parser.add_argument(
        "-o", "--output", default="-", metavar="FILE", help="default: standard output"
    )
    parser.add_argument(
        "--picture",
        type=Path,
        metavar="FILE",
        help="draw the base pairs of the first sequence, or where the first pair of sequences "
        "interacts: .svg or .png",
    )
    parser.add_argument(
        "--targets",
        metavar="FASTA",
        help="of pairs: compare each sequence of the first file with each of this one",
    )
    parser.add_argument("--top", type=int, metavar="N", help=f"targets of a query; default: {TOP}")
    parser.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), metavar="DIR", help="default: runs"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Write what the run predicts.

    Raises:
        ConfigError: for an option, an output or a picture that does not apply to the run.
    """
    from rnaernie_bench.cli.run import prepare_libraries
    from rnaernie_bench.core.progress import tracked
    from rnaernie_bench.data.protocols import WARNING
    from rnaernie_bench.prediction.predictor import form_of
    from rnaernie_bench.prediction.ready import load_ready, ready_folder
    from rnaernie_bench.prediction.saved import load_predictor, read_predictor
    from rnaernie_bench.prediction.writing import write
    from rnaernie_bench.results.store import find_run

    prepare_libraries()
    source = _source(arguments)
    folder = (
        ready_folder(arguments.model)
        if arguments.model
        else find_run(arguments.inputs[0], arguments.runs_dir)
    )
    saved = read_predictor(folder)
    if saved.get("protocol") == "as_published":
        print(WARNING, file=sys.stderr)
    form = form_of(saved["level"], saved["problem"])
    _check(form, arguments)
    if arguments.model:
        ready = load_ready(arguments.model, arguments.engine or "auto")
        print(ready.said, file=sys.stderr)
        predictor = ready.predictor
    else:
        predictor = load_predictor(folder)
    if form.rank is not None and arguments.targets is not None:
        found = form.rank(predictor, source, arguments.targets, arguments.top or TOP)
    else:
        found = predictor.predict_file(source)
    found = tracked(found, "predicting", unit=form.items)
    if form.draw is not None and arguments.picture is not None:
        first = next(found)
        form.draw(predictor, first[1], arguments.picture)
        found = chain([first], found)
    if arguments.output == "-":
        write(predictor, found, sys.stdout)
    else:
        count, truncated = write(predictor, found, Path(arguments.output))
        cut = f", {truncated} of them truncated" if truncated else ""
        print(f"{count} {form.items}{cut} -> {arguments.output}", file=sys.stderr)
    return 0


def _source(arguments: argparse.Namespace) -> str:
    """Return the file to predict.

    Raises:
        ConfigError: if there are more or fewer words than a run and a file, or a file alone.
    """
    from rnaernie_bench.core.errors import ConfigError

    wanted = ["FASTA"] if arguments.model else ["RUN", "FASTA"]
    if len(arguments.inputs) != len(wanted):
        raise ConfigError(
            f"{' and '.join(wanted)} are needed, {len(arguments.inputs)} given"
            if len(wanted) > 1
            else f"a file is needed, {len(arguments.inputs)} given",
            where="predict",
            remedy="predict RUN FASTA, or predict --model NAME FASTA; see --help",
        )
    if arguments.engine and not arguments.model:
        raise ConfigError("it is about models", where="--engine", remedy="add --model NAME")
    return str(arguments.inputs[-1])


def _check(form: Form, arguments: argparse.Namespace) -> None:
    """Refuse options that do not apply, before the model is loaded."""
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.prediction.writing import check_output, check_picture

    if arguments.output != "-":
        check_output(form, Path(arguments.output))
    if arguments.picture is not None:
        check_picture(form, arguments.picture)
    if arguments.targets is not None and form.rank is None:
        raise ConfigError("the run reads one sequence at a time", where="--targets")
    if arguments.top is not None and arguments.targets is None:
        raise ConfigError("it counts the targets of a query: give --targets", where="--top")
    if arguments.top is not None and arguments.top < 1:
        raise ConfigError("the value must be 1 or more", where="--top")
