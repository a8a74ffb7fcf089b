"""A contact head on one-hot letters: what is learned of pairs without a language model.

With the head `resnet2d`, the default, convolutions along the sequence and over the contact map read
them: the small network that models with a language model have to beat. With `bilinear`, two bases
are all that the score of a pair depends on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.task.catalogue import HEADS, BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.backbones.precision import Precision
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.interface import FitContext, FitReport
    from rnaernie_bench.learning.network import Network
    from rnaernie_bench.learning.reader import Reader


@dataclass(frozen=True)
class OneHotOptions:
    """Width and learning rate of the network."""

    name: str
    width: int = 16
    """Features of a base: one-hot letters times a matrix, what the head reads as states."""
    learning_rate: float = 2e-3
    head: str = "resnet2d"
    """A contact head that reads states."""

    def __post_init__(self) -> None:
        for name in ("width", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ConfigError("the value must be above 0", where=f"backbone.{name}")
        if HEADS.get(self.head).level not in ENTRY.levels or self.head == "attention":
            raise ConfigError(
                f"head '{self.head}' does not read the states of bases", where="backbone.head"
            )


def fit(context: FitContext, options: OneHotOptions) -> tuple[FittedNetwork, FitReport]:
    """Train the matrix and the head."""
    import torch

    from rnaernie_bench.backbones.precision import chosen
    from rnaernie_bench.backbones.vocabulary import MAX_BASES, typed_tokenizer
    from rnaernie_bench.learning.fit import head_options, reader_of, report, train_network

    torch.manual_seed(context.config.seed)
    reader = reader_of(context, typed_tokenizer(), MAX_BASES)
    precision = chosen(context.config.trainer.precision)
    of_head = head_options(context, options.head, reader)
    network = _network(options, reader, of_head, precision)
    summary = train_network(context, network, options.learning_rate)
    return network, report(context, network, summary, None)


def restore(folder: Path) -> FittedNetwork:
    """Return the network that was saved into `folder`."""
    from safetensors.torch import load_file

    from rnaernie_bench.backbones.precision import once_more
    from rnaernie_bench.backbones.vocabulary import MAX_BASES, typed_tokenizer
    from rnaernie_bench.learning.reader import Reader

    saved = json.loads((folder / "onehot.json").read_text(encoding="utf-8"))
    options = OneHotOptions(**{"head": "bilinear", **saved["options"]})
    of_head = saved.get("head_options", {})
    precision = once_more(saved.get("precision", "fp32"))
    reader = Reader(
        typed_tokenizer(),
        MAX_BASES,
        saved["length"],
        saved["token_budget"],
        features=tuple(of_head.get("features", ())),
    )
    network = _network(options, reader, of_head, precision)
    network.model.load_state_dict(load_file(folder / "onehot.safetensors"))
    return network


def _network(
    options: OneHotOptions, reader: Reader, head_options: Mapping[str, Any], precision: Precision
) -> FittedNetwork:
    """Return the head on a table of features, a row a token: one-hot letters times a matrix."""
    from rnaernie_bench.baselines._onehot_network import Letters
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.network import Network, build_head, level_inputs

    letters = Letters(len(reader.tokenizer), options.width)
    config = SimpleNamespace(hidden_size=options.width)
    head = build_head(options.head, config, 1, "binary", head_options)
    level = HEADS.get(options.head).level
    model = Network(letters, head, level_inputs(level), precision=precision)
    return FittedNetwork(model, reader, partial(_write, model, options, head_options, reader))


def _write(
    model: Network,
    options: OneHotOptions,
    head_options: Mapping[str, Any],
    reader: Reader,
    folder: Path,
) -> None:
    from safetensors.torch import save_file

    saved = {
        "options": asdict(options),
        "head_options": dict(head_options),
        "length": reader.policy,
        "token_budget": reader.token_budget,
        "precision": model.precision,
    }
    (folder / "onehot.json").write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "onehot.safetensors")


ENTRY = BaselineEntry(
    options=OneHotOptions,
    fit="rnaernie_bench.baselines.onehot:fit",
    restore="rnaernie_bench.baselines.onehot:restore",
    summary="a contact head on one-hot letters: a residual network by default",
    levels=("contact",),
    problems=("binary",),
)
