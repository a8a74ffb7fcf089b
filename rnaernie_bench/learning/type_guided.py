"""Type-guided fine-tuning: a sequence is read once with each of its likely RNA types.

A frozen predictor gives the k most probable types and their probabilities, renormalised. The k
copies ``<cls> bases [IND] [TYPE] <eos>`` go through one classifier, and the mean of their logits,
weighted by probability, is the sequence's: one loss, one prediction.

What is averaged are the scores of units: of a sequence, of each base, or of each pair of bases; the
states of ``[IND]`` and type are dropped. Of two sequences, each combination of a copy of either is
scored, and counts by the product of their shares.

On a frozen backbone, features are cached for the first type of every sequence, the second and so
on, and runs of any k, seed or learning rate share them. Under a linear head, the mean of scores is
the score of the mean of features; other heads read the features of each copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.learning.frozen import unread_on_features
from rnaernie_bench.levels import Level
from rnaernie_bench.task.catalogue import EVERY_LEVEL, StrategyEntry

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.config.options import RunConfig
    from rnaernie_bench.data.encoding import Tail
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.guidance.choice import Predictor
    from rnaernie_bench.learning.guidance.guides import Guide, Predicted
    from rnaernie_bench.learning.interface import FitContext, FitReport, Fitted
    from rnaernie_bench.learning.kept import Kept
    from rnaernie_bench.learning.network import Network
    from rnaernie_bench.learning.reader import Reader

LEARNING_RATES: Mapping[str, float] = {"full": 1e-4, "frozen": 1e-3}
"""Those of the strategies of these names."""

MOST_TYPES = 28
GUIDE = "types"
"""The folder of a saved model that holds what chooses types."""


@dataclass(frozen=True)
class TypeGuidedOptions:
    """Options of `strategy=type_guided`."""

    name: str
    k: int = 3
    """Copies of each sequence; always 1 with `oracle` and `none`."""
    types: Literal["predicted", "oracle", "random", "none"] = "predicted"
    """Whose types: the predictor's, those of the labels, any, or no type at all."""
    slot: Literal["mask", "pad"] = "mask"
    """The token in the slot of the type; `pad` as published."""
    base: Literal["full", "frozen"] = "full"
    """What is trained: backbone and head, or the head."""
    floor: float = 0.01
    """A copy whose renormalised probability is below this is skipped."""
    predictor: str | None = None
    """The folder of a trained type classifier; None: the backbone's own masked language model."""
    learning_rate: float | None = None
    """None: that of the base."""
    batch_size: int = 64
    """Sequences in a batch of features, on a frozen base."""

    def __post_init__(self) -> None:
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", LEARNING_RATES[self.base])
        if self.types in ("oracle", "none"):
            object.__setattr__(self, "k", 1)
        if not 1 <= self.k <= MOST_TYPES:
            raise ConfigError(f"the value must be from 1 to {MOST_TYPES}", where="strategy.k")
        if not 0 <= self.floor < 1 / self.k:
            raise ConfigError(
                f"the value must be from 0 to below 1/k = {1 / self.k:.3g}", where="strategy.floor"
            )
        if self.rate <= 0:
            raise ConfigError("the value must be above 0", where="strategy.learning_rate")
        if self.batch_size < 1:
            raise ConfigError("the value must be 1 or more", where="strategy.batch_size")

    def unread(self, level: Level) -> dict[str, str]:
        """Return options without effect at a level, each with the reason; see `config.unread`."""
        if self.base == "full":
            found = {"batch_size": "strategy.base=full has no features"}
        else:
            found = unread_on_features(level)
            if self.rate == LEARNING_RATES["frozen"]:
                found.pop("learning_rate", None)
        if self.types != "predicted":
            idle = ("slot", "floor", "predictor")
            return found | dict.fromkeys(idle, f"strategy.types={self.types} predicts no types")
        if self.k == 1:
            found["floor"] = "the only copy is never skipped"
        if self.predictor is not None:
            found["slot"] = "strategy.predictor says how it is asked"
        return found

    @property
    def rate(self) -> float:
        """The learning rate."""
        return float(self.learning_rate or 0.0)


