"""`rnaernie-bench inspect`: what a backbone is made of and what it costs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from rnaernie_bench.cli.output import add_json, show

if TYPE_CHECKING:
    from rnaernie_bench.backbones.profile import Profile


_PARTS = {
    "matrix_products": "products",
    "biases": "biases",
    "layer_norm": "LayerNorm",
    "activations": "activations",
    "softmax": "softmax (G)",
}
"""What the operations consist of, and the heading of each column."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Print the table of a backbone's model card: sizes, parameters, and the operations of one "
        "forward pass, counted with eager attention. No weights are read or downloaded."
    )
    parser.epilog = "example: rnaernie-bench inspect backbone=rnaernie --tokens 128"
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="backbone=NAME and backbone.KEY=VALUE"
    )
    parser.add_argument(
        "--tokens",
        type=_lengths,
        default=(128, 512),
        metavar="N[,N]",
        help="lengths to count at, special tokens included; default: 128,512",
    )
    add_json(parser, "print JSON, with exact counts")


def execute(arguments: argparse.Namespace) -> int:
    """Print the table."""
    from rnaernie_bench.backbones.profile import profile
    from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, declared_config
    from rnaernie_bench.cli.run import prepare_libraries
    from rnaernie_bench.config.compose import compose_backbone
    from rnaernie_bench.core.errors import ConfigError

    options = compose_backbone(arguments.overrides)
    if not isinstance(options, RnaErnieOptions) or options.family != "RnaErnie":
        raise ConfigError(
            f"'{options.name}' is no RNAErnie: it has no layers and heads to count",
            where="backbone",
            remedy="choose rnaernie, rnaernie-mini or rnaernie-tiny",
        )
    prepare_libraries()
    counted = profile(declared_config(options), arguments.tokens)
    costs = [asdict(cost) | {"earlier_flops": cost.earlier_flops} for cost in counted.costs]
    table = {"backbone": options.name, **asdict(counted), "costs": costs}
    show(arguments, table, lambda: _tables(options.name, counted))
    return 0


def _lengths(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not N or N,N") from None


def _tables(name: str, counted: Profile) -> str:
    sizes = {
        "Num Layers": counted.layers,
        "Hidden Size": counted.hidden_size,
        "Num Heads": counted.heads,
        "Intermediate Size": counted.intermediate_size,
        "Vocabulary": counted.vocabulary,
        "Num Parameters (M)": f"{counted.parameters / 1e6:.2f}",
        "With MLM Head (M)": f"{counted.parameters_with_mlm_head / 1e6:.2f}",
        "Max Num Tokens": counted.max_tokens,
    }
    costs: list[Sequence[object]] = [("Num Tokens", "FLOPs (G)", "MACs (G)", *_PARTS.values())]
    for cost in counted.costs:
        parts = [f"{getattr(cost, part) / 1e9:.3f}" for part in _PARTS]
        costs.append((cost.tokens, f"{cost.flops / 1e9:.2f}", f"{cost.macs / 1e9:.2f}", *parts))
    earlier = ", ".join(f"{c.earlier_flops / 1e9:.2f} at {c.tokens}" for c in counted.costs)
    return "\n".join(
        [
            name,
            *_aligned([list(sizes), list(sizes.values())]),
            "",
            *_aligned(costs),
            "",
            "FLOPs of encoder and pooler over one sequence, as MultiMolecule's model cards count "
            "them.",
            f"Earlier cards fit products and a cheaper LayerNorm: {earlier} tokens.",
        ]
    )


def _aligned(rows: Sequence[Sequence[object]]) -> list[str]:
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(str(cell).ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
