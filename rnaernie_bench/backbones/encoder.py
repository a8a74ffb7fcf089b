"""A loaded backbone: the network, its tokenizer, and the hash of its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Encoder:
    """A backbone ready for a strategy."""

    model: PreTrainedModel
    """Maps ``input_ids, attention_mask`` to ``last_hidden_state`` and ``pooler_output``; one that
    was loaded with its head for masked tokens, to ``logits``."""
    tokenizer: Any
    max_bases: int
    """Longest sequence it takes, in nucleotides."""
    weights_sha256: str
    """Over the names, shapes and bytes of all weights that the checkpoint holds."""
    pooler_seed: int | None = None
    """What the pooler was drawn from, where the checkpoint holds none."""
    unit: str = "base"
    """What a state stands for: a base, a k-mer or a codon."""
    stored: bool = False
    """Whether its states are looked up in a file, which has to learn what its ids stand for and may
    lack sequences (`features_network`)."""

    def key(self) -> dict[str, str]:
        """Return everything that its features of a sequence depend on, for a cache.

        Equal weights can make different networks: heads, activations and the like stand in the
        configuration alone, and libraries change.
        """
        private = ("_name_or_path", "transformers_version", "dtype")
        config = {k: v for k, v in self.model.config.to_dict().items() if k not in private}
        vocabulary = sorted(self.tokenizer.get_vocab().items())
        return {
            "weights": self.weights_sha256,
            "pooler": str(self.pooler_seed),
            "config": json.dumps(config, sort_keys=True, default=str),
            "vocabulary": json.dumps(vocabulary),
            "max_bases": str(self.max_bases),
            **{name: version(name) for name in ("torch", "transformers", "multimolecule")},
        }


def weights_sha256(model: torch.nn.Module, leave_out: Collection[str] = ()) -> str:
    """Return the SHA-256 of a model's weights: names, shapes, types and bytes, in name order.

    Args:
        model: any module.
        leave_out: names of weights that are not counted.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if name in leave_out:
            continue
        value = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
