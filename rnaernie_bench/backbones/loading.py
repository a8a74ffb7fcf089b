"""A backbone by itself, without a task: by name, hub id or folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.backbones.rnabert import authors_file
from rnaernie_bench.backbones.rnaernie import RINALMO
from rnaernie_bench.backbones.vocabulary import N_TYPED_TOKENS
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.core.plugins import default_settings
from rnaernie_bench.core.registry import did_you_mean
from rnaernie_bench.core.schema import build
from rnaernie_bench.task.catalogue import BACKBONES, BaselineEntry, EncoderEntry, resolve

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder

DEFAULT_MODEL = "rnaernie-tiny"


def load_backbone(model: Any, *, seed: int = 0, masked_lm: bool = False) -> Encoder:
    """Return a backbone in evaluation mode, in fp32, on the CPU.

    Args:
        model: the name of a backbone, a hub id, a local folder, or the options of a backbone.
        seed: of weights that are random or that a checkpoint lacks.
        masked_lm: whether its head for masked tokens is wanted: the network then returns
            ``logits``, and a checkpoint without that head is refused.

    Raises:
        ConfigError: if there is no such backbone or it cannot be loaded.
    """
    options = backbone_options(model) if isinstance(model, str) else model
    entry = _encoder(options.name)
    target = entry.load_masked_lm if masked_lm else entry.load
    if target is None:
        raise ConfigError(
            f"the backbone '{options.name}' cannot predict masked tokens",
            where=options.name,
            remedy=f"use another one, such as {DEFAULT_MODEL}",
        )
    encoder: Encoder = resolve(target)(options, seed)
    return encoder


def backbone_options(model: str) -> Any:
    """Return the options of a backbone as they stand when nothing is set.

    Args:
        model: the name of a backbone; else a hub id or a local folder with weights. What a folder
            holds, its config.json says; a hub id that is no backbone's is taken for an RNAErnie. A
            folder whose name is also that of a backbone is written ``./NAME``.

    Raises:
        ConfigError: if there is no such backbone.
    """
    if model in BACKBONES:
        options = _encoder(model).options
        return build(options, default_settings(BACKBONES, model), where="backbone")
    if "/" not in model and not Path(model).is_dir():
        raise ConfigError(
            f"no backbone or folder is called '{model}'",
            where="model",
            remedy=did_you_mean(model, list(BACKBONES)),
        )
    name = _hosted_as(model) or "rnaernie"
    return replace(backbone_options(name), init="pretrained", source=model, revision=None)


def longest(model: str) -> int | None:
    """Return the longest sequence that a backbone takes, as far as is known before it is loaded.

    Args:
        model: as `backbone_options` takes it; a checkpoint may take less than its architecture.

    Raises:
        ConfigError: if there is no such backbone.
    """
    return _encoder(backbone_options(model).name).max_bases


def _hosted_as(model: str) -> str | None:
    """Return the name of the backbone that a hub id or a folder is of, where that is known."""
    from rnaernie_bench.backbones.multimolecule import KNOWN, known_as

    path = Path(model).expanduser()
    if not path.is_dir():
        return next((name for name in KNOWN if backbone_options(name).source == model), None)
    if authors_file(model):
        return "rnabert"
    try:
        declared = json.loads((path / "config.json").read_text(encoding="utf-8"))
        typed = declared.get("vocab_size") == N_TYPED_TOKENS
        if typed and declared.get("model_type") == "rinalmo":
            return RINALMO
        return known_as(declared)
    except (OSError, ValueError):  # loading it will say so
        return None


def _encoder(name: str) -> EncoderEntry:
    entry = BACKBONES.get(name)
    if isinstance(entry, BaselineEntry):
        raise ConfigError(
            f"'{name}' is a baseline: it has no hidden states",
            where="model",
            remedy=f"choose a backbone, such as {DEFAULT_MODEL}",
        )
    return entry
