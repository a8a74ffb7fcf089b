"""Full fine-tuning: every weight of backbone and head is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnaernie_bench.catalogue import StrategyEntry
from rnaernie_bench.errors import ConfigError

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.fitting import FitContext, FitReport
    from rnaernie_bench.strategies.network import FittedNetwork


@dataclass(frozen=True)
class FullOptions:
    """Options of `strategy=full`."""

    name: str
    learning_rate: float

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise ConfigError("the value must be above 0", where="strategy.learning_rate")


def fit(
    context: FitContext, encoder: Encoder, options: FullOptions
) -> tuple[FittedNetwork, FitReport]:
    """Train `encoder` with a fresh head on the task."""
    from rnaernie_bench.strategies.network import report, train_network, with_fresh_head

    network = with_fresh_head(context, encoder)
    summary = train_network(context, network.model, network.reader, options.learning_rate)
    return network, report(context, network.model, summary, network.reader, encoder.weights_sha256)


ENTRY = StrategyEntry(
    options=FullOptions,
    fit="rnaernie_bench.strategies.full:fit",
    summary="every weight of backbone and head is trained",
)
