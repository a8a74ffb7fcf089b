"""What a regression on a frozen backbone may read: heads, and layers of their states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from rnaernie_bench.backbones.encoder import Encoder
from rnaernie_bench.backbones.inference import TokenIds
from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.data.items import Items
from rnaernie_bench.heads.bases.layers import Candidates, rows_of_layers
from rnaernie_bench.learning.fit import FittedNetwork, fresh_network
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.learning.kept import Kept
from rnaernie_bench.learning.network import Network
from rnaernie_bench.task.catalogue import HEADS


@dataclass(frozen=True)
class Candidate:
    """One thing that a regression may read."""

    head: str
    layers: tuple[int, ...]
    """None of a backbone that shows no layers."""
    columns: slice
    """Where its features stand among those of all candidates."""

    def of(self, kept: Kept) -> Kept:
        """Return its own features among those of all candidates."""
        tables = [replace(table, rows=table.rows[:, self.columns]) for table in kept.tables]
        return replace(kept, tables=tables)


@dataclass(frozen=True)
class Space:
    """Linear heads on a backbone, and the layers that they may read."""

    networks: dict[str, FittedNetwork]
    """By head, each with a fresh one that is never fitted."""
    layers: tuple[int, ...]
    """None of a backbone that shows no layers."""
    last: int
    """The number of the last layer."""
    apart: bool
    """Whether each layer alone is a candidate."""
    together: bool
    """Whether all layers side by side are one."""

    @property
    def first(self) -> FittedNetwork:
        """One of the networks: all read items in the same way."""
        return next(iter(self.networks.values()))

    def width(self, head: str) -> int:
        """Return how many numbers a head reads of a unit, of one layer."""
        return int(self.networks[head].model.head.decoder.in_features)

    @property
    def columns(self) -> int:
        """How many numbers are kept: of each base, or of each sequence."""
        model = self.first.model
        kept = sum(map(self.width, self.networks))
        if model.kind.states is not None:
            kept = model.backbone.config.hidden_size
        return kept * max(1, len(self.layers))

    def reading(self, heads: Sequence[str], layers: tuple[int, ...]) -> tuple[Network, str]:
        """Return what computes the features that heads read of layers, and what names them."""
        model = self.first.model
        read = Candidates([self.networks[name].model.head for name in heads], layers)
        network = Network(model.backbone, read, model.kind, precision=model.precision)
        return network, f"{' '.join(heads)} of {[*layers]}"

    def candidates(self, width: int) -> list[Candidate]:
        """Return the candidates among features of `width` columns, the last layers first."""
        found: list[Candidate] = []
        start, count = 0, max(1, len(self.layers))
        for name in self.networks:
            step = width // count if len(self.networks) == 1 else self.width(name)
            places = [slice(start + i * step, start + (i + 1) * step) for i in range(count)]
            if self.apart:
                layers = [self.layers[i : i + 1] for i in range(count)]
                alone = map(Candidate, [name] * count, layers, places)
                found += reversed(list(alone))
            if self.together:
                found.append(Candidate(name, self.layers, slice(start, start + count * step)))
            start += count * step
        return found

    def rows(self, of: Candidate, kept: Kept, items: Items) -> np.ndarray:
        """Return what a candidate reads of the units of items, float32 (units, width)."""
        network = self.networks[of.head]
        head, inputs = network.model.head, [item.input for item in items]
        read = network.model.kind.read(inputs, network.reader, of.of(kept))
        blocks = []
        for start in range(0, len(items), 256):
            batch = read.gather(range(start, min(start + 256, len(items))))
            rows = rows_of_layers(head, max(1, len(of.layers)), batch["features"], batch)
            blocks.append(rows.numpy())
        return np.concatenate(blocks)


def space_of(context: FitContext, encoder: Encoder, layer: Any) -> Space:
    """Return what is compared for the head of a task.

    Args:
        context: the task's.
        encoder: the backbone.
        layer: a number, ``all``, or ``auto``: each and all.

    Raises:
        ConfigError: for a layer that the backbone does not have.
    """
    head = context.config.task.head
    names = HEADS.get(head).probes or (head,)
    networks = {name: fresh_network(context, encoder, name) for name in names}
    layers = () if encoder.stored else _layers(next(iter(networks.values())))
    last = len(layers) - 1
    if layer not in ("auto", "all"):
        if layer not in layers:
            shown = f"from 0, the embeddings, to {last}" if layers else "'auto': it shows no layers"
            raise ConfigError(
                f"the backbone has no layer {layer} to read",
                where="strategy.layer",
                remedy=f"give a number {shown}" if layers else f"use {shown}",
            )
        layers = (layer,)
    several = len(layers) > 1
    return Space(networks, layers, last, apart=layer != "all" or not several, together=several)


def _layers(network: FittedNetwork) -> tuple[int, ...]:
    """Return the numbers of the layers whose states a backbone returns, if it returns them."""
    reader, backbone = network.reader, network.model.backbone.eval()
    plain = replace(reader, tails=None).encode(["ACGUACGU"])
    batch = TokenIds(plain, reader.pad_id).gather([0])
    with torch.inference_mode():
        found = backbone(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            output_hidden_states=True,
        )
    states = found.get("hidden_states") or ()
    same = {state.shape for state in states} == {found["last_hidden_state"].shape}
    return tuple(range(len(states))) if same else ()
