"""`rnaernie-bench types`: what predicts the RNA types that guide a strategy, and how well."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.cli.output import add_json, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rnaernie_bench.pretraining.corpus import Corpus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of the subcommand and their options."""
    parser.description = "Train a classifier of RNA types on a typed corpus, or measure one."
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    corpus: dict[str, Any] = {
        "nargs": "*", "metavar": "KEY=VALUE", "help": "the corpus, as for `pretrain`",
    }  # fmt: skip
    train = actions.add_parser("train", help="k-mers and logistic regression, in a minute")
    train.add_argument("out", type=Path, metavar="OUT", help="the folder to make")
    train.add_argument("settings", **corpus)
    train.add_argument("--max-k", type=int, default=4, metavar="K", help="default: 4")
    train.add_argument("--most", type=int, default=1000, metavar="N", help="records a type")
    measure = actions.add_parser("measure", help="accuracy and calibration on held-out records")
    measure.add_argument(
        "predictor", metavar="PREDICTOR", help="what `types train` made, or a backbone with types"
    )
    measure.add_argument("settings", **corpus)
    measure.add_argument(
        "--slot", choices=["mask", "pad"], default="mask", help="token in the slot of the type"
    )
    measure.add_argument("--plot", type=Path, metavar="FILE", help="reliability as .png or .svg")
    add_json(measure, "all figures, unrounded")


def execute(arguments: argparse.Namespace) -> int:
    """Execute the action.

    Raises:
        ConfigError: if a setting is wrong, or there is no such predictor.
        DataError: if the corpus cannot be read, or holds nothing out.
        BenchError: if a file cannot be written.
    """
    from rnaernie_bench.cli.run import prepare_libraries

    corpus = _corpus(arguments.settings)
    prepare_libraries()
    return (_train if arguments.action == "train" else _measure)(arguments, corpus)


def _corpus(settings: list[str]) -> Corpus:
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.pretraining.config import compose
    from rnaernie_bench.pretraining.corpus import load_corpus

    foreign = [text for text in settings if not text.startswith("corpus")]
    if foreign:
        raise ConfigError(f"'{foreign[0]}' is not a setting of a corpus", where="types")
    config = compose([*settings, "out=unused"])
    return load_corpus(config.corpus, lambda line: print(line, file=sys.stderr))


def _train(arguments: argparse.Namespace, corpus: Corpus) -> int:
    from rnaernie_bench.core.files import atomic_folder
    from rnaernie_bench.pretraining.type_classifier import KmerTypesOptions, train_types

    options = KmerTypesOptions(max_k=arguments.max_k, most=arguments.most)
    predictor = train_types(corpus, options)
    with atomic_folder(arguments.out) as folder:
        predictor.save(folder)
    if predictor.held_out:
        print(_line(predictor.held_out))
    print(f"classifier: {arguments.out}")
    print(f"use it with: strategy=type_guided strategy.predictor={arguments.out}")
    return 0


def _measure(arguments: argparse.Namespace, corpus: Corpus) -> int:
    from rnaernie_bench.core.errors import DataError
    from rnaernie_bench.learning.guidance.predictors import named
    from rnaernie_bench.learning.guidance.quality import type_quality

    if not len(corpus.held_out):
        raise DataError("the corpus has no held-out records", remedy="set corpus.held_out above 0")
    predictor = named(arguments.predictor, slot=arguments.slot)
    logits = predictor.logits(list(corpus.held_out["sequence"]))
    quality = type_quality(logits, list(corpus.held_out["type"]))
    show(arguments, quality, lambda: _line(quality))
    if arguments.plot:
        from rnaernie_bench.core.figures import save_figure
        from rnaernie_bench.metrics.figures import reliability_figure

        title = f"RNA types as {Path(arguments.predictor).name} predicts them"
        save_figure(reliability_figure({"held-out": quality["reliability"]}, title), arguments.plot)
    return 0


def _line(quality: Mapping[str, Any]) -> str:
    return (
        f"{quality['n']:,} held-out sequences: accuracy {quality['accuracy']:.3f}, among the first "
        f"three {quality['top3_accuracy']:.3f}, mean over types {quality['macro_accuracy']:.3f}, "
        f"calibration error {quality['ece']:.3f}"
    )
