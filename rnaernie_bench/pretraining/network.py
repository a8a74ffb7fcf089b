"""The network that is pre-trained: MultiMolecule's masked language model, read at its targets."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.rnaernie import RnaErnieOptions, load_masked_lm
from rnaernie_bench.backbones.vocabulary import MAX_BASES, require_types
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.pretraining.objective import ObjectiveOptions
from rnaernie_bench.pretraining.pairs import PairHead


class TargetLogits(nn.Module):
    """Gives the logits of the targets only.

    The head on every position would be seven times the work at 15 % targets, and as much memory.

    Args:
        network: a masked language model; it is trained in place.
        pair_head: predicts partners, where they are asked for.
        layer: whose states it reads, counted from 1; -1: the last.
    """

    def __init__(self, network: Any, pair_head: PairHead | None = None, layer: int = -1) -> None:
        super().__init__()
        self.network = network
        self.pair_head = pair_head
        self.layer = layer

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        targets: Tensor,
        bases: Tensor | None = None,
    ) -> Any:
        """Return logits of shape (targets, tokens), and with `bases` what the `PairHead` says.

        Args:
            input_ids: token ids, (batch, length).
            attention_mask: true at tokens, (batch, length).
            targets: positions in the flattened batch, (targets,).
            bases: where a base can pair, (batch, length).
        """
        wanted = bases is not None and self.layer > 0
        read = self.network.model(
            input_ids, attention_mask=attention_mask, output_hidden_states=wanted
        )
        states = read.last_hidden_state
        logits = self.network.lm_head((states.flatten(0, 1)[targets],)).logits
        if bases is None or self.pair_head is None:
            return logits
        paired = read.hidden_states[self.layer] if wanted else states
        return logits, self.pair_head(paired, bases)


def target_logits(network: Any, objective: ObjectiveOptions) -> TargetLogits:
    """Return the network with what an objective needs; a head of pairs begins at random."""
    head = PairHead(network.config.hidden_size, objective.width) if objective.pairs else None
    return TargetLogits(network, head, objective.layer)


def load_network(
    options: RnaErnieOptions,
    *,
    seed: int,
    dropout: float,
    positions: Literal["normal", "sinusoidal"] = "normal",
    initialisation: Literal["declared", "width"] = "declared",
) -> Encoder:
    """Return the masked language model to train, random or from a checkpoint, with its tokenizer.

    Args:
        options: the backbone.
        seed: of random weights.
        dropout: of hidden states and attention probabilities while it is trained; the saved
            configuration keeps the backbone's own.
        positions: how random position embeddings begin; they are trained as all else.
        initialisation: how random weights begin; see `_scale_to_width`.

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
    random = options.init == "random"
    if random and initialisation == "width":
        _scale_to_width(encoder.model)
    if random and positions == "sinusoidal":
        table = getattr(encoder.model.model.embeddings, "position_embeddings", None)
        if table is None:
            raise ConfigError(
                f"'{options.name}' has no table of positions",
                where="trainer.positions",
                remedy="leave it at normal",
            )
        _begin_with_waves(table.weight)
    for module in encoder.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    return encoder


def _scale_to_width(network: Any) -> None:
    """Scale random matrices to a standard deviation of one over the root of the states' width.

    BERT's .02 is that of a width of 768 or more (Devlin et al. 2019, arXiv:1810.04805). In narrow
    networks products of such small numbers leave attention uniform, and what it brings too small
    to matter, so that learning stands on the frequencies of bases for long.
    """
    config = network.config
    factor = config.hidden_size**-0.5 / config.initializer_range
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight.mul_(factor)


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
    import multimolecule

    kind = getattr(multimolecule, type(network).__name__)
    config = kind.config_class.from_dict(network.config.to_dict())
    with torch.random.fork_rng(devices=[]):
        plain = kind(config)
    plain.load_state_dict({k: v.detach().cpu() for k, v in network.state_dict().items()})
    return plain.eval()
