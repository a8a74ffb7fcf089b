"""Frozen backbone: features are computed once and cached; only the head is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from rnaernie_bench.config.options import LIMITS, TrainerOptions
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.schema import added
from rnaernie_bench.levels import Level
from rnaernie_bench.task.catalogue import EVERY_LEVEL, StrategyEntry

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.interface import FitContext, FitReport
    from rnaernie_bench.learning.kept import Kept
    from rnaernie_bench.learning.network import Network
    from rnaernie_bench.learning.probe import Compute
    from rnaernie_bench.learning.reader import Reader


@dataclass(frozen=True)
class FrozenOptions:
    """Options of `strategy=frozen`."""

    name: str
    learning_rate: float = 1e-3
    """Of `solver=adamw`, and of heads that are not linear."""
    batch_size: int = 64
    """Items in a batch of rows of features, with `solver=adamw`; other batches follow the recipe's
    tokens."""
    layer: Any = added("auto")  # noqa: RUF009 - a field
    """The layer whose states a linear head reads: a number from 0, the embeddings; `all`, side by
    side; `auto`: validation chooses."""
    solver: Literal["auto", "adamw"] = added("auto")
    """`auto` fits linear heads as regressions, to the optimum, and trains others by the recipe;
    `adamw` trains all by the recipe, on the last layer."""

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise ConfigError("the value must be above 0", where="strategy.learning_rate")
        if self.batch_size < 1:
            raise ConfigError("the value must be 1 or more", where="strategy.batch_size")
        number = isinstance(self.layer, int) and not isinstance(self.layer, bool)
        if self.layer not in ("auto", "all") and not (number and self.layer >= 0):
            raise ConfigError(
                f"'{self.layer}' is not allowed",
                where="strategy.layer",
                remedy="give auto, all, or a number from 0",
            )

    def unread(self, level: Level) -> dict[str, str]:
        """Return options without effect at a level, each with the reason; see `config.unread`."""
        found = unread_on_features(level, self.solver)
        if self.solver == "adamw" or not level.row_features:
            found["layer"] = "heads that are trained read the last layer"
        if not level.row_features:
            found["solver"] = "heads of this level are trained by the recipe"
        return found


def unread_on_features(level: Level, solver: str = "auto") -> dict[str, str]:
    """Return options without effect where a head is fitted on features."""
    if not level.row_features:
        return {"batch_size": "batches follow the recipe's tokens"}
    if solver == "adamw":
        return {}
    reason = "linear heads are regressions; strategy.solver=adamw trains them"
    names = (
        {f"trainer.{f.name}" for f in fields(TrainerOptions)}
        - LIMITS
        - {"trainer.progress", "trainer.precision"}
    )
    return dict.fromkeys(("learning_rate", "batch_size", *names), reason)


def fit(
    context: FitContext, encoder: Encoder, options: FrozenOptions
) -> tuple[FittedNetwork, FitReport]:
    """Fit a fresh head on the features of `encoder`.

    Raises:
        ConfigError: for a head or an encoding of which no features are kept, or a layer that the
            backbone lacks.
    """
    from rnaernie_bench.learning.features import kept_features
    from rnaernie_bench.learning.fit import fresh_network
    from rnaernie_bench.learning.kept import Kept

    if encoder.stored:
        _bind(context, encoder)
    network = fresh_network(context, encoder)
    parts = sequences_to_keep(context, network)
    if encoder.stored:
        states: Any = encoder.model
        states.require(sequence for part in parts for sequence in part)

    def compute(model: Network, reads: str, parts: Sequence[Sequence[str]]) -> Kept:
        return Kept([kept_features(context, encoder, model, network.reader, parts, reads=reads)])

    return fit_head(context, encoder, network, parts, compute, options)


def _bind(context: FitContext, encoder: Encoder) -> None:
    """Tell states that are looked up in a file which ids stand for which sequences."""
    from rnaernie_bench.task.catalogue import HEADS

    level = context.task.level_entry
    items = (
        (item.id, (item.input,) if isinstance(item.input, str) else item.input)
        for part in context.dataset.parts.values()
        for item in part
    )
    per_base = level.per_base or HEADS.get(context.config.task.head).per_base
    states: Any = encoder.model
    states.bind(items, per_base=per_base)


def sequences_to_keep(context: FitContext, network: FittedNetwork) -> list[list[str]]:
    """Return the sequences that features are kept of, by part of the data set, each once a part.

    The parts that are learned from come first.

    Raises:
        ConfigError: for a head or an encoding of which no features are kept.
        DataError: for an item over the limit under ``task.length=error``.
    """
    from rnaernie_bench.learning.features import refuse_unkept
    from rnaernie_bench.learning.fit import refuse_long_items

    reader: Reader = network.reader
    refuse_unkept(network.model, reader, context.config.task.head)
    refuse_long_items(context, reader)
    learned = {item.id for item in (*context.train, *context.validation)}
    found: list[list[str]] = []
    for items in sorted(
        context.dataset.parts.values(), key=lambda part: learned.isdisjoint(i.id for i in part)
    ):
        sequences = network.model.kind.sequences([item.input for item in items], reader)
        found.append([s for s in sequences if not reader.leaves_out or len(s) <= reader.max_bases])
    return found


def fit_head(
    context: FitContext,
    encoder: Encoder,
    network: FittedNetwork,
    parts: Sequence[Sequence[str]],
    compute: Compute,
    options: FrozenOptions,
    dress: Callable[[FittedNetwork], FittedNetwork] = lambda network: network,
) -> tuple[FittedNetwork, FitReport]:
    """Fit a head on features of all sequences: as a regression if it is linear, else by the recipe.

    Args:
        context: the task's.
        encoder: the backbone of `network`.
        network: with a fresh head.
        parts: what features are kept of.
        compute: computes features, see `learning.probe`.
        options: see there.
        dress: makes of a network what is fitted and returned.
    """
    from rnaernie_bench.heads.bases.contract import is_linear
    from rnaernie_bench.learning.fit import report, train_network
    from rnaernie_bench.learning.probe import fit_probe

    linear = is_linear(network.model.head)
    if linear and options.solver == "auto":
        fitted = fit_probe(context, encoder, parts, compute, options.layer, dress)
        if fitted is not None:
            return fitted
    if options.layer != "auto":
        raise ConfigError(
            "a head that is trained by the recipe reads the last layer",
            where="strategy.layer",
            remedy="leave it out",
        )
    kept = compute(network.model, "", parts)
    network = replace(dress(network), kept=kept)
    trained = context
    if linear:  # rows count one each
        trainer = replace(context.config.trainer, token_budget=options.batch_size)
        trained = replace(context, config=replace(context.config, trainer=trainer))
    summary = train_network(trained, network, options.learning_rate)
    network.model.half_features = kept.half
    told = report(context, network, summary, encoder.weights_sha256)
    return network, replace(told, selected={"solver": "adamw", **told.selected})


ENTRY = StrategyEntry(
    options=FrozenOptions,
    fit="rnaernie_bench.learning.frozen:fit",
    summary="the backbone stays as it is, its cached features train the head",
    levels=EVERY_LEVEL,
)
