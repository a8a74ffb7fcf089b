"""`rnaernie-bench predict`: a finished run on new sequences."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import IO


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Predict the class of each sequence, with calibrated probabilities, their entropy in bits, "
        "and whether the sequence was truncated; or its quantities or labels, or those of each of "
        "its bases, or pairs of bases, as the task of the run asks; or, by a run of a task of "
        "binary contacts, its base pairs, written as the end of the output's name says: .dbn (the "
        "default), .ct, .bpseq, or .tsv with the probabilities of pairs; or, by a run of a "
        "pair-level task, whether or how two sequences interact, for a table of pairs (first_id, "
        "first, second_id, second) or for all pairs of two FASTA files."
    )
    parser.epilog = "example: zcat in.fa.gz | rnaernie-bench predict 3f9a2c - -o out.tsv"
    parser.add_argument("run", metavar="RUN", help="a run folder, or 6 letters or more of a run id")
    parser.add_argument("fasta", metavar="FASTA", help="plain or gzip; - is standard input")
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
        help="of pairs: hold each sequence of the first file against each of this one",
    )
    parser.add_argument(
        "--top", type=int, default=10, metavar="N", help="targets of a query; default: 10"
    )
    parser.add_argument(
        "--runs-dir", type=Path, default=Path("runs"), metavar="DIR", help="default: runs"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Write what the run predicts.

    Raises:
        ConfigError: for an output or a picture that the run's level has not.
    """
    from rnaernie_bench.cli.run import prepare_libraries
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.data.protocols import WARNING
    from rnaernie_bench.prediction.saved import (
        predicts_classes,
        predicts_structures,
        read_predictor,
    )
    from rnaernie_bench.results.store import RECORD_FILE, find_run, read_record

    prepare_libraries()
    folder = find_run(arguments.run, arguments.runs_dir)
    if read_record(folder / RECORD_FILE)["protocol"] == "as_published":
        print(WARNING, file=sys.stderr)
    saved = read_predictor(folder)
    if saved.get("level") == "pair":
        return _pairs(folder, arguments)
    if arguments.targets is not None:
        raise ConfigError("the run reads one sequence at a time", where="--targets")
    if predicts_structures(saved):
        return _contacts(folder, arguments)
    if arguments.picture is not None:
        raise ConfigError("the run predicts no base pairs to draw", where="--picture")
    return _table(_classes if predicts_classes(saved) else _values, folder, arguments)


def _classes(folder: Path, source: str, file: IO[str]) -> int:
    """Write one line a sequence."""
    from rnaernie_bench.prediction.classes import load_run, predict_fasta, write_tsv

    predictor = load_run(folder)
    return write_tsv(predict_fasta(predictor, source), predictor.labels, file)


def _values(folder: Path, source: str, file: IO[str]) -> int:
    """Write one line a sequence, base or pair of bases."""
    from rnaernie_bench.prediction.values import load_value_run, predict_values, write_values

    predictor = load_value_run(folder)
    return write_values(predict_values(predictor, source), predictor, file)


def _table(
    write: Callable[[Path, str, IO[str]], int], folder: Path, arguments: argparse.Namespace
) -> int:
    from rnaernie_bench.core.files import atomic_path

    if arguments.output == "-":
        write(folder, arguments.fasta, sys.stdout)
        return 0
    with (
        atomic_path(arguments.output) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        count = write(folder, arguments.fasta, file)
    print(f"{count} sequences -> {arguments.output}", file=sys.stderr)
    return 0


def _contacts(folder: Path, arguments: argparse.Namespace) -> int:
    """Write one structure a sequence, and perhaps the picture of the first."""
    from rnaernie_bench.prediction.structures import (
        check_output,
        draw,
        load_contact_run,
        predict_contacts,
        write_contacts,
    )
    from rnaernie_bench.structure.writers import to_dot_bracket

    output = None if arguments.output == "-" else Path(arguments.output)
    check_output(output, arguments.picture)
    predictor = load_contact_run(folder)
    found = predict_contacts(predictor, arguments.fasta)
    if arguments.picture is not None:
        first = next(found)
        draw(first, arguments.picture)
        found = chain([first], found)
    if output is None:
        for structure in found:
            sys.stdout.write(to_dot_bracket(structure.record))
        return 0
    count = write_contacts(output, found)
    print(f"{count} sequences -> {output}", file=sys.stderr)
    return 0


def _pairs(folder: Path, arguments: argparse.Namespace) -> int:
    """Write one line a pair, and perhaps the picture of the first."""
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.core.files import atomic_path
    from rnaernie_bench.prediction.pairs import (
        check_picture,
        draw_pair,
        load_pair_run,
        predict_all,
        predict_pairs,
        write_pairs_tsv,
    )

    if arguments.top < 1:
        raise ConfigError("the value must be 1 or more", where="--top")
    if arguments.picture is not None:
        check_picture(arguments.picture)
    predictor = load_pair_run(folder)
    if arguments.targets is None:
        found = predict_pairs(predictor, arguments.fasta)
    else:
        found = predict_all(predictor, arguments.fasta, arguments.targets, top=arguments.top)
    if arguments.picture is not None:
        first = next(found)
        draw_pair(predictor, first, arguments.picture)
        found = chain([first], found)
    if arguments.output == "-":
        write_pairs_tsv(found, predictor, sys.stdout)
        return 0
    with (
        atomic_path(arguments.output) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        count = write_pairs_tsv(found, predictor, file)
    print(f"{count} pairs -> {arguments.output}", file=sys.stderr)
    return 0
