"""The recipe beside a plain loop in PyTorch: a starved or broken one would fall behind."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from torch import nn
from torch.nn import functional

from rnaernie_bench.config.compose import compose
from rnaernie_bench.runs.plan import plan
from rnaernie_bench.runs.runner import fit

pytestmark = pytest.mark.realdata

CHANNELS, STEPS, BATCH, RATE, SEEDS = 32, 900, 8, 3e-3, (0, 1)
TOKENS = 2560  # those of eight random sequences, padded


class PlainCnn(nn.Module):
    """Three convolutions over one-hot bases, mean and maximum over positions, a linear layer."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        widths, steps = (4, CHANNELS, CHANNELS), (1, 2, 4)
        self.layers = nn.ModuleList(
            nn.Conv1d(w, CHANNELS, 9, padding=4 * d, dilation=d)
            for w, d in zip(widths, steps, strict=True)
        )
        self.linear = nn.Linear(2 * CHANNELS, classes)

    def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        for place, layer in enumerate(self.layers):
            found = functional.dropout(layer(x).relu(), 0.1, self.training) * real
            x = x + found if place else found
        mean, largest = x.sum(2) / real.sum(2), x.masked_fill(real == 0, -1e9).amax(2)
        return self.linear(functional.dropout(torch.cat([mean, largest], 1), 0.1, self.training))


def padded(sequences: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.zeros(len(sequences), 4, max(map(len, sequences)))
    real = torch.zeros(len(sequences), 1, x.shape[2])
    for row, sequence in enumerate(sequences):
        places = torch.tensor(["ACGU".find(c) for c in sequence])
        x[row, places.clamp_min(0), torch.arange(len(places))] = (places >= 0).float()
        real[row, 0, : len(sequence)] = 1
    return x, real


def plain(train, validation, classes: int, seed: int) -> float:
    """Train as anybody would, the rate falling to zero over the last sixth of the steps."""
    torch.manual_seed(seed)
    draw, network = random.Random(seed), PlainCnn(classes)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, 6 * (STEPS - step) / STEPS)
    )
    for _ in range(STEPS):
        items = draw.sample(train, BATCH)
        logits = network(*padded([item.sequence for item in items]))
        loss = functional.cross_entropy(logits, torch.tensor([item.label for item in items]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    network.eval()
    with torch.no_grad():
        found = [int(network(*padded([item.sequence])).argmax()) for item in validation]
    return float(f1_score([item.label for item in validation], found, average="macro"))


def test_product_and_plain_loop_agree_within_seeds(data_folder, tmp_path):
    product, loop = [], []
    for seed in SEEDS:
        config = compose([
            "task=ncrna_cls", "preset=bench", "split=published", "tracking=none", "backbone=cnn",
            f"backbone.channels={CHANNELS}", f"backbone.learning_rate={RATE}",
            f"trainer.max_steps={STEPS}", f"trainer.token_budget={TOKENS}",
            "trainer.progress=false", f"seed={seed}", f"runs_dir={tmp_path}",
        ])  # fmt: skip
        planned = plan(config)
        scores: list[float] = []
        fit(planned, lambda found, _, s=scores: s.append(found.get("eval_macro_f1", 0.0)))
        product.append(max(scores))
        split = planned.scheme.split
        labels = len(planned.task.labels)
        loop.append(plain(list(split.train), split.validation, labels, seed))
    assert abs(np.mean(product) - np.mean(loop)) < 0.06, (product, loop)
    assert min(product) > 0.5
