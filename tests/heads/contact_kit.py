"""Contact heads for a small backbone, and batches of its states and attention maps."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rnaernie_bench.heads.bases.contact import ContactHead
from rnaernie_bench.learning.network import build_head
from rnaernie_bench.task.catalogue import HEADS

HIDDEN, LAYERS, HEADS_A_LAYER = 6, 2, 2


@dataclass
class Config:
    """What heads read of a backbone's configuration."""

    hidden_size: int = HIDDEN
    num_hidden_layers: int = LAYERS
    num_attention_heads: int = HEADS_A_LAYER


def head_named(name: str, seed: int = 0) -> ContactHead:
    """Return a head; `resnet` as in new networks, `earlier` as in those saved by 0.1.0."""
    torch.manual_seed(seed)
    fresh = {**HEADS.get(name).fresh, "canonical": False} if name.startswith("resnet") else {}
    return build_head("resnet" if name == "earlier" else name, Config(), 1, "binary", fresh).eval()


def filled(head: ContactHead, seed: int = 0) -> ContactHead:
    """Return a head whose last layer, which may begin at zero, reads all features."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        head.decoder.weight.normal_(generator=generator)
    return head


def scored(head: ContactHead, states, mask, maps=None):
    """Return logits of states, or of maps where the head reads those; all letters are A."""
    batch = {"mask": mask, "letters": torch.where(mask, 0, 4)}
    return head.predict(maps if head.reads_attentions else states, batch)


def a_batch(lengths: list[int], seed: int = 0, padded: int = 0):
    """Return states, mask and attentions of sequences, with `padded` more places than needed."""
    generator = torch.Generator().manual_seed(seed)
    longest = max(lengths) + padded
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    states = torch.randn(len(lengths), longest, HIDDEN, generator=generator)
    maps = torch.randn(len(lengths), LAYERS * HEADS_A_LAYER, longest, longest, generator=generator)
    return states, mask, maps.masked_fill(~mask[:, None, None], -torch.inf).softmax(-1)
