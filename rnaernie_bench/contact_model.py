"""A backbone with a contact head: put together, saved, loaded, and fed.

Saved are the backbone as MultiMolecule's own (`backbone/`), the head's weights beside it, and in
`head.json` which head it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from rnaernie_bench.backbones.checkpoints import saved_network, saved_tokenizer
from rnaernie_bench.data.batching import LengthBucketedBatchSampler, gather_batch
from rnaernie_bench.data.encoding import Encoded
from rnaernie_bench.environment import available_cores
from rnaernie_bench.features import StateTable
from rnaernie_bench.heads.contact import (
    AttentionHead,
    bases_only,
    contact_loss,
    contact_targets,
    ends_of,
)
from rnaernie_bench.model import build_head
from rnaernie_bench.structure.tuning import Ladder, best_threshold, default_options, ladder

CELLS_A_TOKEN = 128
"""Pairs of bases that take as much of a token budget as one token does."""


class ContactModel(nn.Module):
    """A backbone and a contact head; returns what `transformers.Trainer` expects."""

    def __init__(self, backbone: Any, head: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.ends = ends_of(backbone.config)
        self.reads_attentions = isinstance(head, AttentionHead)
        if self.reads_attentions:  # fused kernels keep no maps
            backbone.config._attn_implementation = "eager"  # the method leaves it as it is

    def states(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the states of the bases, (batch, length, hidden)."""
        outputs = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
        return bases_only(outputs["last_hidden_state"], attention_mask, ends=self.ends)[0]

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, targets: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return ``logits`` (batch, length, length) and, where `targets` are given, ``loss``."""
        wanted = {"output_attentions": True} if self.reads_attentions else {}
        outputs = self.backbone(input_ids=input_ids, attention_mask=attention_mask, **wanted)
        read = bases_only(
            outputs["last_hidden_state"],
            attention_mask,
            outputs["attentions"] if self.reads_attentions else None,
            self.ends,
        )
        return _with_loss(self.head(*read), read[1], targets)


class HeadOnStates(nn.Module):
    """A contact head on states that are there already."""

    def __init__(self, head: Any) -> None:
        super().__init__()
        self.head = head

    def forward(
        self, states: Tensor, mask: Tensor, targets: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return ``logits`` (batch, length, length) and, where `targets` are given, ``loss``."""
        return _with_loss(self.head(states, mask), mask, targets)


def _with_loss(logits: Tensor, mask: Tensor, targets: Tensor | None) -> dict[str, Tensor]:
    if targets is None:
        return {"logits": logits}
    return {"loss": contact_loss(logits.float(), targets, mask), "logits": logits}


def save_contact_model(model: ContactModel, tokenizer: Any, folder: Path, *, head: str) -> None:
    """Write `model` into the existing `folder`."""
    from safetensors.torch import save_file

    tokenizer.save_pretrained(folder)
    text = json.dumps({"head": head, "level": "contact"}, indent=1) + "\n"
    (folder / "head.json").write_text(text, encoding="utf-8")
    model.backbone.save_pretrained(folder / "backbone")
    weights = {key: value.contiguous() for key, value in model.head.state_dict().items()}
    save_file(weights, folder / "head.safetensors")


def load_contact_model(folder: Path) -> tuple[ContactModel, Any]:
    """Return the model that `save_contact_model` wrote, in evaluation mode, and its tokenizer."""
    from safetensors.torch import load_file

    declared = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    backbone = saved_network(folder / "backbone")
    head = build_head(declared["head"], backbone.config, 1, "binary")
    head.load_state_dict(load_file(folder / "head.safetensors"))
    return ContactModel(backbone, head).eval(), saved_tokenizer(folder)


