"""Contact heads: the bilinear one against MultiMolecule's, `resnet2d` against a plain one.

At 512 nt and 768 features, both linear heads go forward, through the same loss and backward, from
the same weights; their losses must agree. Each measurement is a process of its own, and the
contestants take turns, on one core each, whose time counts. Memory is the peak of the process's
resident memory during its first pass, which Linux keeps exactly, above what was resident before;
time is the median of later passes, or that of the first where a pass takes seconds.

The head `resnet2d` is trained on states of 192 features, as a frozen rnaernie-tiny gives them:
loss, backward and AdamW, on one core, in what `trainer.precision=auto` chooses there, beside the
same network written plainly: a padded batch in float32, the kinds of pairs as an outer product. Of
a batch, the shortest sequence has a tenth less than the longest. An epoch of bpRNA's TR0 is
estimated from its length quantiles.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import torch
from torch import nn
from torch.nn import functional

from rnaernie_bench.backbones.precision import autocast, chosen
from rnaernie_bench.heads.bilinear import BilinearHead
from rnaernie_bench.heads.resnet2d import ResNet2dHead, ResNet2dOptions
from rnaernie_bench.learning.structures import contact_loss

BASES, HIDDEN, BATCHES = 512, 768, (1, 4)
OURS, THEIRS = "bilinear", "MultiMolecule"
THEIR_GIB = 4.5
"""What MultiMolecule's head takes for a sequence, and a margin."""
TARGETS = {"time": 200, "memory": 20}

RESNET, PLAIN = RESNETS = ("resnet2d", "plain")
RESNET_HIDDEN, RESNET_BATCHES = 192, {64: 32, 128: 8, 256: 2, 512: 1}
TR0_SEQUENCES = 10_814
TR0_LENGTHS = (
    33, 61, 69, 73, 77, 80, 85, 89, 94, 100, 105, 114, 121, 131, 139, 152, 173, 197, 234, 348, 498,
)  # fmt: skip
"""Lengths of TR0: minimum, every twentieth, maximum."""

Step = Callable[[], float]


def linear(name: str, batch: int, bases: int) -> Step:
    """Return a pass of a linear head, forward and backward; it returns the loss."""
    torch.manual_seed(0)
    head = BilinearHead(SimpleNamespace(hidden_size=HIDDEN))
    states = torch.randn(batch, bases, HIDDEN, requires_grad=True)
    targets = (torch.rand(batch, bases, bases) < 1 / bases).int()
    targets = targets | targets.mT
    mask = torch.ones(batch, bases, dtype=torch.bool)
    if name == OURS:

        def forward() -> torch.Tensor:
            return contact_loss(
                head.predict(states, {"mask": mask}), targets, mask, min_distance=0, average="pairs"
            )
    else:
        from multimolecule import RnaErnieConfig
        from multimolecule.modules import HeadConfig
        from multimolecule.modules.heads import ContactPredictionHead

        config = RnaErnieConfig(hidden_size=HIDDEN, num_labels=1, bos_token_id=None)
        config.bos_token_id = config.eos_token_id = None  # the states are of bases alone
        theirs = ContactPredictionHead(config, HeadConfig(num_labels=1, problem_type="binary"))
        theirs.load_state_dict(head.state_dict())

        def forward() -> torch.Tensor:
            loss: torch.Tensor = theirs({"last_hidden_state": states}, mask, None, targets).loss
            return loss

    def step() -> float:
        states.grad = None
        loss = forward()
        loss.backward()
        return loss.item()

    return step


