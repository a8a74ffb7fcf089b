"""The backbone: a Transformers model that maps token ids to one state a token."""

from __future__ import annotations

from typing import Any

import torch
from multimolecule import RnaTokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling

from rnaernie_bench.backbones.encoder import Encoder, weights_sha256
from rnaernie_bench_example.entries import GruOptions

MAX_BASES = 4096


class GruConfig(PreTrainedConfig):
    """Heads read `vocab_size`, `hidden_size` and the ids of special tokens."""

    model_type = "rnaernie_bench_example_gru"

    def __init__(self, vocab_size: int = 28, hidden_size: int = 64, **kwargs: Any) -> None:
        super().__init__(**{"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, **kwargs})
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = 1


class GruModel(PreTrainedModel):
    """Embedding, then one bidirectional GRU."""

    config_class = GruConfig

    def __init__(self, config: GruConfig) -> None:
        super().__init__(config)
        self.embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.gru = nn.GRU(
            config.hidden_size, config.hidden_size // 2, batch_first=True, bidirectional=True
        )
        self.post_init()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any
    ) -> BaseModelOutputWithPooling:
        """Return `last_hidden_state` (batch, length, hidden) and `pooler_output` (batch, hidden).

        Args:
            input_ids: (batch, length).
            attention_mask: (batch, length), 0 where a sequence is filled up.
        """
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(input_ids),
            attention_mask.sum(1).cpu(),
            batch_first=True,
            enforce_sorted=False,
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(
            self.gru(packed)[0], batch_first=True, total_length=input_ids.shape[1]
        )
        return BaseModelOutputWithPooling(last_hidden_state=states, pooler_output=states[:, 0])


# So that a saved run finds the class by the name in its config.json.
AutoConfig.register(GruConfig.model_type, GruConfig)
AutoModel.register(GruConfig, GruModel)


def load(options: GruOptions, seed: int) -> Encoder:
    """Return the backbone in evaluation mode, in fp32, on the CPU.

    Args:
        options: as the user set them.
        seed: of random weights.
    """
    tokenizer = RnaTokenizer()
    config = GruConfig(vocab_size=len(tokenizer), hidden_size=options.hidden_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = GruModel(config)
    return Encoder(model.eval(), tokenizer, MAX_BASES, weights_sha256(model))
