"""`rnaernie-bench embed`: sequences to vectors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.backbones.loading import DEFAULT_MODEL

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Write the last hidden states of a backbone: one vector a sequence, or one a nucleotide. "
        "Order and ids are those of the file; the same command writes the same bytes."
    )
    parser.epilog = "example: rnaernie-bench embed in.fa.gz -o out.npz --pooling mean"
    parser.add_argument("fasta", metavar="FASTA", help="plain or gzip; - is standard input")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="ends in .npz or .parquet"
    )
    parser.add_argument(
        "--pooling",
        choices=("cls", "mean", "token"),
        default="mean",
        help="the state at <cls>, the mean state of the bases (default), or every base's state",
    )
    parser.add_argument(
        "--length",
        choices=("error", "truncate"),
        default="error",
        help="a sequence over the limit: refuse it (default), or keep its first bases",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16"),
        default="auto",
        help="auto (default): bf16 where the device has it and is the faster for it, else fp32",
    )
    add_model_arguments(parser)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that choose a backbone and the type of the sequences."""
    parser.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="MODEL",
        help=f"a backbone's name, a hub id or a folder; default: {DEFAULT_MODEL}",
    )
    parser.add_argument(
        "--type",
        dest="rna_type",
        metavar="TYPE",
        help="the type of the sequences, such as tRNA; the model needs rows for types",
    )


def load_model(name: str, *, masked_lm: bool = False) -> Encoder:
    """Return a backbone, and warn if its weights are random."""
    from rnaernie_bench.backbones.loading import backbone_options, load_backbone
    from rnaernie_bench.cli.run import say

    options = backbone_options(name)
    if options.init == "random":
        say(f"{name} has random weights: its output means nothing")
    return load_backbone(options, masked_lm=masked_lm)


def execute(arguments: argparse.Namespace) -> int:
    """Write the vectors of every sequence."""
    from rnaernie_bench import __version__
    from rnaernie_bench.backbones.loading import longest
    from rnaernie_bench.cli.run import prepare_libraries, say
    from rnaernie_bench.data.fasta import read_named
    from rnaernie_bench.data.text import STANDARD_INPUT
    from rnaernie_bench.prediction.embed import Embedder
    from rnaernie_bench.prediction.embedding_files import write_embeddings, writer_for

    prepare_libraries()
    writer_for(arguments.output)
    remedy = "cut it, or use its first bases with --length truncate"
    refuse = arguments.length == "error"
    total = None
    if arguments.fasta != STANDARD_INPUT and not Path(arguments.fasta).is_fifo():
        # All of it is checked before the work, which may take long.
        limit = longest(arguments.model) if refuse else None
        total = sum(1 for _ in read_named(arguments.fasta, max_bases=limit, remedy=remedy))
    embedder = Embedder(
        load_model(arguments.model),
        arguments.pooling,
        rna_type=arguments.rna_type,
        precision=arguments.precision,
    )
    limit = embedder.encoder.max_bases if refuse else None
    records = read_named(arguments.fasta, max_bases=limit, remedy=remedy)

    from tqdm import tqdm

    with tqdm(total=total, unit="seq", leave=False, disable=None) as bar:
        written = write_embeddings(
            records,
            arguments.output,
            embedder,
            metadata={
                "model": arguments.model,
                "type": arguments.rna_type,
                "precision": embedder.precision,
                "rnaernie_bench": __version__,
            },
            progress=bar.update,
        )
    cut = f", {written.truncated} of them cut to their first {embedder.encoder.max_bases} bases"
    say(f"{written.sequences} sequences{cut if written.truncated else ''} -> {arguments.output}")
    return 0