class Plain(nn.Module):
    """The network of `resnet2d`, as it is first written down."""

    def __init__(self) -> None:
        super().__init__()
        shape = ResNet2dOptions()
        channels, half, width, reach = shape.channels, shape.channels // 2, shape.width, shape.reach
        self.states = nn.Sequential(
            nn.LayerNorm(RESNET_HIDDEN), nn.Linear(RESNET_HIDDEN, shape.states)
        )
        self.near = nn.Conv1d(5 + shape.states, width, 2 * reach + 1, padding=reach)
        self.further = nn.Conv1d(width, width, 2 * reach + 1, padding=reach)
        self.left, self.right = nn.Linear(width, channels), nn.Linear(width, channels)
        self.kinds = nn.Linear(25, channels, bias=False)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.GroupNorm(4, channels), nn.ReLU(), nn.Conv2d(channels, half, 1), nn.ReLU(),
                nn.Conv2d(half, half, shape.kernel, padding=d * (shape.kernel // 2), dilation=d),
                nn.ReLU(), nn.Conv2d(half, channels, 1),
            )
            for d in shape.dilations
        )  # fmt: skip
        self.last = nn.Sequential(nn.GroupNorm(4, channels), nn.ReLU(), nn.Conv2d(channels, 1, 1))

    def predict(self, states: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return symmetric logits."""
        letters = functional.one_hot(batch["letters"], 5).float()
        read = torch.cat([letters, self.states(states)], -1) * batch["mask"].unsqueeze(-1)
        h = functional.relu(self.near(read.mT))
        h = (h + functional.relu(self.further(h))).mT
        kinds = (letters[:, :, None, :, None] * letters[:, None, :, None, :]).flatten(3)
        z = self.kinds(kinds) + self.left(h)[:, :, None] + self.right(h)[:, None]
        z = z.permute(0, 3, 1, 2)
        for block in self.blocks:
            z = z + block(z)
        logits: torch.Tensor = self.last(z).squeeze(1)
        return (logits + logits.mT) / 2


def training(name: str, batch: int, bases: int) -> Step:
    """Return a training step of a residual network; it returns the loss."""
    torch.manual_seed(0)
    precision = chosen("auto") if name == RESNET else "fp32"
    head: Any = ResNet2dHead(SimpleNamespace(hidden_size=RESNET_HIDDEN))
    head = head.train() if name == RESNET else Plain().train()
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3)
    states = torch.randn(batch, bases, RESNET_HIDDEN)
    lengths = torch.linspace(bases, 0.9 * bases, batch).round()
    mask = torch.arange(bases) < lengths[:, None]
    targets = (torch.rand(batch, bases, bases) < 1 / bases).int()
    targets = (targets | targets.mT).masked_fill(~(mask[:, None] & mask[:, :, None]), -100)
    read = {"mask": mask, "letters": torch.where(mask, torch.randint(4, (batch, bases)), 4)}

    def step() -> float:
        optimizer.zero_grad()
        with autocast(states.device, precision):
            logits = head.predict(states, read)
        loss = contact_loss(logits.float(), targets, mask)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def measure(name: str, batch: int, bases: int) -> None:
    """Print loss, seconds a step, and MiB of the first step above those before, as JSON."""
    prepare = training if name in RESNETS else linear
    clock = one_core()
    prepare(name, 1, 16)()  # so that libraries are loaded and threads started
    step = prepare(name, batch, bases)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = resident("VmHWM")
    start = clock()
    loss = step()
    taken = [clock() - start]
    memory = resident("VmHWM") - before
    if taken[0] < 5:
        taken = []
        while len(taken) < 5 or sum(taken) < 2:
            start = clock()
            step()
            taken.append(clock() - start)
    print(json.dumps({"loss": loss, "seconds": statistics.median(taken), "memory": memory}))


def one_core() -> Callable[[], float]:
    """Keep torch to one thread, and return the clock of the processor's work for this process."""
    torch.set_num_threads(1)
    return time.process_time


def resident(field: str) -> float:
    """Return a field of this process's status in MiB, as ``VmHWM``, its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def in_a_process(name: str, batch: int, bases: int) -> dict[str, float]:
    """Return what `measure` prints in a process of its own."""
    what = ["--measure", name, str(batch), str(bases)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.contact_head", *what],
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def compare(batch: int, rounds: int) -> None:
    """Print time and memory of both linear heads and their ratios."""
    available = psutil.virtual_memory().available / 2**30
    if available < THEIR_GIB * batch:
        print(f"batch {batch} left out: MultiMolecule's head would not fit in {available:.0f} GiB")
        return
    runs = [
        {name: in_a_process(name, batch, BASES) for name in (OURS, THEIRS)} for _ in range(rounds)
    ]
    for run in runs:
        if abs(run[OURS]["loss"] - run[THEIRS]["loss"]) > 1e-5:
            raise AssertionError(f"the losses differ: {run}")
    print(f"{BASES} nt, {HIDDEN} features, batch {batch}; forward and backward, {rounds} rounds")
    for name in (OURS, THEIRS):
        seconds, memory = medians([run[name] for run in runs])
        print(f"{name:14s} {1e3 * seconds:10.1f} ms {memory:10.1f} MiB more")
    for label, key in (("time", "seconds"), ("memory", "memory")):
        ratios = [run[THEIRS][key] / run[OURS][key] for run in runs]
        print(
            f"{label}: 1/{statistics.median(ratios):.0f} of MultiMolecule's"
            f" (rounds: {min(ratios):.0f} to {max(ratios):.0f}; target {TARGETS[label]})"
        )


def resnet(rounds: int) -> None:
    """Print throughput and memory of training `resnet2d` and a plain one; an estimate for TR0."""
    quantiles = np.linspace(0, 1, len(TR0_LENGTHS))
    lengths = np.interp((np.arange(TR0_SEQUENCES) + 0.5) / TR0_SEQUENCES, quantiles, TR0_LENGTHS)
    print(f"residual networks; {RESNET_HIDDEN} features, training, one core")
    each: dict[str, list[float]] = {name: [] for name in RESNETS}
    for bases, batch in RESNET_BATCHES.items():
        found = {name: [] for name in RESNETS}  # type: dict[str, list[dict[str, float]]]
        for _ in range(rounds):
            for name in RESNETS:
                found[name].append(in_a_process(name, batch, bases))
        for name in RESNETS:
            seconds, memory = medians(found[name])
            each[name].append(seconds / (batch * bases**2))
            print(
                f"{bases:4d} nt x {batch:2d}, {name:8s}: {batch / seconds:7.2f} sequences/s,"
                f" {1e9 * each[name][-1]:6.0f} ns a pair of bases, {memory:6.0f} MiB more"
            )
        print(f"          {each[PLAIN][-1] / each[RESNET][-1]:.2f} times as fast")
    total = (lengths**2 * np.interp(lengths, list(RESNET_BATCHES), each[RESNET])).sum()
    print(f"an epoch of TR0 ({TR0_SEQUENCES:,} sequences): {total / 60:.1f} minutes of one core")


def medians(runs: Sequence[dict[str, float]]) -> tuple[float, float]:
    """Return the median seconds and MiB of some runs."""
    return (
        statistics.median(run["seconds"] for run in runs),
        statistics.median(run["memory"] for run in runs),
    )


def main(arguments: list[str] | None = None) -> None:
    """Print ratios of the linear heads, and of residual networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batches", type=int, nargs="*", default=BATCHES, help="of linear heads")
    parser.add_argument("--measure", nargs=3, metavar=("HEAD", "BATCH", "BASES"))
    options = parser.parse_args(arguments or [])
    if options.measure:
        name, batch, bases = options.measure
        measure(name, int(batch), int(bases))
        return
    for batch in options.batches:
        compare(batch, options.rounds)
    resnet(options.rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
