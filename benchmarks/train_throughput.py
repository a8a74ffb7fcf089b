"""Training throughput against a competent user of `transformers.Trainer`.

The competent user (`yardstick`) sets SDPA attention, groups sequences by length, pads each batch to
its longest, and says `bf16=True` where the processor has it. Ours are length buckets of as many
sequences a batch on average, with fast dropout, in what `trainer.precision=auto` chooses. The
competitors take turns; processor time of the steps alone counts, and the medians over rounds are
compared. The last column is the share of the machine's peak (`common.peak`) in useful
work: FLOPs of matrix products on bases and their special tokens, none on padding.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.common import (
    BATCH_SIZE,
    SHAPES,
    Batch,
    bucketed_batches,
    build,
    collate,
    nrc,
    peak,
    trainer,
    useful_flops,
)
from rnaernie_bench.backbones.precision import Precision, chosen
from rnaernie_bench.core.environment import bf16_features

Measure = Callable[[], tuple[float, float]]
"""Runs some steps; returns sequences and GFLOP/s of useful work, a second of processor time."""


def main(arguments: list[str] | None = None) -> None:
    """Print sequences per second of each competitor and its ratio to the competent user."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, action="append", help="default: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=4, help="a round")
    options = parser.parse_args(arguments or [])
    items, labels, source = nrc()
    auto = chosen("auto")
    print(f"data: {source}; {torch.get_num_threads()} threads; {options.rounds} rounds")
    print(f"bf16: {', '.join(bf16_features()) or 'none'}; auto is {auto}")
    print(f"peak: fp32 {peak(torch.float32):.0f}, bf16 {peak(torch.bfloat16):.0f} GFLOP/s")
    for shape in options.shape or SHAPES:
        _compare(shape, auto, items, labels, rounds=options.rounds, count=options.batches)


def _compare(
    shape: str,
    auto: Precision,
    items: list[np.ndarray],
    labels: np.ndarray,
    *,
    rounds: int,
    count: int,
) -> None:
    competitors: dict[str, Measure] = {
        f"competent user, {precision}": yardstick(shape, precision, items, labels, count)
        for precision in dict.fromkeys(("fp32", auto))
    }
    for precision in dict.fromkeys(("fp32", auto)):
        competitors[f"ours, {precision}"] = ours(shape, precision, items, labels, count)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in competitors}
    for _ in range(rounds):
        for name, measure in competitors.items():
            found[name].append(measure())
    high = peak(torch.bfloat16 if auto == "bf16" else torch.float32)
    references = [name for name in found if name.startswith("competent")]
    print(
        f"{shape:22s} sequences/s  " + "  ".join(f"x {name}" for name in references) + "  of peak"
    )
    for name, rates in found.items():
        ratios = [
            statistics.median(mine / theirs for (mine, _), (theirs, _) in pairs)
            for pairs in (zip(rates, found[other], strict=True) for other in references)
        ]
        columns = "  ".join(f"{r:{len(o) + 2}.2f}" for r, o in zip(ratios, references, strict=True))
        rate, work = (statistics.median(column) for column in zip(*rates, strict=True))
        print(f"{name:22s} {rate:11.2f}  {columns}  {work / high:7.0%}", flush=True)


def ours(
    shape: str, precision: Precision, items: list[np.ndarray], labels: np.ndarray, count: int
) -> Measure:
    """Return a measurement of our steps, warmed up once."""
    model = build(**SHAPES[shape], fast_dropout=True)
    step = trainer(model, precision=precision)
    batches = [collate(items, labels, i) for i in bucketed_batches(items, count)]
    step(batches[0])

    def measure() -> tuple[float, float]:
        start = time.process_time()
        for batch in batches:
            step(batch)
        return _rates(model, batches, time.process_time() - start)

    return measure


def yardstick(
    shape: str, precision: Precision, items: list[np.ndarray], labels: np.ndarray, count: int
) -> Measure:
    """Return a measurement of Trainer's steps alone, without its set-up and data loading."""
    from transformers import Trainer, TrainerCallback, TrainingArguments
    from transformers.trainer_pt_utils import LengthGroupedSampler

    class Stopwatch(TrainerCallback):
        def __init__(self) -> None:
            self.seconds = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.start = time.process_time()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.seconds += time.process_time() - self.start

    model = build(**SHAPES[shape])
    # The batches of `train_sampling_strategy="group_by_length"`, spread evenly over an epoch.
    lengths = [len(item) for item in items]
    generator = torch.Generator().manual_seed(0)
    order = list(LengthGroupedSampler(BATCH_SIZE, lengths=lengths, generator=generator))
    all_batches = [order[i : i + BATCH_SIZE] for i in range(0, len(order), BATCH_SIZE)]
    all_batches.sort(key=lambda batch: max(lengths[i] for i in batch))
    places = [int((i + 0.5) * len(all_batches) / count) for i in range(count)]
    chosen_batches = [all_batches[place] for place in places]

    def train(batches: Sequence[list[int]]) -> float:
        watch = Stopwatch()
        with tempfile.TemporaryDirectory() as folder:
            Trainer(
                model=model,
                args=TrainingArguments(
                    output_dir=folder,
                    per_device_train_batch_size=BATCH_SIZE,
                    train_sampling_strategy="sequential",  # they are in their order already
                    max_steps=len(batches),
                    bf16=precision == "bf16",
                    use_cpu=True,
                    report_to="none",
                    save_strategy="no",
                    disable_tqdm=True,
                    log_level="error",
                    remove_unused_columns=False,
                    logging_strategy="no",
                ),
                train_dataset=[index for batch in batches for index in batch],
                data_collator=lambda indices: collate(items, labels, indices),
                callbacks=[watch],
            ).train()
        return watch.seconds

    train(chosen_batches[:1])
    batches = [collate(items, labels, batch) for batch in chosen_batches]
    return lambda: _rates(model, batches, train(chosen_batches))


def _rates(model: Any, batches: Sequence[Batch], seconds: float) -> tuple[float, float]:
    sequences = sum(len(batch["labels"]) for batch in batches)
    return sequences / seconds, useful_flops(model.config, batches) / 1e9 / seconds


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
