"""What predicts the type of an RNA: a masked language model, or a classifier of k-mers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rnaernie_bench.backbones.vocabulary import (
    INDICATOR,
    N_RNA_TOKENS,
    N_TYPED_TOKENS,
    require_types,
)
from rnaernie_bench.data.encoding import Encoded, Tail, encode, single
from rnaernie_bench.learning.guidance.choice import Predictor

if TYPE_CHECKING:
    from torch import Tensor

    from rnaernie_bench.backbones.encoder import Encoder

Slot = Literal["mask", "pad"]
"""The token in the slot of the type: the mask token, or padding as the authors have it."""


@dataclass(frozen=True)
class SlotReader:
    """A frozen masked language model that predicts the token between [IND] and <eos>."""

    encoder: Encoder
    """Loaded with its head for masked tokens."""
    slot: Slot
    length: str
    """The length policy. Of several windows, each type has its highest logit."""
    token_budget: int
    overlap: int = 0
    """Of windows."""

    def __post_init__(self) -> None:
        require_types(self.encoder.tokenizer, "strategy.types")
        self.encoder.model.eval().requires_grad_(False)

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return the logits of the types at the slot, float32 (sequences, types)."""
        import torch

        from rnaernie_bench.backbones.inference import Batch, TokenIds, best_device, scores

        if not sequences:
            return np.empty((0, N_TYPED_TOKENS - N_RNA_TOKENS - 1), dtype=np.float32)
        encoded = self._encode(sequences)
        device = best_device()
        network: Any = self.encoder.model
        model = network.to(device)

        def at_slot(batch: Batch) -> Tensor:
            ids, mask = batch["input_ids"], batch["attention_mask"]
            logits = model(input_ids=ids, attention_mask=mask).logits
            rows = torch.arange(len(ids), device=ids.device)
            slots = mask.sum(dim=1) - 2  # <eos> is last
            types: Tensor = logits[rows, slots, N_RNA_TOKENS + 1 : N_TYPED_TOKENS]
            return types

        every = single(encoded.ids, np.zeros(len(encoded.ids), dtype=bool))
        rows = scores(
            at_slot,
            TokenIds(every, int(self.encoder.tokenizer.pad_token_id)),
            token_budget=self.token_budget,
            device=device,
        )
        model.to("cpu")
        highest: np.ndarray = np.maximum.reduceat(rows, encoded.starts)
        return highest

    def _encode(self, sequences: Sequence[str]) -> Encoded:
        tokenizer = self.encoder.tokenizer
        slot = tokenizer.mask_token_id if self.slot == "mask" else tokenizer.pad_token_id
        tail = Tail((tokenizer.get_vocab()[INDICATOR], int(slot)))
        return encode(
            sequences,
            tokenizer,
            policy=self.length,
            max_bases=self.encoder.max_bases,
            overlap=self.overlap,
            tails=[[tail]] * len(sequences),
        )

    def key(self) -> Mapping[str, str]:
        """Return weights, slot and way of reading."""
        from rnaernie_bench.backbones.inference import best_device

        return {
            **self.encoder.key(),
            "slot": self.slot,
            "length": f"{self.length} {self.overlap}",
            "device": best_device().type,
        }

    def facts(self) -> Mapping[str, Any]:
        """Return kind, hash and size."""
        return {
            "predictor": "masked_lm",
            "weights_sha256": self.encoder.weights_sha256,
            "parameters": sum(p.numel() for p in self.encoder.model.parameters()),
        }

    def save(self, folder: Path) -> None:
        """Write network and tokenizer, as MultiMolecule loads them, and how they are read."""
        self.encoder.model.save_pretrained(folder)
        self.encoder.tokenizer.save_pretrained(folder)
        saved = {name: getattr(self, name) for name in _SAVED}
        text = json.dumps({"kind": "masked_lm", **saved}, indent=1)
        (folder / "predictor.json").write_text(text + "\n", encoding="utf-8")


def named(model: str, *, slot: Slot = "mask", token_budget: int = 8192) -> Predictor:
    """Return a predictor by the folder of a type classifier, or the name of a backbone.

    Raises:
        ConfigError: if there is neither, or the backbone has no types.
    """
    from rnaernie_bench.backbones.loading import load_backbone

    if (Path(model) / "predictor.json").is_file():
        return restore(Path(model))
    return SlotReader(load_backbone(model, masked_lm=True), slot, "truncate", token_budget)


_SAVED = ("slot", "length", "token_budget", "overlap")


def restore(folder: Path) -> Predictor:
    """Return the predictor that was saved in `folder`."""
    saved = json.loads((folder / "predictor.json").read_text(encoding="utf-8"))
    return _RESTORE[saved["kind"]](folder, saved)


def _restore_slot_reader(folder: Path, saved: Mapping[str, Any]) -> Predictor:
    from rnaernie_bench.backbones.loading import load_backbone

    encoder = load_backbone(f"{folder.resolve()}", masked_lm=True)
    return SlotReader(encoder, **{name: saved[name] for name in _SAVED})


def _restore_kmer(folder: Path, saved: Mapping[str, Any]) -> Predictor:
    from rnaernie_bench.learning.guidance.kmer_types import restore as restore_types

    return restore_types(folder, saved)


_RESTORE: dict[str, Callable[[Path, Mapping[str, Any]], Predictor]] = {
    "masked_lm": _restore_slot_reader,
    "kmer": _restore_kmer,
}
