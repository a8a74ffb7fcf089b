"""A convolutional network on one-hot bases, trained by the same recipe as the backbones."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import Problem, outputs
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.baselines._cnn_network import OneHotCnn
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.interface import FitContext, FitReport
    from rnaernie_bench.learning.reader import Reader


@dataclass(frozen=True)
class CnnOptions:
    """Shape and learning rate of the network."""

    name: str
    channels: int = 128
    kernel_size: int = 9
    layers: int = 3
    dropout: float = 0.1
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        for name in ("channels", "kernel_size", "layers", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ConfigError("the value must be above 0", where=f"backbone.{name}")
        if not 0 <= self.dropout < 1:
            raise ConfigError("the value must be from 0 to below 1", where="backbone.dropout")


def fit(context: FitContext, options: CnnOptions) -> tuple[FittedNetwork, FitReport]:
    """Train the network on the task."""
    import torch

    from rnaernie_bench.backbones.vocabulary import MAX_BASES, typed_tokenizer
    from rnaernie_bench.learning.fit import reader_of, report, train_network

    task = context.task
    torch.manual_seed(context.config.seed)
    shape = Shape(outputs(task.problem, len(task.labels)), task.problem, task.level)
    network = _network(options, shape, reader_of(context, typed_tokenizer(), MAX_BASES))
    summary = train_network(context, network, options.learning_rate)
    return network, report(context, network, summary, None)


def restore(folder: Path) -> FittedNetwork:
    """Return the network that was saved into `folder`."""
    from safetensors.torch import load_file

    from rnaernie_bench.backbones.vocabulary import MAX_BASES, typed_tokenizer
    from rnaernie_bench.learning.reader import Reader

    saved = json.loads((folder / "cnn.json").read_text(encoding="utf-8"))
    # Before there were other problems and levels, a model said of neither.
    problem, level = saved.get("problem", "multiclass"), saved.get("level", "sequence")
    policy, budget, overlap = saved["length"], saved["token_budget"], saved.get("overlap", 0)
    reader = Reader(typed_tokenizer(), MAX_BASES, policy, budget, overlap)
    shape = Shape(saved["classes"], problem, level)
    network = _network(CnnOptions(**saved["options"]), shape, reader)
    network.model.load_state_dict(load_file(folder / "cnn.safetensors"))
    return network


@dataclass(frozen=True)
class Shape:
    """What the network is to give."""

    classes: int
    """Scores of a unit."""
    problem: Problem
    level: str


def _network(options: CnnOptions, shape: Shape, reader: Reader) -> FittedNetwork:
    """Return the network, yet to be trained; weights are drawn from torch's generator."""
    from rnaernie_bench.baselines._cnn_network import OneHotCnn
    from rnaernie_bench.data.alphabet import LETTERS
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.network import level_inputs

    tokenizer = reader.tokenizer
    model = OneHotCnn(
        level_inputs(shape.level),
        LEVELS.get(shape.level).unit == "base",
        {letter: tokenizer.convert_tokens_to_ids(letter) for letter in LETTERS},
        len(tokenizer),
        shape.classes,
        channels=options.channels,
        kernel_size=options.kernel_size,
        layers=options.layers,
        dropout=options.dropout,
    )
    return FittedNetwork(model, reader, partial(_write, model, options, shape, reader))


def _write(
    model: OneHotCnn, options: CnnOptions, shape: Shape, reader: Reader, folder: Path
) -> None:
    from safetensors.torch import save_file

    saved = {
        "options": asdict(options),
        **asdict(shape),
        "length": reader.policy,
        "token_budget": reader.token_budget,
        "overlap": reader.overlap,
    }
    (folder / "cnn.json").write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")
    save_file(model.state_dict(), folder / "cnn.safetensors")


ENTRY = BaselineEntry(
    options=CnnOptions,
    fit="rnaernie_bench.baselines.cnn:fit",
    restore="rnaernie_bench.baselines.cnn:restore",
    summary="convolutional network on one-hot bases",
    levels=("sequence", "token"),
)
