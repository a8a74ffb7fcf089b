"""The contact head on bases alone: one-hot letters through a linear layer, no neighbours."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.task.catalogue import HEADS, BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.interface import FitContext, FitReport
    from rnaernie_bench.learning.network import Network
    from rnaernie_bench.learning.reader import Reader


@dataclass(frozen=True)
class OneHotOptions:
    """Width and learning rate of the network."""

    name: str
    width: int = 64
    """Features of a base: what the head reads."""
    learning_rate: float = 1e-2
    head: str = "bilinear"
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
    """Train the layer and the head of the task."""
    import torch

    from rnaernie_bench.backbones.vocabulary import MAX_BASES, typed_tokenizer
    from rnaernie_bench.learning.fit import reader_of, report, train_network

    torch.manual_seed(context.config.seed)
    network = _network(options, reader_of(context, typed_tokenizer(), MAX_BASES))
    summary = train_network(context, network, options.learning_rate)
    return network, report(context, network, summary, None)


def restore(folder: Path) -> FittedNetwork:
    """Return the network that was saved into `folder`."""
    from safetensors.torch import load_file

    from rnaernie_bench.backbones.vocabulary import MAX_BASES, typed_tokenizer
    from rnaernie_bench.learning.reader import Reader

    saved = json.loads((folder / "onehot.json").read_text(encoding="utf-8"))
    reader = Reader(typed_tokenizer(), MAX_BASES, saved["length"], saved["token_budget"])
    network = _network(OneHotOptions(**saved["options"]), reader)
    network.model.load_state_dict(load_file(folder / "onehot.safetensors"))
    return network


def _network(options: OneHotOptions, reader: Reader) -> FittedNetwork:
    """Return the head on a table of features, a row a token: one-hot letters times a matrix."""
    from rnaernie_bench.baselines._onehot_network import Letters
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.network import Network, build_head, level_inputs

    letters = Letters(len(reader.tokenizer), options.width)
    head = build_head(options.head, SimpleNamespace(hidden_size=options.width), 1, "binary")
    model = Network(letters, head, level_inputs(HEADS.get(options.head).level))
    return FittedNetwork(model, reader, partial(_write, model, options, reader))


def _write(model: Network, options: OneHotOptions, reader: Reader, folder: Path) -> None:
    from safetensors.torch import save_file

    saved = {
        "options": asdict(options),
        "length": reader.policy,
        "token_budget": reader.token_budget,
    }
    (folder / "onehot.json").write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "onehot.safetensors")


ENTRY = BaselineEntry(
    options=OneHotOptions,
    fit="rnaernie_bench.baselines.onehot:fit",
    restore="rnaernie_bench.baselines.onehot:restore",
    summary="the contact head on one-hot bases, which know nothing of their neighbours",
    levels=("contact",),
    problems=("binary",),
)
