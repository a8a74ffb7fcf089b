"""`rnaernie-bench embed`: sequences to vectors."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.backbones.loading import DEFAULT_MODEL
from rnaernie_bench.cli.embed_plot import add_plot, with_plot
from rnaernie_bench.cli.run import add_task_path

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.prediction.embed import Embedder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Write hidden states of a backbone: one vector a sequence, or one a nucleotide. The same "
        "command goes on with what an interrupted one has embedded. "
        "Order and ids are those of the file; the same command writes the same bytes."
    )
    parser.epilog = """examples:
  rnaernie-bench embed in.fa.gz -o out.npz --pooling mean
  rnaernie-bench embed --task ncrna_cls --split published --pooling token -o states.npz"""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "fasta",
        nargs="?",
        metavar="FILE",
        help="FASTA, plain or gzip, - for standard input; with --sequence a table",
    )
    parser.add_argument(
        "--sequence", metavar="COLUMN", help="of a table: CSV, TSV, Parquet or Arrow"
    )
    parser.add_argument(
        "--id", metavar="COLUMN", help="of a table; default: id, or numbers of rows"
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
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="ends in .npz, .parquet or .h5ad (AnnData)",
    )
    parser.add_argument(
        "--append",
        action="store_true",
        help="keep what the output holds, and add the records whose ids it has not",
    )
    parser.add_argument(
        "--pooling",
        choices=("cls", "mean", "token"),
        help="the state at <cls>, the mean state of the bases (default), or every base's state",
    )
    parser.add_argument(
        "--layer",
        metavar="N|all",
        help="0 for what enters the first layer; all: one after the other (default: the last)",
    )
    parser.add_argument(
        "--attentions",
        action="store_true",
        help="the attention of every base to every base, by layer and head, in place of states",
    )
    parser.add_argument(
        "--length",
        choices=("error", "truncate", "window"),
        help="a sequence over the limit: refuse it (default), keep its first bases, or read it by "
        "windows, where a base has the mean of its states in all it is seen in",
    )
    parser.add_argument(
        "--overlap", type=int, metavar="N", help="bases that windows share at least; default: 100"
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16"),
        default="auto",
        help="auto (default): bf16 where the device has it and is the faster for it, else fp32",
    )
    add_model_arguments(parser)
    add_plot(parser)


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


@with_plot
def execute(arguments: argparse.Namespace) -> int:
    """Write the vectors of every sequence.

    Raises:
        ConfigError: options do not go together.
        DataError: a sequence cannot be read.
    """
    from rnaernie_bench.backbones.loading import longest
    from rnaernie_bench.cli.run import prepare_libraries
    from rnaernie_bench.data.text import STANDARD_INPUT
    from rnaernie_bench.prediction.embedding_files import writer_for

    prepare_libraries()
    writer_for(arguments.output)
    _check(arguments)
    if arguments.task is not None:
        return _embed_task(arguments)
    refuse, total = arguments.length in (None, "error"), None
    if arguments.fasta != STANDARD_INPUT and not Path(arguments.fasta).is_fifo():
        # All of it is checked before the work, which may take long.
        limit = longest(arguments.model) if refuse else None
        total = sum(1 for _ in _records(arguments, limit))
    embedder = _embedder(arguments)
    limit = embedder.encoder.max_bases if refuse else None
    _write(arguments, embedder, _records(arguments, limit), total)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse options that say nothing beside others.

    Raises:
        ConfigError: naming the first of them.
    """
    from rnaernie_bench.core.errors import ConfigError

    if (arguments.fasta is None) == (arguments.task is None):
        raise ConfigError(
            "either a file of sequences or a task is embedded", where="embed",
            remedy="name one of them",
        )  # fmt: skip
    task, windows = arguments.task is not None, arguments.length == "window"
    table = arguments.sequence is not None
    for option, unread, beside in (
        ("--length", task and arguments.length is not None, "--task, whose own policy reads"),
        ("--sequence", task and table, "--task"),
        ("--attentions", task and arguments.attentions, "--task"),
        ("--id", arguments.id is not None and not table, "a FASTA file: add --sequence"),
        ("--overlap", arguments.overlap is not None and not windows, "no --length window"),
        ("--pooling", arguments.attentions and arguments.pooling is not None, "--attentions"),
        ("--layer", arguments.attentions and arguments.layer is not None, "--attentions"),
        ("--length window", arguments.attentions and windows, "--attentions"),
    ):
        if unread:
            raise ConfigError(
                f"it says nothing beside {beside}", where=option, remedy="leave it out"
            )


