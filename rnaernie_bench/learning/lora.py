"""Low-rank adapters: the backbone stays, small matrices beside its attention and the head learn.

A linear layer ``W x`` becomes ``W x + (alpha / rank) B A x``, where A (rank x in) is random, B (out
x rank) begins at zero, and W does not change (Hu et al. 2021, https://arxiv.org/abs/2106.09685).
The adapters are peft's. They are merged into W at the end, so that what is evaluated and saved is
a plain MultiMolecule model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.task.catalogue import EVERY_LEVEL, StrategyEntry

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.interface import FitContext, FitReport

ATTENTION = (
    "query", "key", "value", "attention.output.dense",
    "q_proj", "k_proj", "v_proj", "out_proj",
)  # fmt: skip
"""How MultiMolecule's encoders call the linear layers of their attention; those of the second row
are RNA-MSM's."""


@dataclass(frozen=True)
class LoraOptions:
    """Options of `strategy=lora`."""

    name: str
    learning_rate: float = 5e-4
    rank: int = 8
    alpha: float = 16.0
    """Adapters count alpha / rank times."""
    dropout: float = 0.1
    """Of what the adapters read."""
    targets: tuple[str, ...] | None = None
    """Ends of the names of the linear layers that get adapters; None: those of the attention."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "alpha"):
            if getattr(self, name) <= 0:
                raise ConfigError("the value must be above 0", where=f"strategy.{name}")
        if self.rank < 1:
            raise ConfigError("the value must be 1 or more", where="strategy.rank")
        if not 0 <= self.dropout < 1:
            raise ConfigError("the value must be from 0 to below 1", where="strategy.dropout")
        if self.targets is not None and not self.targets:
            raise ConfigError("no layer is named", where="strategy.targets", remedy="or give null")


def fit(
    context: FitContext, encoder: Encoder, options: LoraOptions
) -> tuple[FittedNetwork, FitReport]:
    """Train adapters of `encoder` and a fresh head on the task.

    Raises:
        ConfigError: if peft is missing, or the backbone has no layer that is to get an adapter.
    """
    from rnaernie_bench.learning.fit import fresh_network, report, train_network

    network = fresh_network(context, encoder)
    adapters = add_adapters(encoder.model, options)
    if encoder.pooler_seed is not None and getattr(network.model.head, "reads_pooler", True):
        pooler: Any = encoder.model.pooler  # as new as the head: no checkpoint holds it
        pooler.requires_grad_(True)
    trainable = sum(p.numel() for p in network.model.parameters() if p.requires_grad)
    summary = train_network(context, network, options.learning_rate)
    merge_adapters(adapters)
    sha = encoder.weights_sha256
    return network, report(context, network, summary, sha, trainable_parameters=trainable)


def add_adapters(backbone: Any, options: LoraOptions) -> Any:
    """Give layers of `backbone` adapters, in place; of its weights they alone require gradients.

    Returns:
        What `merge_adapters` takes.

    Raises:
        ConfigError: if peft is missing, or no layer is called as `options.targets` say.
    """
    try:
        from peft import LoraConfig, LoraModel
    except ImportError as error:
        raise ConfigError(
            "strategy=lora needs the library peft",
            where="strategy",
            remedy="pip install 'rnaernie-bench[lora]'",
        ) from error
    from torch import nn

    names = options.targets or ATTENTION
    linear = [name for name, module in backbone.named_modules() if isinstance(module, nn.Linear)]
    chosen = [n for n in linear if any(f".{n}".endswith(f".{end}") for end in names)]
    if not chosen:
        raise ConfigError(
            f"no linear layer of {type(backbone).__name__} is called {', '.join(names)}",
            where="strategy.targets",
            remedy=f"name some of its layers, such as {linear[0]}" if linear else "use full",
        )
    config = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=chosen,
    )
    return LoraModel(backbone, config, "default")


def merge_adapters(adapters: Any) -> None:
    """Add adapters to the weights beside them and take them out: the backbone is plain again."""
    backbone = adapters.merge_and_unload()
    backbone.requires_grad_(True)


ENTRY = StrategyEntry(
    options=LoraOptions,
    fit="rnaernie_bench.learning.lora:fit",
    summary="low-rank adapters beside the backbone's attention, and the head, are trained",
    levels=EVERY_LEVEL,
    together=lambda options: True,
)
