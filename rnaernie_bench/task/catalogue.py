"""What can be chosen by name: backbones, baselines, strategies and heads.

This module imports nothing heavy. A registry entry is a small description (options, levels, where
the work is done) that lives in a module which is itself cheap to import; the work imports torch or
scikit-learn when it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.registry import Registry
from rnaernie_bench.core.registry import resolve as resolve
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import Problem

EVERY_LEVEL: tuple[str, ...] = ()
"""`levels` of an entry that serves every level, those of plug-ins too (`levels_of`)."""

PER_BASE = EVERY_LEVEL
"""The levels of an encoder that has one state for each base."""


@dataclass(frozen=True)
class EncoderEntry:
    """A backbone that turns a sequence into hidden states."""

    options: type
    """Its options: a frozen dataclass with the fields `name` and `init`."""
    load: str
    """``module:function``, called with (options, seed), returns an `encoder.Encoder`."""
    summary: str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Of options whose dataclass has none, or another, as several sizes share it."""
    load_masked_lm: str | None = None
    """The same with its head for masked tokens, which returns ``logits``; None if it has none."""
    levels: tuple[str, ...] = ("sequence",)
    unit: str = "base"
    """What one of its states stands for; levels that ask about bases need one for each base."""
    max_bases: int | None = None
    """Longest sequence, where that does not depend on the checkpoint."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Heads that it cannot carry, by name, and what it lacks for them."""
    strategies: tuple[str, ...] = ()
    """Those that it can be adapted by; empty: all."""
    licence: str = ""
    """Of the pre-trained weights."""
    citation: str = ""
    kind: Literal["encoder"] = "encoder"


@dataclass(frozen=True)
class BaselineEntry:
    """A control: fits without a backbone and ignores the strategy."""

    options: type
    fit: str
    """``module:function``, called with (context, options), returns (Fitted, FitReport)."""
    restore: str
    """``module:function``, called with the folder that `Fitted.save` wrote, returns a Fitted."""
    summary: str
    weights_sha256: str | None = None
    """``module:function``, called with (options), returns the hash of pre-trained weights that it
    reads, which the run id holds; None if it reads none."""
    levels: tuple[str, ...] = ("sequence",)
    problems: tuple[Problem, ...] = ("binary", "multiclass", "multilabel", "regression")
    reads: tuple[str, ...] | None = None
    """Options of all runs that it reads, such as ``task.length``, or whole groups, such as
    ``trainer``; others are refused (`config.unread`). None: any."""
    trains: bool = True
    """Whether it learns of train, which a zero-shot split has not."""
    kind: Literal["baseline"] = "baseline"


@dataclass(frozen=True)
class StrategyEntry:
    """A way to adapt an encoder to a task."""

    options: type
    fit: str
    """``module:function``, called with (context, encoder, options), returns (Fitted, FitReport)."""
    summary: str
    facts: str | None = None
    """``module:function``, called with the settings of the run before anything else, returns what
    run id and record hold instead of options of these names, such as hashes for addresses."""
    levels: tuple[str, ...] = ("sequence",)
    together: Callable[[Any], bool] = lambda options: False
    """Whether the processes of a launch train as one with some options; else one trains alone."""
    trains: bool = True
    """Whether it learns of train; else it puts no head on the backbone either."""
    masked_lm: bool = False
    """Whether it is given the backbone with its head for masked tokens."""


