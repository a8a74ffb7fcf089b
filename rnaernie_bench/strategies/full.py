"""Full fine-tuning: every weight of backbone and head is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnaernie_bench.catalogue import StrategyEntry
from rnaernie_bench.errors import ConfigError

if TYPE_CHECKING:
    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.fitting import FitContext, FitReport
    from rnaernie_bench.strategies.network import FittedNetwork


@dataclass(frozen=True)
class FullOptions:
    """Options of `strategy=full`."""

    name: str
    learning_rate: float

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise ConfigError("the value must be above 0", where="strategy.learning_rate")


def fit(
    context: FitContext, encoder: Encoder, options: FullOptions
) -> tuple[FittedNetwork, FitReport]:
    """Train `encoder` with a fresh head on the task."""
    from functools import partial

    import torch

    from rnaernie_bench.model import TaskModel, build_head, save_model
    from rnaernie_bench.strategies.network import FittedNetwork, Reader, report, train_network

    task, config = context.task, context.config
    torch.manual_seed(config.seed)
    head = build_head(config.task.head, encoder.model.config, len(task.labels), task.problem)
    model = TaskModel(encoder.model, head)
    reader = Reader(
        encoder.tokenizer, encoder.max_bases, config.task.length, config.trainer.token_budget
    )
    summary = train_network(context, model, reader, options.learning_rate)
    write = partial(save_model, model, encoder.tokenizer, head=config.task.head, labels=task.labels)
    return FittedNetwork(model, reader, write), report(
        context, model, summary, reader, encoder.weights_sha256
    )


ENTRY = StrategyEntry(
    options=FullOptions,
    fit="rnaernie_bench.strategies.full:fit",
    summary="every weight of backbone and head is trained",
)
