"""`rnaernie-bench fill-mask`: masked bases predicted."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from rnaernie_bench.cli.embed import add_model_arguments, load_model
from rnaernie_bench.cli.output import add_json, show

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnaernie_bench.prediction.fill_mask import Candidate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Show the most probable tokens for every <mask> of a sequence, as the fill-mask pipeline "
        "of Transformers gives them."
    )
    parser.epilog = (
        "example: rnaernie-bench fill-mask 'gguc<mask>cucugguuagaccagaucugagccu' --bases"
    )
    parser.add_argument(
        "sequence", metavar="SEQUENCE", help="with <mask> in place of bases; in quotes"
    )
    parser.add_argument("--top", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument(
        "--bases", action="store_true", help="candidates are A, C, G and U only; scores stay"
    )
    add_json(parser, "what the pipeline returns; a list a mask, if several")
    add_model_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the candidates."""
    from rnaernie_bench.cli.run import prepare_libraries
    from rnaernie_bench.prediction.fill_mask import check_masked, fill_mask

    prepare_libraries()
    check_masked(arguments.sequence)  # before the model is loaded
    masks = fill_mask(
        arguments.sequence,
        model=load_model(arguments.model, masked_lm=True),
        top=arguments.top,
        bases_only=arguments.bases,
        rna_type=arguments.rna_type,
    )
    show(arguments, masks[0] if len(masks) == 1 else masks, lambda: as_table(masks))
    return 0


def as_table(masks: Sequence[Sequence[Candidate]]) -> str:
    """Return the candidates of each mask, a line each."""
    lines = []
    for number, mask in enumerate(masks, start=1):
        if len(masks) > 1:
            lines.append(f"mask {number}")
        lines += [f"{c.score:.4f}  {c.token_str:<6}  {c.sequence}" for c in mask]
    return "\n".join(lines)
