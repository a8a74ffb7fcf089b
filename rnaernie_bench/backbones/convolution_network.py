"""The network of the baseline `cnn`: convolutions over one-hot bases, called like a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from rnaernie_bench.backbones.letters_network import BASES, base_shares


class ConvolutionConfig(PretrainedConfig):
    """The shape of the network; `hidden_size` is how many channels it has."""

    model_type = "rnaernie_bench_convolution"

    def __init__(
        self,
        hidden_size: int = 128,
        kernel_size: int = 9,
        dilations: Sequence[int] = (1, 2, 4),
        dropout: float = 0.1,
        residual: bool = True,
        vocab_size: int = 28,
        **kwargs: Any,
    ) -> None:
        self.hidden_size = hidden_size
        self.kernel_size = kernel_size
        self.dilations = list(dilations)
        self.dropout = dropout
        self.residual = residual
        self.vocab_size = vocab_size
        ids = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
        super().__init__(**{**ids, **kwargs})

    @property
    def receptive_field(self) -> int:
        """Bases that a state depends on."""
        return 1 + (self.kernel_size - 1) * sum(self.dilations)


class ConvolutionModel(PreTrainedModel):
    """Dilated convolutions with ReLU and dropout, each added to what it reads (He et al. 2016).

    A letter that stands for several bases counts for each in equal parts; special tokens are zero,
    like padding, which is zeroed before every convolution: company in a batch changes nothing.
    """

    config_class = ConvolutionConfig
    base_model_prefix = "convolution"
    _supports_sdpa = True  # it attends to nothing

    def __init__(self, config: ConvolutionConfig) -> None:
        super().__init__(config)
        widths = [len(BASES)] + [config.hidden_size] * len(config.dilations)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, after, config.kernel_size, padding="same", dilation=dilation)
            for (before, after), dilation in zip(pairwise(widths), config.dilations, strict=True)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Leave weights as PyTorch draws them, by the number of inputs of a layer."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **kwargs: Any) -> BaseModelOutput:
        """Return ``last_hidden_state`` of shape (batch, tokens, channels)."""
        shares = base_shares(self.config.vocab_size).to(self.device, self.dtype)
        states = functional.embedding(input_ids, shares).mT
        real = attention_mask.unsqueeze(1).to(self.dtype)
        for place, convolution in enumerate(self.convolutions):
            found = self.dropout(torch.relu(convolution(states))) * real
            states = states + found if self.config.residual and place else found
        return BaseModelOutput(last_hidden_state=states.mT)
