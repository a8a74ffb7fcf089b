"""Training throughput of rnaernie-mini against `transformers.Trainer` as it comes.

The reference is Trainer itself on the same MultiMolecule model: random batches of 32 padded to
their longest, eager attention, torch's dropout. Ours has 32 sequences a batch on average. One
change is made at a time; the competitors take turns, and the medians over rounds are compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.common import (
    BATCH_SIZE,
    Batch,
    bucketed_batches,
    build,
    collate,
    nrc,
    random_batches,
    trainer,
)

VARIANTS: dict[str, dict[str, Any]] = {
    "+ length buckets": {"attention": "eager"},
    "+ SDPA attention": {},
    "+ fast dropout": {"fast_dropout": True},
    "  (dropout 0)": {"dropout": 0.0},
}
OURS = "+ fast dropout"
REFERENCE = "Trainer's defaults"


def main(arguments: list[str] | None = None) -> None:
    """Print sequences per second of each variant and its ratio to the reference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=8, help="bucketed batches a round")
    parser.add_argument("--reference-batches", type=int, default=2)
    options = parser.parse_args(arguments or [])
    items, labels, source = nrc()
    print(f"data: {source}; {torch.get_num_threads()} threads; {options.rounds} rounds")
    batches = [collate(items, labels, i) for i in bucketed_batches(items, options.batches)]
    competitors: dict[str, Callable[[int], float]] = {
        REFERENCE: reference(items, labels, options.reference_batches)
    }
    for name, settings in VARIANTS.items():
        competitors[name] = throughput(trainer(build(**settings)), batches)
    rates: dict[str, list[float]] = {name: [] for name in competitors}
    for number in range(options.rounds):
        for name, measure in competitors.items():
            rates[name].append(measure(number))
    print(f"{'':20s} sequences/s  x reference")
    for name, found in rates.items():
        ratios = [a / b for a, b in zip(found, rates[REFERENCE], strict=True)]
        print(f"{name:20s} {statistics.median(found):11.2f} {statistics.median(ratios):12.2f}")
    ratios = [a / b for a, b in zip(rates[OURS], rates[REFERENCE], strict=True)]
    print(f"ratio {statistics.median(ratios):.1f} (rounds: {min(ratios):.1f} to {max(ratios):.1f})")


def throughput(step: Callable[[Batch], float], batches: list[Batch]) -> Callable[[int], float]:
    """Return a measurement of sequences per second over `batches`, warmed up once."""
    step(batches[0])

    def measure(number: int) -> float:
        start = time.perf_counter()
        for batch in batches:
            step(batch)
        return sum(len(batch["labels"]) for batch in batches) / (time.perf_counter() - start)

    return measure


def reference(items: list[np.ndarray], labels: np.ndarray, steps: int) -> Callable[[int], float]:
    """Return a measurement of Trainer's steps alone, without its set-up and data loading."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Stopwatch(TrainerCallback):
        def __init__(self) -> None:
            self.seconds = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.start = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds += time.perf_counter() - self.start

    model = build(attention="eager")
    trainer(model)(collate(items, labels, range(4)))

    def measure(number: int) -> float:
        chosen = [i for batch in random_batches(steps, seed=number) for i in batch]
        watch = Stopwatch()
        with tempfile.TemporaryDirectory() as folder:
            Trainer(
                model=model,
                args=TrainingArguments(
                    output_dir=folder,
                    per_device_train_batch_size=BATCH_SIZE,
                    max_steps=steps,
                    use_cpu=True,
                    report_to="none",
                    save_strategy="no",
                    disable_tqdm=True,
                    remove_unused_columns=False,
                    logging_strategy="no",
                ),
                train_dataset=chosen,
                data_collator=lambda indices: collate(items, labels, indices),
                callbacks=[watch],
            ).train()
        return steps * BATCH_SIZE / watch.seconds

    return measure


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