def facts(config: RunConfig) -> dict[str, Any]:
    """Return what run id and record hold instead of addresses: the hash of a type classifier.

    Raises:
        ConfigError: if types are to be predicted by weights that were never trained, or the
            classifier cannot be read.
    """
    options: TypeGuidedOptions = config.strategy
    if options.types != "predicted":
        return {"predictor": None}
    if options.predictor is None:
        if config.backbone.init == "random":
            raise ConfigError(
                "weights that were never trained predict no types",
                where="strategy.types",
                remedy="use backbone.init=pretrained, strategy.types=random, or a trained "
                "classifier in strategy.predictor",
            )
        return {"predictor": None}
    return {"predictor": _predictor_of(options.predictor).facts()["weights_sha256"]}


def fit(context: FitContext, encoder: Encoder, options: TypeGuidedOptions) -> tuple[Any, FitReport]:
    """Train a fresh head on typed copies, and with `base=full` the backbone as well.

    Raises:
        ConfigError: if the backbone has no tokens for types, the head cannot read features that are
            averaged over copies, or the copies are of pairs that are read as one input.
    """
    from rnaernie_bench.backbones.vocabulary import require_types

    if options.types == "none":
        return _plain(context, encoder, options)
    require_types(encoder.tokenizer, context.config.backbone.name)
    from rnaernie_bench.learning.fit import (
        fresh_network,
        reader_of,
        refuse_long_items,
        report,
        train_network,
    )
    from rnaernie_bench.learning.frozen import FrozenOptions, fit_head, sequences_to_keep

    reader = reader_of(context, encoder.tokenizer, encoder.max_bases)
    refuse_long_items(context, reader)
    guided = _guide(context, options, reader)  # before the head: to load a network draws numbers
    plain = fresh_network(context, encoder)
    typed = _typed(plain, guided.guide)
    typed.model.kind.read([], typed.reader)  # what has no copies is refused
    if options.base == "full":
        summary = train_network(context, typed, options.rate)
        fit_report = report(context, typed, summary, encoder.weights_sha256)
    else:
        if plain.model.kind.kept_as.averages:
            _require_linear(plain.model.head, context.config.task.head)
        frozen = FrozenOptions("frozen", options.rate, options.batch_size)
        typed, fit_report = fit_head(
            context,
            encoder,
            plain,
            sequences_to_keep(context, plain),
            lambda model, reads, parts: _kept(
                context, encoder, model, plain.reader, guided.guide, parts, reads
            ),
            frozen,
            dress=lambda network: _typed(network, guided.guide),
        )
    details = {**fit_report.details, "typing_s": round(guided.seconds, 3)}
    return typed, replace(fit_report, details=details, types=guided.facts)


@dataclass(frozen=True)
class _Guided:
    """The guide of a run, and what the record tells of it."""

    guide: Guide
    seconds: float
    facts: Mapping[str, Any]


def _plain(
    context: FitContext, encoder: Encoder, options: TypeGuidedOptions
) -> tuple[Fitted, FitReport]:
    """Train without types: exactly what the base alone does."""
    from rnaernie_bench.learning import frozen, full

    if options.base == "full":
        return full.fit(context, encoder, full.FullOptions("full", options.rate))
    plain = frozen.FrozenOptions("frozen", options.rate, options.batch_size)
    return frozen.fit(context, encoder, plain)


def _typed(network: FittedNetwork, guide: Guide) -> FittedNetwork:
    """Return a network that reads typed copies and saves what chose their types."""

    def write(folder: Path) -> None:
        network.write(folder)
        (folder / GUIDE).mkdir()
        guide.save(folder / GUIDE)

    return replace(network, reader=typed_reader(network.reader, guide), write=write)


def typed_reader(reader: Reader, guide: Guide) -> Reader:
    """Return `reader` reading each sequence as the typed copies that `guide` chooses."""
    from rnaernie_bench.learning.guidance.choice import as_tails

    def tails(sequences: Sequence[str]) -> list[list[Tail]]:
        return as_tails(guide.choose(sequences), reader.tokenizer)

    return replace(reader, tails=tails)


