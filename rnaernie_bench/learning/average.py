"""The exponential moving average of a network's weights, which is what is validated and kept.

Averages of weights over the end of a training generalise better than the last of them, and need no
decay of the learning rate to be steady (Polyak & Juditsky 1992; Tarvainen & Valpola 2017,
https://arxiv.org/abs/1703.01780).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from transformers import TrainerCallback

FILE = "average.safetensors"
"""In a checkpoint, beside the weights that are trained."""


class Average:
    """The moving average of what is trained.

    Its decay is (1 + n) / (10 + n) after n steps until that reaches `decay`, so that the weights
    of the beginning are forgotten early.

    Args:
        parameters: what is trained, by name.
        decay: what is left of the average with each step.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self.parameters = dict(parameters)
        self.decay = decay
        self.restart()

    def restart(self) -> None:
        """Begin again with the weights of now."""
        self.steps = 0
        self.values = [p.detach().clone() for p in self.parameters.values()]

    def update(self) -> None:
        """Take the weights of a step in."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        weights = [p.detach() for p in self.parameters.values()]
        get_ema_multi_avg_fn(decay)(self.values, weights, self.steps)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the network the average for as long as the block lasts."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for place, parameter in enumerate(self.parameters.values()):
            parameter.data, self.values[place] = self.values[place], parameter.data

    def save(self, folder: Path) -> None:
        """Write the average into a checkpoint."""
        from safetensors.torch import save_file

        tensors = dict(zip(self.parameters, (v.contiguous() for v in self.values), strict=True))
        save_file({**tensors, "steps": torch.tensor(self.steps)}, folder / FILE)

    def load(self, folder: Path) -> None:
        """Go on with the average of a checkpoint."""
        from safetensors.torch import load_file

        saved = load_file(folder / FILE)
        self.steps = int(saved.pop("steps"))
        for value, name in zip(self.values, self.parameters, strict=True):
            value.copy_(saved[name])

    def apply(self) -> None:
        """Make the average the weights of the network."""
        for parameter, value in zip(self.parameters.values(), self.values, strict=True):
            _copy(parameter, value)


@torch.no_grad()
def _copy(parameter: nn.Parameter, value: Tensor) -> None:
    parameter.copy_(value)


class Follow(TrainerCallback):
    """Takes the weights of each step into an average."""

    def __init__(self, average: Average) -> None:
        self.average = average

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Take them in, before they are validated."""
        self.average.update()