def _records(arguments: argparse.Namespace, limit: int | None) -> Iterator[tuple[str, str]]:
    """Return ids and sequences of the file; those over the limit are refused."""
    from rnaernie_bench.data.fasta import read_named
    from rnaernie_bench.data.sequence_columns import read_column

    remedy = "cut it, or use its first bases with --length truncate, or all with --length window"
    if arguments.sequence is None:
        return read_named(arguments.fasta, max_bases=limit, remedy=remedy)
    return read_column(
        Path(arguments.fasta), arguments.sequence, arguments.id, max_bases=limit, remedy=remedy
    )


def _embedder(arguments: argparse.Namespace) -> Embedder:
    """Return the backbone with the states that are asked for."""
    from rnaernie_bench.prediction.embed import OVERLAP, Embedder, States, chosen_layers

    encoder = load_model(arguments.model)
    overlap = None
    if arguments.length == "window":
        usual = min(OVERLAP, encoder.max_bases // 2)
        overlap = usual if arguments.overlap is None else arguments.overlap
    return Embedder(
        encoder,
        arguments.pooling or "mean",
        rna_type=arguments.rna_type,
        precision=arguments.precision,
        states=States(
            None if arguments.layer is None else chosen_layers(arguments.layer, encoder),
            arguments.attentions,
            overlap,
        ),
    )


def _write(
    arguments: argparse.Namespace,
    embedder: Embedder,
    records: Iterable[tuple[str, str]],
    total: int | None,
    *,
    task: str | None = None,
    left: str = "",
) -> None:
    """Write the file, and say what it was made of."""
    from rnaernie_bench import __version__
    from rnaernie_bench.cli.run import say
    from rnaernie_bench.core.progress import steps
    from rnaernie_bench.prediction.embedding_files import write_embeddings

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
                **({} if task is None else {"task": task}),
            },
            sequences=task is not None,
            append=arguments.append,
            progress=step,
        )
    limit = embedder.encoder.max_bases
    told = [
        text
        for count, text in (
            (written.before, f"{written.before} of them embedded before"),
            (written.kept, f"behind {written.kept} that the file held"),
            (written.truncated, f"{written.truncated} of them cut to their first {limit} bases"),
            (written.windowed, f"{written.windowed} of them read by windows of {limit} bases"),
        )
        if count
    ]
    said = "".join(f", {text}" for text in told)
    say(f"{written.sequences} sequences{left}{said} -> {arguments.output}")


def _embed_task(arguments: argparse.Namespace) -> int:
    """Write the states of all distinct sequences of a task, or of one of its splits."""
    from rnaernie_bench.data.items import sequences_in
    from rnaernie_bench.data.loading import load_dataset, make_split, used_by
    from rnaernie_bench.task.lengths import POLICIES
    from rnaernie_bench.task.task import load_task

    task = load_task(arguments.task, arguments.task_path)
    dataset = load_dataset(task, simulated=arguments.simulated)
    if arguments.split or arguments.fold:
        split = make_split(
            task, dataset, arguments.split or task.default_split, fold=arguments.fold
        )
        dataset = used_by(split, dataset)
    embedder = _embedder(arguments)
    limit, policy = embedder.encoder.max_bases, POLICIES[task.length]
    records = sequences_in(dataset)
    kept = {s: name for s, name in records.items() if policy.reads or len(s) <= limit}
    left = len(records) - len(kept)
    _write(
        arguments,
        embedder,
        ((name, sequence) for sequence, name in kept.items()),
        len(kept),
        task=task.key,
        left=f", {left} over {limit} bases left out" if left else "",
    )
    return 0
