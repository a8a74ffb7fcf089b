"""`rnaernie-bench predict`: a finished run on new sequences."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Predict the class of each sequence, with calibrated probabilities, their entropy in bits, "
        "and whether the sequence was truncated."
    )
    parser.epilog = "example: zcat in.fa.gz | rnaernie-bench predict 3f9a2c - -o out.tsv"
    parser.add_argument("run", metavar="RUN", help="a run folder, or 6 letters or more of a run id")
    parser.add_argument("fasta", metavar="FASTA", help="plain or gzip; - is standard input")
    parser.add_argument(
        "-o", "--output", default="-", metavar="TSV", help="default: standard output"
    )
    parser.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), metavar="DIR", help="default: runs"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Write one line a sequence."""
    from rnaernie_bench.cli.run import prepare_libraries
    from rnaernie_bench.files import atomic_path
    from rnaernie_bench.predict import load_run, predict_fasta, write_tsv
    from rnaernie_bench.results.store import find_run

    prepare_libraries()
    predictor = load_run(find_run(arguments.run, arguments.runs_dir))
    predictions = predict_fasta(predictor, arguments.fasta)
    if arguments.output == "-":
        write_tsv(predictions, predictor.labels, sys.stdout)
        return 0
    with (
        atomic_path(arguments.output) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        count = write_tsv(predictions, predictor.labels, file)
    print(f"{count} sequences -> {arguments.output}", file=sys.stderr)
    return 0
