"""A convolutional network on one-hot bases, trained by the same recipe as the backbones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.levels import LEVELS, Level
from rnaernie_bench.task.catalogue import HEADS, BaselineEntry

if TYPE_CHECKING:
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.interface import FitContext, FitReport
    from rnaernie_bench.task.task import Task

PLACES = frozenset({"flank", "length"})
"""What heads read (`HeadEntry.reads`) that tell bases apart by where they stand in a sequence."""


@dataclass(frozen=True)
class CnnOptions:
    """Shape, head and learning rate of the network."""

    name: str
    channels: int = 128
    kernel_size: int = 9
    layers: int = 3
    dilation: int = 2
    """The step between the bases that a convolution reads, as a multiple of that of the layer
    before; 1: all read neighbours."""
    dropout: float = 0.1
    learning_rate: float = 1e-3
    head: str | None = None
    """A head that reads states of bases; None: that of the task where it tells bases of a sequence
    apart by where they stand, else the usual one of the level."""

    def __post_init__(self) -> None:
        for name in ("channels", "kernel_size", "layers", "dilation", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ConfigError("the value must be above 0", where=f"backbone.{name}")
        if not 0 <= self.dropout < 1:
            raise ConfigError("the value must be from 0 to below 1", where="backbone.dropout")
        if self.head is not None and HEADS.get(self.head).level not in ENTRY.levels:
            raise ConfigError(
                f"head '{self.head}' is for the level '{HEADS.get(self.head).level}', which the "
                "network does not serve",
                where="backbone.head",
            )

    @property
    def dilations(self) -> tuple[int, ...]:
        """The step between the bases that each convolution reads."""
        return tuple(self.dilation**place for place in range(self.layers))

    def head_on(self, task: Task) -> str:
        """Return the head of the network on a task."""
        if self.head is not None:
            return self.head
        pooled = not task.level_entry.per_base
        placed = pooled and PLACES.intersection(HEADS.get(task.head).reads)
        return task.head if placed else usual_head(task.level_entry)

    def unread(self, level: Level) -> dict[str, str]:
        """Return options without effect at a level, each with the reason; see `config.unread`."""
        return {"dilation": "the first of its layers reads neighbours"} if self.layers == 1 else {}


def usual_head(level: Level) -> str:
    """Return the usual head of a level, or what stands in for one that reads a pooler."""
    return HEADS.get(level.head).without_pooler or level.head


def fit(context: FitContext, options: CnnOptions) -> tuple[FittedNetwork, FitReport]:
    """Train the network on the task.

    Raises:
        ConfigError: if the head is of another level, or reads what the network does not have.
    """
    import torch
    from multimolecule import RnaTokenizer

    from rnaernie_bench.backbones.convolution_network import ConvolutionConfig, ConvolutionModel
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.backbones.vocabulary import MAX_BASES
    from rnaernie_bench.learning.fit import fresh_network, report, train_network

    level, head = context.task.level, options.head_on(context.task)
    pooler = HEADS.get(head).without_pooler
    if HEADS.get(head).level != level or pooler:
        reason = "reads a pooler" if pooler else f"is not for the level '{level}'"
        raise ConfigError(f"head '{head}' {reason}", where="backbone.head")
    config = ConvolutionConfig(
        options.channels, options.kernel_size, options.dilations, options.dropout
    )
    torch.manual_seed(context.config.seed)
    encoder = Encoder(ConvolutionModel(config), RnaTokenizer(), MAX_BASES, weights_sha256="")
    network = fresh_network(context, encoder, head)
    summary = train_network(context, network, options.learning_rate)
    receptive = config.receptive_field
    return network, report(context, network, summary, None, receptive_field=receptive)


def restore(folder: Path) -> FittedNetwork:
    """Return a network that release 0.1.0 saved into `folder`; later ones are saved like others."""
    from multimolecule import RnaTokenizer
    from safetensors.torch import load_file

    from rnaernie_bench.backbones.convolution_network import ConvolutionConfig, ConvolutionModel
    from rnaernie_bench.backbones.vocabulary import MAX_BASES
    from rnaernie_bench.learning.fit import FittedNetwork
    from rnaernie_bench.learning.network import Network, build_head, level_inputs
    from rnaernie_bench.learning.reader import Reader

    saved = json.loads((folder / "cnn.json").read_text(encoding="utf-8"))
    # Before there were other problems and levels, a model said of neither.
    problem, level = saved.get("problem", "multiclass"), saved.get("level", "sequence")
    shape = saved["options"]
    dilations = [1] * shape["layers"]
    config = ConvolutionConfig(shape["channels"], shape["kernel_size"], dilations, residual=False)
    name = usual_head(LEVELS.get(level))
    options: dict[str, Any] = {"specials": True} if name == "mean_max" else {}
    head = build_head(name, config, saved["classes"], problem, options)
    network = Network(ConvolutionModel(config), head, level_inputs(level, head)).eval()
    network.load_state_dict(
        {
            name.replace("linear.", "head.decoder.").replace("conv", "backbone.conv"): weight
            for name, weight in load_file(folder / "cnn.safetensors").items()
        }
    )
    policy, budget, overlap = saved["length"], saved["token_budget"], saved.get("overlap", 0)
    reader = Reader(RnaTokenizer(), MAX_BASES, policy, budget, overlap)
    return FittedNetwork(network, reader, write=lambda _: None)


ENTRY = BaselineEntry(
    options=CnnOptions,
    fit="rnaernie_bench.baselines.cnn:fit",
    restore="rnaernie_bench.baselines.cnn:restore",
    summary="dilated convolutions on one-hot bases, under a head of the task's level",
    levels=("sequence", "token", "pair"),
)
