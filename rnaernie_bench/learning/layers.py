"""The layers of a network from its top: learning rates that fall with depth, gradual unfreezing.

Groups are counted from the top: 0 is the head with what follows the backbone's last layer (pooler,
final norm), 1 the last layer, and so on; what stands before the first layer, the embeddings, is
the deepest. Both methods are those of Howard & Ruder 2018 (ULMFiT, https://arxiv.org/abs/1801.06146);
ELECTRA and its successors know the first as layer-wise learning-rate decay (Clark et al. 2020,
https://arxiv.org/abs/2003.10555).
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Sized
from typing import Any

from torch import nn
from transformers import TrainerCallback, TrainerState, TrainingArguments

from rnaernie_bench.core.errors import ConfigError


def layer_groups(model: nn.Module) -> list[list[str]]:
    """Return the names of a model's parameters by depth: head first, embeddings last.

    Args:
        model: has a `backbone`, a MultiMolecule encoder; what else it holds counts as head.

    Raises:
        ConfigError: if the backbone keeps its layers in no list of its own.
    """
    backbone: Any = model.backbone
    count = backbone.config.num_hidden_layers
    stacks = [
        f"backbone.{name}."
        for name, module in backbone.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == count
    ]
    if not stacks:
        raise ConfigError(
            f"{type(backbone).__name__} shows no list of {count} layers",
            where="backbone",
            remedy="leave strategy.layer_decay and strategy.unfreeze_every out",
        )
    top: list[str] = []
    bottom: list[str] = []
    layers: list[list[str]] = [[] for _ in range(count)]
    for name, _ in model.named_parameters():  # in the order in which modules were declared
        if name.startswith(stacks[0]):
            layers[int(name.removeprefix(stacks[0]).partition(".")[0])].append(name)
        elif name.startswith("backbone.") and not any(layers):
            bottom.append(name)
        else:
            top.append(name)
    return [top, *reversed(layers), bottom]


def rate_factors(groups: Sequence[Sequence[str]], decay: float) -> dict[str, float]:
    """Return by parameter what its learning rate is multiplied by: decay ** depth."""
    return {name: decay**depth for depth, names in enumerate(groups) for name in names}


class GradualUnfreezing(TrainerCallback):
    """Thaws one group more, from the top, every so many epochs.

    In step s (from 0) of a training with S steps an epoch, the first 1 + floor(s / (every * S))
    groups are trained. A frozen parameter has no gradient, so neither optimiser nor weight decay
    touches it. Nothing but the step decides, so a resumed training needs no state.

    Args:
        model: the network that is trained.
        groups: names of its parameters by depth, see `layer_groups`.
        every: epochs, or a fraction of one.
    """

    def __init__(self, model: nn.Module, groups: Sequence[Sequence[str]], every: float) -> None:
        parameters = dict(model.named_parameters())
        self.groups = [[parameters[name] for name in names] for names in groups]
        self.every = every

    def on_step_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        *_: Any,
        train_dataloader: Sized = (),
        **__: Any,
    ) -> None:
        """Freeze and thaw, now that the optimiser knows all parameters."""
        steps = math.ceil(len(train_dataloader) / args.gradient_accumulation_steps)
        epoch = state.global_step / steps
        self._thaw(1 + math.floor(epoch / self.every + 1e-9))

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Leave nothing frozen."""
        self._thaw(len(self.groups))

    def _thaw(self, count: int) -> None:
        for depth, parameters in enumerate(self.groups):
            for parameter in parameters:
                parameter.requires_grad_(depth < count)
