"""A convolutional network on one-hot bases, trained by the same recipe as the backbones."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.metrics.problems import Problem, outputs
from rnaernie_bench.task.catalogue import BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.baselines._cnn_network import OneHotCnn
    from rnaernie_bench.learning.fit import FittedNetwork, Reader
    from rnaernie_bench.learning.interface import FitContext, FitReport


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

    from rnaernie_bench.learning.fit import FittedNetwork, report, train_network

    config = context.config
    task = config.task
    reader = _reader(task.length, config.trainer.token_budget, task.window_overlap)
    torch.manual_seed(config.seed)
    asked = context.task
    width = outputs(asked.problem, len(asked.labels))
    model = _network(reader.tokenizer, options, width, asked.problem, asked.level)
    summary = train_network(context, model, reader, options.learning_rate)
    fitted = FittedNetwork(
        model, reader, partial(_write, model, options, width, reader), asked.level
    )
    return fitted, report(context, model, summary, reader, None)


def restore(folder: Path) -> FittedNetwork:
    """Return the network that was saved into `folder`."""
    from safetensors.torch import load_file

    from rnaernie_bench.learning.fit import FittedNetwork

    saved = json.loads((folder / "cnn.json").read_text(encoding="utf-8"))
    options = CnnOptions(**saved["options"])
    reader = _reader(saved["length"], saved["token_budget"], saved.get("overlap", 0))
    # Before there were other problems and levels, a model said of neither.
    problem, level = saved.get("problem", "multiclass"), saved.get("level", "sequence")
    model = _network(reader.tokenizer, options, saved["classes"], problem, level)
    model.load_state_dict(load_file(folder / "cnn.safetensors"))
    write = partial(_write, model, options, saved["classes"], reader)
    return FittedNetwork(model, reader, write, level)


def _reader(policy: Any, token_budget: int, overlap: int) -> Reader:
    from rnaernie_bench.backbones.vocabulary import MAX_BASES, typed_tokenizer
    from rnaernie_bench.learning.fit import Reader

    return Reader(typed_tokenizer(), MAX_BASES, policy, token_budget, overlap)


def _network(
    tokenizer: Any, options: CnnOptions, classes: int, problem: Problem, level: str
) -> OneHotCnn:
    from rnaernie_bench.baselines._cnn_network import OneHotCnn
    from rnaernie_bench.data.alphabet import LETTERS

    return OneHotCnn(
        {letter: tokenizer.convert_tokens_to_ids(letter) for letter in LETTERS},
        len(tokenizer),
        classes,
        channels=options.channels,
        kernel_size=options.kernel_size,
        layers=options.layers,
        dropout=options.dropout,
        problem=problem,
        level=level,
    )


def _write(
    model: OneHotCnn, options: CnnOptions, classes: int, reader: Reader, folder: Path
) -> None:
    from safetensors.torch import save_file

    saved = {
        "options": asdict(options),
        "classes": classes,
        "problem": model.problem,
        "level": model.level,
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
