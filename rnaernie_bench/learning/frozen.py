"""Frozen backbone: features are computed once and cached; only the head is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.levels import Level
from rnaernie_bench.task.catalogue import EVERY_LEVEL, StrategyEntry

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.interface import FitContext, FitReport
    from rnaernie_bench.learning.kept import Kept
    from rnaernie_bench.learning.reader import Reader


@dataclass(frozen=True)
class FrozenOptions:
    """Options of `strategy=frozen`."""

    name: str
    learning_rate: float = 1e-3
    batch_size: int = 64
    """Items in a batch of rows of features, of sequences and bases; other batches follow
    `trainer.token_budget`."""

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise ConfigError("the value must be above 0", where="strategy.learning_rate")
        if self.batch_size < 1:
            raise ConfigError("the value must be 1 or more", where="strategy.batch_size")

    def unread(self, level: Level) -> dict[str, str]:
        """Return options without effect at a level, each with the reason; see `config.unread`."""
        return unread_on_features(level)


def unread_on_features(level: Level) -> dict[str, str]:
    """Return options without effect where a head is trained on features."""
    if level.row_features:
        idle = ("gradient_accumulation", "precision", "fast_dropout", "max_steps", "evaluate_every",
                "learning_rates", "average")  # fmt: skip
        return {f"trainer.{name}": "a head on rows of features has no use for it" for name in idle}
    return {"batch_size": "batches follow trainer.token_budget"}


def fit(
    context: FitContext, encoder: Encoder, options: FrozenOptions
) -> tuple[FittedNetwork, FitReport]:
    """Train a fresh head on the features of `encoder`.

    Raises:
        ConfigError: for a head or an encoding of which no features are kept.
    """
    from rnaernie_bench.learning.features import kept_features
    from rnaernie_bench.learning.fit import fresh_network
    from rnaernie_bench.learning.kept import Kept

    network = fresh_network(context, encoder)
    sequences = sequences_to_keep(context, network)
    table = kept_features(context, encoder, network.model, network.reader, sequences)
    return fit_head(context, encoder, network, Kept([table]), options.learning_rate,
                    options.batch_size)  # fmt: skip


def sequences_to_keep(context: FitContext, network: FittedNetwork) -> list[str]:
    """Return the sequences of the data set that features are kept of, each once.

    Raises:
        ConfigError: for a head or an encoding of which no features are kept.
        DataError: for an item over the limit under ``task.length=error``.
    """
    from rnaernie_bench.learning.features import refuse_unkept
    from rnaernie_bench.learning.fit import refuse_long_items

    reader: Reader = network.reader
    refuse_unkept(network.model, reader, context.config.task.head)
    refuse_long_items(context, reader)
    items = [item.input for part in context.dataset.parts.values() for item in part]
    found: list[str] = network.model.kind.sequences(items, reader)
    return [s for s in found if not reader.leaves_out or len(s) <= reader.max_bases]


def fit_head(
    context: FitContext,
    encoder: Encoder,
    network: FittedNetwork,
    kept: Kept,
    learning_rate: float,
    batch_size: int,
) -> tuple[FittedNetwork, FitReport]:
    """Train the head of `network` on features of all sequences.

    Args:
        context: the task's.
        encoder: the backbone of `network`.
        network: with a fresh head.
        kept: the features.
        learning_rate: the highest rate.
        batch_size: items of a batch where features are rows.
    """
    from rnaernie_bench.heads.bases.contract import is_linear
    from rnaernie_bench.learning.fit import report, train_network
    from rnaernie_bench.learning.rows import train_rows

    network = replace(network, kept=kept)
    if is_linear(network.model.head):
        summary = train_rows(context, network, learning_rate, batch_size)
    else:
        summary = train_network(context, network, learning_rate)
    network.model.half_features = kept.half
    return network, report(context, network, summary, encoder.weights_sha256)


ENTRY = StrategyEntry(
    options=FrozenOptions,
    fit="rnaernie_bench.learning.frozen:fit",
    summary="the backbone stays as it is, its cached features train the head",
    levels=EVERY_LEVEL,
)