def _kept(
    context: FitContext,
    encoder: Encoder,
    network: Network,
    reader: Reader,
    guide: Guide,
    parts: Sequence[Sequence[str]],
    reads: str,
) -> Kept:
    """Return features of sequences with the first of their types alone, the second, and so on."""
    import numpy as np

    from rnaernie_bench.learning.features import kept_features
    from rnaernie_bench.learning.guidance.choice import Choice, as_tails
    from rnaernie_bench.learning.guidance.guides import digest
    from rnaernie_bench.learning.kept import Kept

    sequences = list(dict.fromkeys(sequence for part in parts for sequence in part))
    row = {sequence: index for index, sequence in enumerate(sequences)}
    tables = []
    for types in guide.choose(sequences).types.T[:, :, None]:

        def alone(sequences: Sequence[str], types: np.ndarray = types) -> list[list[Tail]]:
            chosen = types[[row[sequence] for sequence in sequences]]
            return as_tails(Choice(chosen, np.ones(chosen.shape)), reader.tokenizer)

        one = replace(reader, tails=alone)
        tables.append(
            kept_features(context, encoder, network, one, parts, types=digest(types), reads=reads)
        )
    return Kept(tables, lambda some: guide.choose(some).weights)


def _require_linear(head: Any, name: str) -> None:
    """Refuse a head whose logits of a mean are not the mean of its logits.

    Raises:
        ConfigError: naming the head.
    """
    from rnaernie_bench.heads.bases.contract import is_linear

    if is_linear(head):
        return
    raise ConfigError(
        f"the head '{name}' is not linear: features of typed copies cannot be averaged for it",
        where="task.head",
        remedy="use another head, or strategy.base=full",
    )


def _guide(context: FitContext, options: TypeGuidedOptions, reader: Reader) -> _Guided:
    """Return what chooses the types of the run."""
    from rnaernie_bench.learning.guidance import guides
    from rnaernie_bench.learning.network import level_inputs

    if options.types == "random":
        return _Guided(guides.Random(options.k), 0.0, {})
    if options.types == "oracle":
        return _Guided(guides.from_labels(context.task, context.dataset), 0.0, {})
    predictor = (
        _predictor_of(options.predictor)
        if options.predictor is not None
        else _own_predictor(context, options.slot)
    )
    items = [item.input for part in context.dataset.parts.values() for item in part]
    sequences = level_inputs(context.task.level).sequences(items, reader)
    table = guides.cached_logits(predictor, sequences)
    guide = guides.Predicted(predictor, options.k, options.floor, table)
    return _Guided(guide, table.seconds, _type_facts(context, guide))


def _type_facts(context: FitContext, guide: Predicted) -> dict[str, Any]:
    """Return what the record tells of predicted types: by what, how many, how well."""
    from rnaernie_bench.learning.guidance.guides import types_of_labels
    from rnaernie_bench.learning.guidance.quality import held_out_quality, type_quality

    assert guide.table is not None
    choice = guide.choose(list(guide.table.index))
    facts: dict[str, Any] = {
        **guide.predictor.facts(),
        "copies": {"read": choice.types.size - choice.skipped, "skipped": choice.skipped},
        "validation": None,
    }
    if context.task.types and context.task.classifies:
        table = types_of_labels(context.task)
        items = context.validation
        logits = guide.logits([item.sequence for item in items])
        facts["validation"] = type_quality(logits, [table[item.label] for item in items])
    checkpoint = getattr(context.config.backbone, "checkpoint", None)
    if "held_out" not in facts:
        facts["held_out"] = (
            held_out_quality(guide.predictor, Path(checkpoint)) if checkpoint else None
        )
    return facts


def _own_predictor(context: FitContext, slot: Literal["mask", "pad"]) -> Predictor:
    """Return the pre-trained masked language model of the backbone, a copy that stays as it is."""
    from rnaernie_bench.backbones.loading import load_backbone
    from rnaernie_bench.learning.guidance.predictors import SlotReader

    config = context.config
    encoder = load_backbone(config.backbone, seed=config.seed, masked_lm=True)
    task = config.task
    return SlotReader(encoder, slot, task.length, config.trainer.batch_tokens, task.window_overlap)


def _predictor_of(folder: str) -> Predictor:
    """Return the type classifier in a folder.

    Raises:
        ConfigError: if there is none.
    """
    from rnaernie_bench.learning.guidance.predictors import restore

    try:
        return restore(Path(folder).expanduser())
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"no type classifier can be read: {error}",
            where=f"strategy.predictor: {folder}",
            remedy="make one with `rnaernie-bench types train`",
        ) from error


ENTRY = StrategyEntry(
    options=TypeGuidedOptions,
    fit="rnaernie_bench.learning.type_guided:fit",
    facts="rnaernie_bench.learning.type_guided:facts",
    summary="each sequence is read with its likely RNA types, which vote by their probabilities",
    levels=EVERY_LEVEL,
    together=lambda options: options.base == "full",
)