class Inputs(Protocol):
    """What a network reads of some sequences."""

    @property
    def lengths(self) -> np.ndarray:
        """Bases of each sequence, int64 of shape (sequences,)."""
        ...

    def gather(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return a padded batch."""
        ...


@dataclass(frozen=True)
class TokenInputs:
    """Token ids, for a `ContactModel`."""

    encoded: Encoded
    pad_id: int

    @property
    def lengths(self) -> np.ndarray:
        """Bases of each sequence."""
        return self.encoded.lengths - self.encoded.specials

    def gather(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return ``input_ids`` and ``attention_mask``."""
        return gather_batch(self.encoded, indices, self.pad_id)


@dataclass(frozen=True)
class StateInputs:
    """Cached states, for a `HeadOnStates`."""

    table: StateTable
    sequences: Sequence[str]

    @cached_property
    def lengths(self) -> np.ndarray:
        """Bases of each sequence."""
        return np.array([len(sequence) for sequence in self.sequences], dtype=np.int64)

    def gather(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return ``states``, float32 (batch, longest, hidden), and ``mask``."""
        lengths = self.lengths[list(indices)]
        mask = np.arange(lengths.max()) < lengths[:, None]
        states = np.zeros((*mask.shape, self.table.rows.shape[1]), dtype=np.float32)
        for row, index in zip(states, indices, strict=True):
            sequence = self.sequences[index]
            row[: len(sequence)] = self.table.of(sequence)
        return {"states": torch.from_numpy(states), "mask": torch.from_numpy(mask)}


@dataclass(frozen=True)
class ContactExamples:
    """Sequences with their pairs, as `training.Material`."""

    inputs: Inputs
    sequences: Sequence[str]
    pairs: Sequence[np.ndarray]

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, index: int) -> int:
        """Return the index itself: the collator looks the rest up."""
        return index

    @property
    def costs(self) -> np.ndarray:
        """Tokens of each sequence, or what its pairs of bases are worth, if that is more."""
        return contact_costs(self.inputs.lengths)

    @property
    def counts(self) -> None:
        """Every sequence is one input."""
        return None

    def batch(self, indices: Sequence[int], pad_id: int) -> dict[str, Tensor]:
        """Return inputs and ``targets`` of some sequences."""
        lengths = self.inputs.lengths[list(indices)].tolist()
        targets = contact_targets([self.pairs[index] for index in indices], lengths)
        return {**self.inputs.gather(indices), "targets": targets}

    def validate(
        self,
        compute: Callable[..., Tensor],
        score: Callable[[Any], Any],
        *,
        pad_id: int,
        token_budget: int,
        device: torch.device,
    ) -> dict[str, float]:
        """Return loss and metrics; `score` is given the `Ladder` of each sequence.

        They are those of the decoder `greedy`, whichever decodes in the end.
        """
        options = default_options("greedy")
        ladders: list[Ladder] = []
        total = 0.0
        with ThreadPoolExecutor(available_cores()) as pool:
            for indices in contact_batches(self.inputs.lengths, token_budget):
                batch = {k: v.to(device) for k, v in self.batch(indices, pad_id).items()}
                targets = batch.pop("targets")
                with torch.inference_mode():
                    logits = compute(**batch).float()
                    mask = targets.diagonal(dim1=1, dim2=2) >= 0  # padding is `IGNORED`
                    total += float(contact_loss(logits, targets, mask)) * len(indices)
                matrices = _matrices(logits, self.inputs.lengths[indices])
                ladders += pool.map(
                    lambda index, matrix: ladder(
                        matrix, self.sequences[index], self.pairs[index], options
                    ),
                    indices,
                    matrices,
                )
        return {"loss": total / len(self), **score(ladders)}


def ladder_score(ladders: Sequence[Ladder]) -> dict[str, float]:
    """Return the best mean F1 over thresholds, and the threshold."""
    threshold, f1 = best_threshold(ladders)
    return {"f1": f1, "threshold": threshold}


def contact_costs(lengths: np.ndarray) -> np.ndarray:
    """Return what sequences take of a token budget, int64 of the shape of `lengths`."""
    return np.maximum(lengths, -(-(lengths**2) // CELLS_A_TOKEN))


def contact_batches(lengths: np.ndarray, token_budget: int) -> LengthBucketedBatchSampler:
    """Return batches of similar lengths for evaluation, longest sequences first."""
    return LengthBucketedBatchSampler(contact_costs(lengths), token_budget, shuffle=False, seed=0)


def pair_probabilities(
    model: nn.Module, inputs: Inputs, *, token_budget: int, device: torch.device
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield index and pair probabilities of each sequence, float32 (bases, bases).

    Sequences come in the order of batches, the longest first.
    """
    model = model.to(device).eval()
    lengths = inputs.lengths
    for indices in contact_batches(lengths, token_budget):
        batch = {name: tensor.to(device) for name, tensor in inputs.gather(indices).items()}
        with torch.inference_mode():
            logits = model(**batch)["logits"].float()
        yield from zip(indices, _matrices(logits, lengths[indices]), strict=True)


def _matrices(logits: Tensor, lengths: np.ndarray) -> list[np.ndarray]:
    """Return the probabilities of each sequence of a batch, without padding."""
    probabilities = torch.sigmoid(logits).cpu().numpy()
    return [matrix[:n, :n] for matrix, n in zip(probabilities, lengths.tolist(), strict=True)]
