"""What the package brings: descriptions only, so that listing them imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.task.catalogue import EncoderEntry, HeadEntry


@dataclass(frozen=True)
class GruOptions:
    """Options of `backbone=example-gru`: each is a setting, such as `backbone.hidden_size=32`."""

    name: str
    init: Literal["random"] = "random"
    hidden_size: int = 64
    """The width of a state, even: half of it reads from the left, half from the right."""

    def __post_init__(self) -> None:
        if self.hidden_size < 2 or self.hidden_size % 2:
            raise ConfigError("the value must be even, 2 or more", where="backbone.hidden_size")


GRU = EncoderEntry(
    options=GruOptions,
    load="rnaernie_bench_example.network:load",
    summary="bidirectional GRU with random weights (example)",
)

MAX = HeadEntry(
    level="sequence",
    build="rnaernie_bench_example.heads:largest",
    summary="largest value of each feature over the bases -> dropout -> linear (example)",
)
