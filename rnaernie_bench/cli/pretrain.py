"""`rnaernie-bench pretrain`: masked language modelling on a corpus."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.description = (
        "Pre-train an RNAErnie with types on a corpus; the folder it makes loads in MultiMolecule. "
        "Settings are key=value. An interrupted pre-training continues where the same command is "
        "given again. On several processes: torchrun -m rnaernie_bench.cli.main pretrain ..."
    )
    parser.epilog = (
        "example: rnaernie-bench pretrain corpus=rfam_seed backbone=rnaernie-tiny schedule=staged "
        "trainer.max_steps=20000 out=my-rnaernie"
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="settings")


def execute(arguments: argparse.Namespace) -> int:
    """Carry the pre-training out."""
    from rnaernie_bench.cli.run import prepare_libraries, say
    from rnaernie_bench.config.compose import expand
    from rnaernie_bench.core.errors import ConfigError
    from rnaernie_bench.pretraining.config import compose

    runs = list(expand(arguments.overrides))
    if len(runs) > 1:
        raise ConfigError(
            "a list of values would start several trainings",
            remedy="give one value: each training has a folder of its own",
        )
    config = compose(runs[0])
    prepare_libraries()
    from rnaernie_bench.pretraining.job import execute as pretrain
    from rnaernie_bench.pretraining.progress import log_line

    outcome = pretrain(config, notify=say)
    if outcome is None:  # another process than the first
        return 0
    training, figures = outcome.record["training"], outcome.record["evaluation"]
    print(
        f"trained {training['steps']} steps, {training['tokens']:,} tokens in "
        f"{training['train_s']:.0f} s, ended by {training['stopped_by'].replace('_', ' ')}"
    )
    if figures:
        prefixed = {f"eval_{name}": value for name, value in figures.items()}
        print(log_line(prefixed, training["steps"], training["steps"]))
    print(f"model: {outcome.folder}")
    if outcome.page:
        print(f"curves: {outcome.page}")
    return 0
