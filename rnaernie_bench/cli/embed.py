"""`rnaernie-bench embed`: sequences to vectors."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.backbones.loading import DEFAULT_MODEL
from rnaernie_bench.cli.run import add_task_path

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Write the last hidden states of a backbone: one vector a sequence, or one a nucleotide. "
        "Order and ids are those of the file; the same command writes the same bytes."
    )
    parser.epilog = """examples:
  rnaernie-bench embed in.fa.gz -o out.npz --pooling mean
  rnaernie-bench embed --task ncrna_cls --split published --pooling token -o states.npz"""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "fasta", nargs="?", metavar="FASTA", help="plain or gzip; - is standard input"
    )
    parser.add_argument(
        "--task",
        metavar="TASK",
        help="the sequences of a task instead, for backbone=features: what is over the limit is "
        "read as the task says",
    )
    parser.add_argument("--split", metavar="SPLIT", help="those of one split only")
    parser.add_argument("--fold", metavar="FOLD", help="of a split with folds")
    add_task_path(parser)
    parser.add_argument(
        "--simulated", action="store_true", help="the task's simulated data, as preset=demo uses"
    )
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
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.core.progress import steps
    from rnaernie_bench.data.fasta import read_named
    from rnaernie_bench.data.text import STANDARD_INPUT
    from rnaernie_bench.prediction.embed import Embedder
    from rnaernie_bench.prediction.embedding_files import write_embeddings, writer_for

    prepare_libraries()
    writer_for(arguments.output)
    if (arguments.fasta is None) == (arguments.task is None):
        raise ConfigError(
            "either a FASTA file or a task is embedded", where="embed", remedy="name one of them"
        )
    if arguments.task is not None:
        return _embed_task(arguments)
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

    with steps("embedding", total, "sequences") as step:
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
            progress=step,
        )
    cut = f", {written.truncated} of them cut to their first {embedder.encoder.max_bases} bases"
    say(f"{written.sequences} sequences{cut if written.truncated else ''} -> {arguments.output}")
    return 0


def _embed_task(arguments: argparse.Namespace) -> int:
    """Write the states of all distinct sequences of a task, or of one of its splits."""
    from rnaernie_bench import __version__
    from rnaernie_bench.cli.run import say
    from rnaernie_bench.core.progress import steps
    from rnaernie_bench.data.items import sequences_in
    from rnaernie_bench.data.loading import load_dataset, make_split, used_by
    from rnaernie_bench.prediction.embed import Embedder
    from rnaernie_bench.prediction.embedding_files import write_embeddings
    from rnaernie_bench.task.lengths import POLICIES
    from rnaernie_bench.task.task import load_task

    task = load_task(arguments.task, arguments.task_path)
    dataset = load_dataset(task, simulated=arguments.simulated)
    if arguments.split or arguments.fold:
        split = make_split(
            task, dataset, arguments.split or task.default_split, fold=arguments.fold
        )
        dataset = used_by(split, dataset)
    embedder = Embedder(load_model(arguments.model), arguments.pooling, rna_type=arguments.rna_type)
    limit, policy = embedder.encoder.max_bases, POLICIES[task.length]
    records = sequences_in(dataset)
    kept = {s: name for s, name in records.items() if policy.reads or len(s) <= limit}
    with steps("embedding", len(kept), "sequences") as step:
        written = write_embeddings(
            ((name, sequence) for sequence, name in kept.items()),
            arguments.output,
            embedder,
            metadata={
                "model": arguments.model,
                "type": arguments.rna_type,
                "rnaernie_bench": __version__,
                "task": task.key,
            },
            sequences=True,
            progress=step,
        )
    left = len(records) - len(kept)
    over = f", {left} over {limit} bases left out" if left else ""
    cut = f", {written.truncated} cut to their first {limit} bases" if written.truncated else ""
    say(f"{written.sequences} sequences{over}{cut} -> {arguments.output}")
    return 0
