"""`rnaernie-bench convert`: the authors' Paddle checkpoint for MultiMolecule."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnaernie_bench.backbones.conversion import Converted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Convert the authors' Paddle checkpoint into a folder that MultiMolecule and Transformers "
        "load, with the rows of [IND] and the RNA types kept. Paddle is not needed, and nothing "
        "that the file names is executed."
    )
    parser.epilog = "example: rnaernie-bench convert model_state.pdparams rnaernie-typed"
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="CHECKPOINT",
        help="model_state.pdparams; with --check also a folder that was converted before",
    )
    parser.add_argument("output", nargs="?", type=Path, metavar="OUT", help="the folder to make")
    parser.add_argument(
        "--heads",
        type=int,
        metavar="N",
        help="attention heads; default: as in model_config.json, else one per 64 features",
    )
    parser.add_argument("--force", action="store_true", help="replace the model in OUT")
    parser.add_argument(
        "--check",
        type=Path,
        metavar="GOLDEN",
        help="compare with golden vectors (JSON) first; nothing is written if they differ",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-3,
        metavar="X",
        help="the largest deviation from the golden vectors; default: 0.001",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Convert, check, or both."""
    from rnaernie_bench.backbones.conversion import convert, save_converted
    from rnaernie_bench.cli.run import prepare_libraries
    from rnaernie_bench.core.errors import ConfigError

    checkpoint, output = arguments.checkpoint, arguments.output
    if checkpoint.is_dir() and (arguments.check is None or output is not None):
        raise ConfigError(
            "it is a folder, not a Paddle checkpoint",
            where=checkpoint,
            remedy="give model_state.pdparams, or --check GOLDEN to compare a converted folder",
        )
    if output is None and arguments.check is None:
        raise ConfigError("there is nothing to do", remedy="add OUT, --check GOLDEN or both")
    prepare_libraries()
    if checkpoint.is_dir():
        _check(*_load(checkpoint), arguments)
        return 0
    converted = convert(checkpoint, heads=arguments.heads)
    if arguments.check is not None:
        _check(converted.model.model, converted.tokenizer, arguments)
    if output is not None:
        save_converted(converted, output, replace=arguments.force)
        print(_summary(converted, output))
    return 0


def _load(folder: Path) -> tuple[Any, Any]:
    """Return encoder and tokenizer of a converted folder."""
    from rnaernie_bench.backbones.loading import load_backbone

    # Resolved, it is a folder even where its name is also that of a backbone.
    encoder = load_backbone(str(folder.resolve()))
    return encoder.model, encoder.tokenizer


def _check(model: Any, tokenizer: Any, arguments: argparse.Namespace) -> None:
    """Print the deviation of each golden vector, and fail if one is too large."""
    from rnaernie_bench.backbones.golden import deviations, read_golden
    from rnaernie_bench.core.errors import DataError

    largest = 0.0
    for name, deviation in deviations(model, tokenizer, read_golden(arguments.check)):
        print(f"{name:<16} largest deviation {deviation:.1e}")
        largest = max(largest, deviation)
    if not largest <= arguments.tolerance:
        raise DataError(
            f"the outputs differ from the golden vectors by up to {largest:.1e}, more than "
            f"{arguments.tolerance:g}",
            where=arguments.checkpoint,
            remedy="compare the checkpoint that the vectors were made with",
        )


def _summary(converted: Converted, output: Path) -> str:
    from rnaernie_bench.backbones.conversion import ORIGIN

    config = converted.model.config
    copies = getattr(config, ORIGIN)["copies_of_unk"]
    return (
        f"{config.num_hidden_layers} layers, hidden size {config.hidden_size}, "
        f"{config.num_attention_heads} heads, {config.vocab_size} tokens -> {output}\n"
        f"copies of the authors' UNK row: {' '.join(copies)}\n"
        f"use it: backbone=rnaernie backbone.source={output}"
    )
