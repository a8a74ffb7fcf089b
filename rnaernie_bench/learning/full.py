"""Full fine-tuning: every weight of backbone and head is trained.

Layers can have rates that fall with their depth, and can be thawed one by one: see `layers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.schema import added
from rnaernie_bench.task.catalogue import EVERY_LEVEL, StrategyEntry

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.interface import FitContext, FitReport


@dataclass(frozen=True)
class FullOptions:
    """Options of `strategy=full`."""

    name: str
    learning_rate: float = 1e-4
    """The highest rate, that of the head."""
    layer_decay: float = added(1.0)
    """The rate of a layer as a multiple of the layer's above it; embeddings are the lowest."""
    unfreeze_every: float | None = added(None)
    """Epochs after which one more layer is trained, from the top, the head first; None: all of
    them from the start."""

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise ConfigError("the value must be above 0", where="strategy.learning_rate")
        if not 0 < self.layer_decay <= 1:
            raise ConfigError(
                "the value must be above 0 and at most 1", where="strategy.layer_decay"
            )
        if self.unfreeze_every is not None and self.unfreeze_every <= 0:
            raise ConfigError("the value must be above 0, or null", where="strategy.unfreeze_every")


def fit(
    context: FitContext, encoder: Encoder, options: FullOptions
) -> tuple[FittedNetwork, FitReport]:
    """Train `encoder` with a fresh head on the task."""
    from rnaernie_bench.learning.fit import fresh_network, report, train_network
    from rnaernie_bench.learning.layers import GradualUnfreezing, layer_groups, rate_factors

    network = fresh_network(context, encoder)
    model, decay, every = network.model, options.layer_decay, options.unfreeze_every
    groups = layer_groups(model) if decay < 1 or every is not None else []
    summary = train_network(
        context,
        network,
        options.learning_rate,
        rate_factors=rate_factors(groups, decay) if decay < 1 else None,
        callbacks=[] if every is None else [GradualUnfreezing(model, groups, every)],
    )
    return network, report(context, network, summary, encoder.weights_sha256)


ENTRY = StrategyEntry(
    options=FullOptions,
    fit="rnaernie_bench.learning.full:fit",
    summary="every weight of backbone and head is trained",
    levels=EVERY_LEVEL,
    # DDP sums the gradients of what is trained from the start only.
    together=lambda options: options.unfreeze_every is None,
)