@dataclass(frozen=True)
class HeadEntry:
    """A prediction head."""

    level: str
    build: str
    """``module:function``, called with (backbone config, number of outputs, problem), returns a
    `heads.contract.Head`."""
    summary: str
    published: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of `build` under ``protocol=as_published``."""
    reads: tuple[str, ...] = ()
    """Further arguments of `build` by name: ``flank`` and ``features``, which are those of the
    task's options, and ``length``, the states of every sequence, which then have to be of one
    length."""
    probes: tuple[str, ...] = ()
    """Linear heads of which validation chooses one in its place where a backbone is frozen."""
    without_pooler: str = ""
    """If it reads the pooler: what stands in for it on a network without one."""
    per_base: bool = False
    """Whether it needs a state for each base where its level does not."""
    fresh: Mapping[str, Any] = field(default_factory=dict)
    """Those of new networks. They are saved with them: a network that was saved without any is of
    an earlier release, and built without any."""


@dataclass(frozen=True)
class LauncherEntry:
    """Something that carries many commands out."""

    options: type
    """A dataclass with ``name`` and ``n_processes``."""
    open: str
    """``module:function``, called with (options, folder for its files), returns a
    `launchers.jobs.Launcher`, or raises a ConfigError before anything is done."""
    summary: str


BACKBONES: Registry[EncoderEntry | BaselineEntry] = Registry(
    "backbone",
    {
        "rnaernie": "rnaernie_bench.backbones.rnaernie:RNAERNIE",
        "rnaernie-mini": "rnaernie_bench.backbones.rnaernie:MINI",
        "rnaernie-tiny": "rnaernie_bench.backbones.rnaernie:TINY",
        "rinalmo-tiny": "rnaernie_bench.backbones.rnaernie:RINALMO_TINY",
        **{
            name: f"rnaernie_bench.backbones.multimolecule:{name}"
            for name in (
                "calm",
                "ernierna",
                "mrnafm",
                "ribonanzanet",
                "rinalmo-giga",
                "rinalmo-mega",
                "rinalmo-micro",
                "rnabert",
                "rnafm",
                "rnamsm",
                "splicebert",
                "splicebert-510",
                "splicebert-human-510",
                "utrbert-3mer",
                "utrbert-4mer",
                "utrbert-5mer",
                "utrbert-6mer",
                "utrlm-mrl",
                "utrlm-te_el",
            )
        },
        "onehot-states": "rnaernie_bench.backbones.letters:ONE_HOT",
        "kmer-states": "rnaernie_bench.backbones.letters:KMERS",
        "features": "rnaernie_bench.backbones.features:FEATURES",
        "mock": "rnaernie_bench.testing:MOCK",
    },
    package="rnaernie_bench.baselines",
    group="rnaernie_bench.backbones",
    types=(EncoderEntry, BaselineEntry),
    unlisted=["mock"],
)

STRATEGIES: Registry[StrategyEntry] = Registry(
    "strategy",
    {
        "full": "rnaernie_bench.learning.full:ENTRY",
        "frozen": "rnaernie_bench.learning.frozen:ENTRY",
        "lora": "rnaernie_bench.learning.lora:ENTRY",
        "type_guided": "rnaernie_bench.learning.type_guided:ENTRY",
        "zero_shot": "rnaernie_bench.learning.zero_shot.strategy:ENTRY",
    },
    group="rnaernie_bench.strategies",
    types=(StrategyEntry,),
)

HEADS: Registry[HeadEntry] = Registry(
    "head",
    package="rnaernie_bench.heads",
    group="rnaernie_bench.heads",
    types=(HeadEntry,),
)

LAUNCHERS: Registry[LauncherEntry] = Registry(
    "launcher",
    {
        "local": "rnaernie_bench.launchers.local:ENTRY",
        "ray": "rnaernie_bench.launchers.ray:ENTRY",
        "slurm": "rnaernie_bench.launchers.slurm:ENTRY",
    },
    group="rnaernie_bench.launchers",
    types=(LauncherEntry,),
)


def levels_of(entry: EncoderEntry | BaselineEntry | StrategyEntry) -> tuple[str, ...]:
    """Return the names of the levels that an entry serves."""
    return entry.levels or tuple(LEVELS)


def check_serves(name: str, entry: EncoderEntry | BaselineEntry, level: str, head: str) -> None:
    """Refuse a backbone at a level, or under a head, that it has no states for.

    Args:
        name: of the backbone.
        entry: its entry.
        level: of the task.
        head: that an encoder is to carry; baselines have none.

    Raises:
        ConfigError: saying what is lacking.
    """
    if level not in levels_of(entry):
        unit = entry.unit if isinstance(entry, EncoderEntry) else "base"
        reason = "" if unit == "base" else f": it has a state for each {unit}, not for each base"
        raise ConfigError(
            f"'{name}' does not serve the level '{level}'{reason}",
            where="backbone",
            remedy="`rnaernie-bench backbones list` shows the levels of each",
        )
    if isinstance(entry, BaselineEntry):
        return
    if not LEVELS.get(level).inputs:
        raise ConfigError(f"no backbone serves the level '{level}'", where="backbone")
    if HEADS.get(head).level != level:
        raise ConfigError(f"head '{head}' is not for the level '{level}'", where="task.head")
    reason = _lack(entry, head, HEADS.get(head))
    if reason:
        others = [h for h, o in HEADS.working() if o.level == level and not _lack(entry, h, o)]
        raise ConfigError(
            f"'{name}' cannot carry the head '{head}': it has {reason}",
            where="task.head",
            remedy=f"use {' or '.join(others)}",
        )


def _lack(entry: EncoderEntry, name: str, head: HeadEntry) -> str:
    """Return what a head asks of an encoder in vain; empty if nothing."""
    if head.per_base and entry.unit != "base":
        return f"a state for each {entry.unit}, not for each base"
    return f"no {entry.lacks[name]}" if name in entry.lacks else ""
