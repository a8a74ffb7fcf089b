"""`rnaernie-bench embed --plot`: the vectors in the plane."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

Execute = Callable[[argparse.Namespace], int]


def add_plot(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw the vectors in the plane, by UMAP if umap-learn is installed, else by principal "
        "components: .svg or .png",
    )
    parser.add_argument(
        "--colour",
        metavar="COLUMN",
        help="colour them by a column of the table, or of another one: TABLE:COLUMN, by its ids",
    )


def check_plot(arguments: argparse.Namespace) -> None:
    """Refuse, before anything is embedded, what cannot be drawn.

    Raises:
        ConfigError: options do not go together.
        BenchError: the name of the picture is none.
    """
    from rnaernie_bench.core.errors import BenchError, ConfigError

    chosen = arguments.plot is not None
    whole = arguments.pooling == "token" or arguments.attentions or arguments.layer == "all"
    of_table = arguments.sequence is not None and arguments.fasta != "-"
    for option, wrong, why in (
        ("--colour", arguments.colour is not None and not chosen, "it says nothing without --plot"),
        ("--plot", chosen and whole, "one vector a sequence is drawn: --pooling mean or cls"),
        (
            "--plot",
            chosen and arguments.output.suffix.lower() not in (".npz", ".parquet"),
            "it draws .npz and .parquet; other programs draw AnnData",
        ),
        (
            "--colour",
            chosen and ":" not in (arguments.colour or ":") and not of_table,
            "there is no table to take the column of: give TABLE:COLUMN",
        ),
    ):
        if wrong:
            raise ConfigError(why, where=option)
    if chosen and arguments.plot.suffix.lower() not in (".svg", ".png"):
        raise BenchError("it is no picture", where=arguments.plot, remedy="use .png or .svg")


def with_plot(embed: Execute) -> Execute:
    """Return `embed`, followed by the picture of what it wrote, if that is asked for."""

    def execute(arguments: argparse.Namespace) -> int:
        check_plot(arguments)
        status = embed(arguments)
        if arguments.plot is not None:
            plot(arguments)
        return status

    return execute


def plot(arguments: argparse.Namespace) -> None:
    """Draw what the output holds."""
    from rnaernie_bench.cli.run import say
    from rnaernie_bench.core.figures import save_figure
    from rnaernie_bench.prediction.projections import (
        colours_of,
        project,
        projection_figure,
        read_vectors,
    )

    ids, vectors = read_vectors(arguments.output)
    values, column = None, ""
    if arguments.colour is not None:
        table, _, column = arguments.colour.rpartition(":")
        identity = "id" if table else arguments.id or "id"
        values = colours_of(ids, Path(table or arguments.fasta), column, identity)
    title = f"{len(ids):,} sequences, {arguments.model}"
    figure = projection_figure(project(vectors), values, title=title, legend=column)
    save_figure(figure, arguments.plot)
    say(f"drawn: {arguments.plot}")
