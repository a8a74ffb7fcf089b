"""Fitted models that come with the package: what each is, how good, and which of them predicts.

A model's folder holds what an export holds (`runs.export`), and `about.json`: what it is for and
what not, and its figures beside those of baselines, taken from records when it was packaged
(`runs.shipping`). Where a baseline is as good, its own model lies in `rival/` and predicts unless
the network is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from rnaernie_bench.core import paths
from rnaernie_bench.core.documents import read_json
from rnaernie_bench.core.errors import ConfigError, ResultError
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.core.schema import build
from rnaernie_bench.metrics.measuring import told
from rnaernie_bench.prediction.predictor import Predictor
from rnaernie_bench.prediction.saved import load_predictor
from rnaernie_bench.results.record import Record
from rnaernie_bench.results.store import RECORD_FILE, read_record

ABOUT = "about.json"
RIVAL = "rival"
"""The folder of the baseline's model."""

Engine = Literal["auto", "network", "rival"]


@dataclass(frozen=True)
class Figures:
    """The main metric on a test part, as records have it: `value`, `low`, `high`."""

    n: int
    model: Mapping[str, float | None]
    beside: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """By baseline."""
    ahead: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    """By baseline, the model's figure minus its, with the interval of the paired comparison."""


@dataclass(frozen=True)
class About:
    """What `about.json` says of a model."""

    name: str
    title: str
    task: str
    """Name and version."""
    metric: str
    figures: Mapping[str, Figures]
    """By test part, as `SPLIT/PART`."""
    licence: str
    not_for: tuple[str, ...]
    """What it must not be used for."""
    rival: str | None = None
    """The baseline that predicts unless the model is above it on every part."""
    above: bool = True
    """Whether the model is: the interval of each difference to the rival lies above 0."""
    needs: str | None = None
    """The Python package that its features are computed with."""
    without: str | None = None
    """The model that predicts where that is not installed."""


def ready_models() -> dict[str, Path]:
    """Return the folders of all models that come with the package, by name."""
    folders = paths.ready_models_folder().glob(f"*/{ABOUT}")
    return {path.parent.name: path.parent for path in sorted(folders)}


def ready_folder(name: str) -> Path:
    """Return the folder of a model that comes with the package.

    Raises:
        ConfigError: if there is none of this name.
    """
    known = ready_models()
    if name not in known:
        raise ConfigError(
            f"no model called '{name}' comes with the package",
            where="model",
            remedy=did_you_mean(name, list(known)) if known else "predict with a run of yours",
        )
    return known[name]


def size_of(folder: Path) -> int:
    """Return the bytes of a model's folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def about(folder: Path) -> About:
    """Return what a model's folder says of it.

    Raises:
        ResultError: if it says nothing, or something else.
    """
    try:
        found: About = build(About, read_json(folder / ABOUT))
    except (OSError, ValueError, ConfigError) as error:
        raise ResultError(
            f"the model says nothing of itself: {error}",
            where=folder / ABOUT,
            remedy="install the package again",
        ) from error
    return found


@dataclass(frozen=True)
class ReadyModel:
    """A model that comes with the package, ready to predict."""

    about: About
    folder: Path
    predictor: Predictor
    said: str
    """A line on who predicts, how good that is, and beside what."""

    def predict(self, inputs: Sequence[Any]) -> list[Any]:
        """Predict sequences, or pairs of them, as `api.predict` does."""
        return self.predictor(inputs)

    @cached_property
    def record(self) -> Record:
        """The record of its evaluation on the test parts of its task."""
        return read_record(self.folder / RECORD_FILE)

    @property
    def card(self) -> str:
        """Its card, in Markdown."""
        return (self.folder / "README.md").read_text(encoding="utf-8")


def load_ready(name: str, engine: Engine = "auto") -> ReadyModel:
    """Return a model that comes with the package.

    Args:
        name: see `ready_models`.
        engine: who predicts where a baseline is as good: `auto`, what its figures say; `network`;
            or `rival`, that baseline.

    Raises:
        ConfigError: if there is no such model, or no baseline beside it.
        ResultError: if its files are damaged.
    """
    folder = ready_folder(name)
    told_of = about(folder)
    if engine != "auto" and told_of.rival is None:
        what = "the model has no baseline beside it"
        raise ConfigError(what, where="engine", remedy="leave it out")
    if told_of.needs and find_spec(told_of.needs) is None:
        return _instead(name, told_of, engine)
    serves = engine == "rival" or (engine == "auto" and not told_of.above)
    predictor = load_predictor(folder / RIVAL if serves and told_of.rival else folder)
    return ReadyModel(told_of, folder, predictor, _said(told_of, serves=serves, engine=engine))


def _instead(name: str, wanted: About, engine: Engine) -> ReadyModel:
    """Return the model that predicts where what another needs is not installed.

    Raises:
        ConfigError: if there is none, or the other was asked for.
    """
    if wanted.without is None or engine != "auto":
        raise ConfigError(
            f"{_PACKAGES.get(str(wanted.needs), wanted.needs)} is not installed",
            where=f"model {name}",
            remedy="pip install 'rnaernie-bench[structure]'",
        )
    other = load_ready(wanted.without)
    lost = "; ".join(
        f"{told(other.about.figures[part].model)} instead of {told(best)} on {part}"
        for part, figures in wanted.figures.items()
        if part in other.about.figures
        for best in [_served(wanted, figures)]
    )
    text = (
        f"{name}: {_PACKAGES.get(str(wanted.needs), wanted.needs)} is not installed, so that "
        f"{wanted.without} predicts: {wanted.metric} {lost}"
    )
    return replace(other, said=text)


_PACKAGES = {"RNA": "ViennaRNA"}


def _served(model: About, figures: Figures) -> Mapping[str, float | None]:
    """Return the figure of what predicts by default."""
    if model.rival and not model.above:
        return figures.beside[model.rival]
    return figures.model


def _said(model: About, *, serves: bool, engine: Engine) -> str:
    """Return the line on who predicts."""
    beside = "; ".join(_beside(model, part, figures) for part, figures in model.figures.items())
    if model.rival is None or (model.above and not serves):
        return f"{model.name}: {model.metric} {beside}"
    reason = "as asked" if engine == "rival" else "as the network is not above it on all of these"
    if serves:
        other = "; --engine network predicts with the network" if engine == "auto" else ""
        return f"{model.name}: {model.rival} predicts, {reason}: {model.metric} {beside}{other}"
    return f"{model.name}: the network predicts, as asked: {model.metric} {beside}"


def _beside(model: About, part: str, figures: Figures) -> str:
    """Return the figures of the model and of the rival, or the best of the baselines, on a part."""
    text = f"{told(figures.model)}"
    names = [model.rival] if model.rival else _best(figures)
    others = ", ".join(f"{name} {told(figures.beside[name])}" for name in names)
    return f"{text}{f' ({others})' if others else ''} on {part}"


def _best(figures: Figures) -> Iterator[str]:
    known = {k: v["value"] for k, v in figures.beside.items() if v["value"] is not None}
    if known:
        yield max(known, key=lambda name: known[name] or 0.0)
