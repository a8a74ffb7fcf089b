"""The contact head on bases alone: one-hot letters through a linear layer, no neighbours."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.task.catalogue import HEADS, BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.contact_fit import FittedContactNetwork
    from rnaernie_bench.learning.contact_network import ContactModel
    from rnaernie_bench.learning.fit import Reader
    from rnaernie_bench.learning.interface import FitContext, FitReport


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
        if HEADS.get(self.head).level != "contact" or self.head == "attention":
            raise ConfigError(
                f"head '{self.head}' does not read the states of bases", where="backbone.head"
            )


def fit(context: FitContext, options: OneHotOptions) -> tuple[FittedContactNetwork, FitReport]:
    """Train the layer and the head of the task."""
    import torch

    from rnaernie_bench.learning.contact_fit import (
        FittedContactNetwork,
        left_out,
        tokens,
        train_contacts,
    )
    from rnaernie_bench.learning.fit import report

    config = context.config
    reader = _reader(config.task.length, config.trainer.token_budget)
    torch.manual_seed(config.seed)
    model = _network(reader, options)
    summary = train_contacts(context, model, reader, options.learning_rate, partial(tokens, reader))
    write = partial(_write, model, options, reader)
    told = report(context, model, summary, reader, None)
    return FittedContactNetwork(model, reader, write), replace(
        told, details=left_out(context, reader)
    )


def restore(folder: Path) -> FittedContactNetwork:
    """Return the network that was saved into `folder`."""
    from safetensors.torch import load_file

    from rnaernie_bench.learning.contact_fit import FittedContactNetwork

    saved = json.loads((folder / "onehot.json").read_text(encoding="utf-8"))
    options = OneHotOptions(**saved["options"])
    reader = _reader(saved["length"], saved["token_budget"])
    model = _network(reader, options)
    model.load_state_dict(load_file(folder / "onehot.safetensors"))
    write = partial(_write, model, options, reader)
    return FittedContactNetwork(model, reader, write)


def _reader(policy: Any, token_budget: int) -> Reader:
    from rnaernie_bench.backbones.vocabulary import MAX_BASES, typed_tokenizer
    from rnaernie_bench.learning.fit import Reader

    return Reader(typed_tokenizer(), MAX_BASES, policy, token_budget)


def _network(reader: Reader, options: OneHotOptions) -> ContactModel:
    """Return the head on a table of features, a row a token: one-hot letters times a matrix."""
    from rnaernie_bench.baselines._onehot_network import Letters
    from rnaernie_bench.learning.contact_network import ContactModel
    from rnaernie_bench.learning.network import build_head

    shape = SimpleNamespace(hidden_size=options.width)
    letters = Letters(len(reader.tokenizer), options.width)
    return ContactModel(letters, build_head(options.head, shape, 1, "binary"))


def _write(model: ContactModel, options: OneHotOptions, reader: Reader, folder: Path) -> None:
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
