"""The contact ResNet against a plain PyTorch loop: what a starved or broken recipe would lose."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from rnaernie_bench.cli.main import main

EPOCHS, BATCH, RATE, SEEDS = 4, 9, 5e-3, (0, 1)
LONGEST = 80
PARTS = {"train": ("TR0", 240), "validation": ("VL0", 80), "test": ("archiveII", 3)}
"""The files that parts are of, and how many of their first RNAs of at most `LONGEST` nt."""


def copied(source: Path, target: Path, count: int) -> list[tuple[str, np.ndarray]]:
    """Copy the first short RNAs of a file; return their sequences and nested pairs."""
    found: list[tuple[str, np.ndarray]] = []
    with source.open() as lines, target.open("w") as copy:
        for name, sequence, brackets in zip(lines, lines, lines, strict=True):
            sequence = sequence.strip().upper()
            if len(sequence) > LONGEST or set(sequence) - set("ACGU"):
                continue
            opened: list[int] = []
            pairs = [(opened.pop(), j) for j, mark in enumerate(brackets.split()[0])
                     if mark == ")" or (mark == "(" and opened.append(j))]  # fmt: skip
            found.append((sequence, np.array(sorted(pairs), dtype=int).reshape(-1, 2)))
            copy.write(f"{name}{sequence}\n{brackets}")
            if len(found) == count:
                break
    return found


class PlainNet(nn.Module):
    """Two convolutions along the sequence, an outer sum, four dilated bottleneck blocks."""

    def __init__(self, channels: int = 32, width: int = 48) -> None:
        super().__init__()
        self.near, self.further = (nn.Conv1d(n, width, 9, padding=4) for n in (4, width))
        self.sides = nn.Linear(width, 2 * channels)
        self.kinds = nn.Linear(16, channels)
        self.norms = nn.ModuleList(nn.GroupNorm(4, channels) for _ in range(5))
        half = channels // 2
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, half, 1), nn.ReLU(),
                nn.Conv2d(half, half, 5, padding=2 * d, dilation=d), nn.ReLU(),
                nn.Conv2d(half, channels, 1),
            )
            for d in (1, 2, 4, 1)
        )  # fmt: skip
        self.out = nn.Conv2d(channels, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.constant_(self.out.bias, -4.6)

    def forward(self, letters: torch.Tensor) -> torch.Tensor:
        h = functional.relu(self.near(letters.T[None]))
        left, right = self.sides((functional.relu(self.further(h)) + h)[0].T).chunk(2, -1)
        kinds = (letters[:, None, :, None] * letters[None, :, None, :]).flatten(2)
        z = (left[:, None] + right[None] + self.kinds(kinds)).permute(2, 0, 1)[None]
        for norm, block in zip(self.norms, self.blocks, strict=False):
            z = z + block(functional.relu(norm(z)))
        y = self.out(functional.relu(self.norms[-1](z)))[0, 0]
        return (y + y.T) / 2


def prepared(sequence: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return one-hot letters, and which pairs i < j can pair."""
    canonical = {"AU", "UA", "GC", "CG", "GU", "UG"}
    kinds = torch.tensor([[a + b in canonical for b in "ACGU"] for a in "ACGU"])
    codes = torch.tensor(["ACGU".index(letter) for letter in sequence])
    return functional.one_hot(codes, 4).float(), kinds[codes][:, codes].triu(4)


def loop(train, validation, seed: int) -> float:
    """Train and return the best mean F1 of validation over thresholds."""
    torch.manual_seed(seed)
    generator, net = np.random.default_rng(seed), PlainNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.01)
    steps = EPOCHS * len(train) // BATCH
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * min(1, step / 10, (steps - step) * 5 / steps)
        for item in generator.choice(len(train), BATCH, replace=False):
            letters, possible = prepared(train[item][0])
            truth = torch.zeros(possible.shape)
            truth[tuple(train[item][1].T)] = 1
            logits, truth = net(letters)[possible], truth[possible]
            loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum")
            (loss / len(letters) / BATCH).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        scores = [f1_by_threshold(net, *item) for item in validation]
    return float(np.mean(scores, 0).max())


def f1_by_threshold(net: PlainNet, sequence: str, pairs: np.ndarray) -> list[float]:
    """Return the F1 of greedily decoded pairs at some thresholds."""
    letters, possible = prepared(sequence)
    p = torch.sigmoid(net(letters)).masked_fill(~possible, 0.0).numpy()
    taken: dict[int, float] = {}
    right: list[tuple[float, bool]] = []
    for i, j in zip(*np.unravel_index(np.argsort(-p, axis=None), p.shape), strict=True):
        if p[i, j] < 0.03:
            break
        if i not in taken and j not in taken:
            taken[i] = taken[j] = p[i, j]
            right.append((p[i, j], [i, j] in pairs.tolist()))
    found = [[hit for score, hit in right if score >= t] for t in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)]
    return [2 * sum(hits) / max(1, len(hits) + len(pairs)) for hits in found]


@pytest.mark.realdata
def test_product_and_plain_loop_agree_within_seeds(tmp_path: Path, data_folder: Path) -> None:
    """Means of two seeds; all settings but the epochs and a search of rates are defaults."""
    parts = {
        part: copied(data_folder / "ss" / f"{name}.dbn", tmp_path / f"{part}.dbn", count)
        for part, (name, count) in PARTS.items()
    }
    own = [*(f"--{part}={tmp_path}/{part}.dbn" for part in parts), "--level=contact"]
    for seed in SEEDS:
        settings = ("backbone=onehot", f"trainer.max_epochs={EPOCHS}",
                    f"backbone.learning_rate={RATE}", f"seed={seed}", "tracking=none",
                    f"runs_dir={tmp_path}/runs")  # fmt: skip
        assert main(["run", *own, "--problem=binary", *settings]) == 0
    records = [json.loads(r.read_text()) for r in (tmp_path / "runs").rglob("record.json")]
    product = [record["validation"]["metrics"]["f1"] for record in records]
    plain = [loop(parts["train"], parts["validation"], seed) for seed in SEEDS]
    assert np.mean(product) > 0.2
    assert np.mean(product) == pytest.approx(np.mean(plain), abs=0.05), (product, plain)
