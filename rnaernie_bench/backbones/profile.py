"""What a network is made of and what a forward pass costs, without its weights.

The network is built on torch's meta device, which computes shapes and nothing else. Two counters
look at it: torch's counts matrix products, in every place where they occur; MultiMolecule's, which
made the figures of its model cards, counts linear layers with their biases, layer normalisation
(7 operations an element), activations (ReLU 1, tanh 5), the products of attention, and 3
operations an attention score for softmax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnaernie_bench.backbones.vocabulary import MAX_TOKENS
from rnaernie_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from multimolecule import RnaErnieConfig


@dataclass(frozen=True)
class Cost:
    """Operations of one forward pass of encoder and pooler over one sequence."""

    tokens: int
    """Its length, special tokens counted."""
    flops: int
    """All that follows."""
    macs: int
    """Multiplications with an addition: half of the operations of matrix products."""
    matrix_products: int
    biases: int
    layer_norm: int
    activations: int
    softmax: int

    @property
    def earlier_flops(self) -> int:
        """What earlier editions of MultiMolecule's cards fit, though they name no counter.

        Matrix products, and 5 operations an element of LayerNorm, as DeepSpeed's counter has it.
        """
        return self.matrix_products + self.layer_norm * 5 // 7


@dataclass(frozen=True)
class Profile:
    """The table of a model card."""

    layers: int
    hidden_size: int
    heads: int
    intermediate_size: int
    vocabulary: int
    parameters: int
    """Of encoder and pooler."""
    parameters_with_mlm_head: int
    """The decoder shares its matrix with the word embeddings, which counts once."""
    max_tokens: int
    costs: tuple[Cost, ...]


def profile(config: RnaErnieConfig, tokens: Sequence[int] = (128, MAX_TOKENS)) -> Profile:
    """Return sizes and costs of the network that `config` describes.

    Args:
        config: the architecture; its weights are not needed.
        tokens: lengths to count at, special tokens included.

    Raises:
        ConfigError: if a length is not from 1 to what the network takes.
    """
    import torch
    from multimolecule import RnaErnieForPreTraining

    limit = min(MAX_TOKENS, config.max_position_embeddings - 1)
    for length in tokens:
        if not 1 <= length <= limit:
            raise ConfigError(f"{length} is not from 1 to {limit} tokens", where="--tokens")
    with torch.device("meta"):
        # torch counts nothing within SDPA on a CPU.
        whole = RnaErnieForPreTraining._from_config(config, attn_implementation="eager").eval()
    encoder = whole.model
    # Padding would be looked for in the ids, and on the meta device there are none.
    encoder.pad_token_id = None
    return Profile(
        layers=config.num_hidden_layers,
        hidden_size=config.hidden_size,
        heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        vocabulary=config.vocab_size,
        parameters=sum(p.numel() for p in encoder.parameters()),
        parameters_with_mlm_head=sum(p.numel() for p in whole.parameters()),
        max_tokens=limit,
        costs=tuple(_cost(encoder, length) for length in tokens),
    )


def _cost(encoder: Any, tokens: int) -> Cost:
    import torch
    from multimolecule.utils import calculate_flops
    from torch import nn
    from torch.utils.flop_counter import FlopCounterMode

    ids = torch.zeros(1, tokens, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter:
        encoder(ids)
    products = counter.get_total_flops()
    attention = counter.get_flop_counts()["Global"][torch.ops.aten.bmm]

    def count(*excluded: type[nn.Module]) -> int:
        return int(calculate_flops(encoder, ids, excluded_modules=excluded))

    norms, functions = (nn.LayerNorm,), (nn.ReLU, nn.GELU, nn.Tanh)
    flops = count()
    layer_norm, activations = flops - count(*norms), flops - count(*functions)
    softmax = count(nn.Linear, *norms, *functions) - attention
    return Cost(
        tokens=tokens,
        flops=flops,
        macs=products // 2,
        matrix_products=products,
        biases=flops - products - layer_norm - activations - softmax,
        layer_norm=layer_norm,
        activations=activations,
        softmax=softmax,
    )
