"""Linear heads on kept rows of features: a training loop of their own.

The head sees features standardised by the mean and deviation of train, which is folded into its
linear layer at the end, so that what is saved is the plain head on plain features.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from rnaernie_bench.backbones.inference import Batch
from rnaernie_bench.core.time_limit import check_time
from rnaernie_bench.learning.fit import FittedNetwork, objective_of, unscale
from rnaernie_bench.learning.interface import FitContext
from rnaernie_bench.learning.objective import Part
from rnaernie_bench.learning.recipe import TrainingSummary
from rnaernie_bench.learning.schedule import Steps
from rnaernie_bench.metrics.measuring import goodness


def train_rows(
    context: FitContext, network: FittedNetwork, learning_rate: float, batch_size: int
) -> TrainingSummary:
    """Train the head of `network` in place on its kept features; it holds its best epoch then.

    Not the recipe, because a step here takes a fifth of a millisecond and a general trainer's
    book-keeping ten times that.

    Args:
        context: the task's.
        network: with kept features of all items.
        learning_rate: the highest rate.
        batch_size: items of a batch.
    """
    trainer, metric = context.config.trainer, context.task.main_metric
    head: Any = network.model.head
    start = time.perf_counter()
    learned: Any = objective_of(context, network.reader, network.model.kind)

    def rows(part: Part) -> Tensor:
        inputs = [item.input for item in part.items]
        read = network.model.kind.read(inputs, network.reader, network.kept)
        batch = read.gather(range(len(inputs)))
        found: Tensor = head.rows(batch["features"], batch)
        return found

    features, held_out = rows(learned.train), rows(learned.validation)
    known: Batch = learned.train.truth.batch(range(len(context.train)))
    shift, scale = features.mean(0), features.std(0, correction=0).clamp_min(1e-6)
    features, held_out = (features - shift) / scale, (held_out - shift) / scale
    items, targets = len(context.train), learned.train.truth.targets
    alone = len(features) == items  # a unit an item: indices need no look-up
    generator = torch.Generator().manual_seed(context.config.seed)
    epoch_steps = -(-items // batch_size)
    steps = Steps.of(
        epoch_steps,
        evaluate_every=epoch_steps,
        patience=trainer.patience,
        max_epochs=trainer.max_epochs,
        max_steps=None,
    )
    optimizer = torch.optim.AdamW(
        head.parameters(), lr=learning_rate, weight_decay=trainer.weight_decay
    )
    schedule = LambdaLR(optimizer, steps.schedule(trainer.warmup_fraction))
    best, best_epoch = float("-inf"), 0
    best_state: dict[str, Tensor] = {}
    epoch, ended_by = 0, "steps"
    for epoch in range(1, trainer.max_epochs + 1):
        head.train()
        total = 0.0
        for batch in torch.randperm(items, generator=generator).split(batch_size):
            units = batch if alone else torch.from_numpy(targets.units(batch.tolist()))
            known_here = {name: values[units] for name, values in known.items()}
            loss = learned.loss(head.scores(features[units]), known_here)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), trainer.max_grad_norm)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
        with torch.inference_mode():
            metrics = learned.score(head.eval().scores(held_out).numpy())
        curves = {f"eval_{name}": value for name, value in metrics.items()}
        context.log({"loss": total / items, **curves}, epoch)
        value = goodness(metric.name, metrics[metric.name])
        if value > best:
            best, best_epoch = value, epoch
            best_state = {name: tensor.clone() for name, tensor in head.state_dict().items()}
        check_time()
        if epoch - best_epoch >= trainer.patience:
            ended_by = "converged"
            break
    head.load_state_dict(best_state)
    fold_in(head.decoder, shift, scale)
    if learned.scaling is not None:
        unscale(head.decoder, learned.scaling)
    return TrainingSummary(time.perf_counter() - start, epoch, best_epoch, ended_by)


def fold_in(linear: Any, shift: Tensor, scale: Tensor) -> None:
    """Make ``linear(x)`` what ``linear((x - shift) / scale)`` was."""
    with torch.no_grad():
        linear.weight /= scale
        linear.bias -= linear.weight @ shift
