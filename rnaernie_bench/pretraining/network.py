"""The network that is pre-trained: MultiMolecule's masked language model, read at its targets."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load_masked_lm
from rnaernie_bench.backbones.vocabulary import MAX_BASES, require_types
from rnaernie_bench.core.errors import ConfigError


class TargetLogits(nn.Module):
    """Gives the logits of the targets only.

    The head on every position would be seven times the work at 15 % targets, and as much memory.

    Args:
        network: a `RnaErnieForMaskedLM`; it is trained in place.
    """

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor, targets: Tensor) -> Tensor:
        """Return logits of shape (targets, tokens).

        Args:
            input_ids: token ids, (batch, length).
            attention_mask: true at tokens, (batch, length).
            targets: positions in the flattened batch, (targets,).
        """
        states = self.network.model(input_ids, attention_mask=attention_mask).last_hidden_state
        logits: Tensor = self.network.lm_head((states.flatten(0, 1)[targets],)).logits
        return logits


def load_network(
    options: RnaErnieOptions,
    *,
    seed: int,
    dropout: float,
    positions: Literal["normal", "sinusoidal"] = "normal",
) -> Encoder:
    """Return the masked language model to train, random or from a checkpoint, with its tokenizer.

    Args:
        options: the backbone.
        seed: of random weights.
        dropout: of hidden states and attention probabilities while it is trained; the saved
            configuration keeps the backbone's own.
        positions: how random position embeddings begin; they are trained as all else.

    Raises:
        ConfigError: if the weights cannot be loaded or have no rows for RNA types.
    """
    encoder = load_masked_lm(options, seed)
    if encoder.max_bases < MAX_BASES:
        raise ConfigError(
            f"the checkpoint takes {encoder.max_bases} bases, {MAX_BASES} are needed here",
            where="backbone.source",
            remedy="use one with more positions",
        )
    require_types(encoder.tokenizer, options.checkpoint)
    if options.init == "random" and positions == "sinusoidal":
        _begin_with_waves(encoder.model.model.embeddings.position_embeddings.weight)
    for module in encoder.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    return encoder


def _begin_with_waves(table: Tensor) -> None:
    """Fill position embeddings with sinusoids (Vaswani et al. 2017, arXiv:1706.03762, section 3.5).

    A shift by so many positions is then one rotation wherever it starts, so that looking at a
    neighbour is learned once and not for every position. They vary as much as they did before.
    """
    positions, features = table.shape
    rates = 10_000 ** -(torch.arange(0, features, 2) / features)
    angles = torch.arange(positions)[:, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)[:, :features]
    with torch.no_grad():
        table.copy_(waves * (table.std() / waves.std()))


def plain_copy(network: Any) -> Any:
    """Return the network with its weights on the CPU, as MultiMolecule makes it.

    Training may have replaced its dropout and attention by faster ones.
    """
    from multimolecule import RnaErnieConfig, RnaErnieForMaskedLM

    config = RnaErnieConfig.from_dict(network.config.to_dict())
    with torch.random.fork_rng(devices=[]):
        plain = RnaErnieForMaskedLM(config)
    plain.load_state_dict({k: v.detach().cpu() for k, v in network.state_dict().items()})
    return plain.eval()
