"""`rnaernie-bench score`: sequences and variants by their likelihood, before any training."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rnaernie_bench.cli.embed import add_model_arguments, load_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnaernie_bench.prediction.score import Score


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Score sequences by their pseudo-log-likelihood under a masked language model, or variants "
        "by how much likelier they are than their reference. Nothing is trained. Identical masked "
        "inputs are computed once."
    )
    parser.epilog = """examples:
  rnaernie-bench score in.fa -o out.tsv
  rnaernie-bench score variants.csv --reference GGGCUUCGGCCC --fill masked -o out.tsv"""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "source",
        metavar="FILE",
        help="FASTA, or a table with a column `variant` of mutations such as U2A:G5C or of whole "
        "sequences; plain or gzip; - is standard input",
    )
    parser.add_argument(
        "--reference", metavar="WT", help="what variants are of: a sequence, or a FASTA file"
    )
    parser.add_argument(
        "--fill",
        choices=("masked", "wildtype", "mutant", "pseudo"),
        help="masked (default), wild-type or mutant marginals, or the ratio of pseudo-likelihoods, "
        "which also scores insertions and deletions",
    )
    parser.add_argument(
        "--bases",
        action="store_true",
        help="of pseudo-likelihoods: probabilities among A, C, G and U; else among all tokens",
    )
    parser.add_argument(
        "--stride",
        type=int,
        metavar="N",
        help="of pseudo-likelihoods: mask every Nth base at once; faster, and not the same",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16"),
        default="fp32",
        help="fp32 (default); auto: bf16 where the device has it and is the faster for it",
    )
    parser.add_argument(
        "-o", "--output", default="-", metavar="FILE", help="default: standard output"
    )
    add_model_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Write a line for each sequence."""
    from tqdm import tqdm

    from rnaernie_bench.cli.run import prepare_libraries, say
    from rnaernie_bench.prediction.score import read_variants, reference_of, score

    prepare_libraries()
    reference = reference_of(arguments.reference)
    named = list(read_variants(arguments.source, reference))  # before the model is loaded
    with tqdm(total=len(named), unit="seq", leave=False, disable=None) as bar:
        found = score(
            named,
            model=load_model(arguments.model, masked_lm=True),
            reference=reference or None,
            fill=arguments.fill,
            bases=arguments.bases,
            stride=arguments.stride,
            rna_type=arguments.rna_type,
            precision=arguments.precision,
            progress=bar.update,
        )
    if arguments.output == "-":
        write(found, sys.stdout)
        return 0
    from rnaernie_bench.core.files import atomic_path

    with atomic_path(Path(arguments.output)) as path, path.open("w", encoding="utf-8") as stream:
        write(found, stream)
    say(f"{len(found)} scores -> {arguments.output}")
    return 0


def write(scores: Sequence[Score], stream: IO[str]) -> None:
    """Write scores as a TSV table: of variants with mutations, of sequences with their mean."""
    variants = any(score.mutations for score in scores) or not any(s.bases for s in scores)
    header = (
        ("id", "mutations", "fill", "score") if variants else ("id", "bases", "pll", "per_base")
    )
    print(*header, sep="\t", file=stream)
    for score in scores:
        if variants:
            cells = [score.id, score.mutations, score.fill, f"{score.score:.6f}"]
        else:
            mean = f"{score.score / score.bases:.6f}"
            cells = [score.id, str(score.bases), f"{score.score:.6f}", mean]
        print(*cells, sep="\t", file=stream)
