"""Frozen backbone: features are computed once and cached; only the head is trained.

The head sees features standardised by the mean and deviation of train, which is folded into its
linear layer at the end, so that what is saved is the plain head on plain features.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.task.catalogue import StrategyEntry

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.learning.feature_cache import FeatureTable, StateTable
    from rnaernie_bench.learning.fit import FittedNetwork, Reader
    from rnaernie_bench.learning.interface import FitContext, FitReport


SCORED = 4096
"""Sequences whose features are held at a time while they are scored."""


@dataclass(frozen=True)
class FrozenOptions:
    """Options of `strategy=frozen`."""

    name: str
    learning_rate: float = 1e-3
    batch_size: int = 64
    """Sequences in a batch of features; batches of contacts follow `trainer.token_budget`."""

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise ConfigError("the value must be above 0", where="strategy.learning_rate")
        if self.batch_size < 1:
            raise ConfigError("the value must be 1 or more", where="strategy.batch_size")


@dataclass(frozen=True)
class FittedHead:
    """A trained head on a frozen backbone; known sequences are read from the feature table."""

    network: FittedNetwork
    table: FeatureTable | StateTable

    def logits(self, sequences: Sequence[str]) -> np.ndarray:
        """Return float32 logits of shape (units, outputs)."""
        import numpy as np
        import torch

        if not all(sequence in self.table for sequence in sequences):
            return self.network.logits(sequences)
        head: Any = self.network.model.head
        device = next(head.parameters()).device  # the network may have taken it along
        blocks = []
        for start in range(0, len(sequences), SCORED):
            rows = _rows(self.table, sequences[start : start + SCORED])
            with torch.inference_mode():
                scores = head.eval().predict(torch.from_numpy(rows).to(device))
            blocks.append(scores.cpu().numpy())
        return np.concatenate(blocks)

    def save(self, folder: Path) -> None:
        """Write backbone and head into `folder`."""
        self.network.save(folder)


def fit(context: FitContext, encoder: Encoder, options: FrozenOptions) -> tuple[Any, FitReport]:
    """Train a fresh head on the features of `encoder`; a contact head, on its states."""
    if context.task.level == "pair":
        from rnaernie_bench.learning import pair_fit as pairs

        return pairs.fit_frozen(context, encoder, options.learning_rate)
    if context.task.level == "contact":
        from rnaernie_bench.learning import contact_fit as contacts

        fresh = contacts.with_fresh_head(context, encoder)
        tables = [contacts.states_of(context, encoder, fresh.model, fresh.reader)]
        return contacts.fit_on_states(context, encoder, fresh, options.learning_rate, tables)
    from rnaernie_bench.learning.fit import refuse_long, with_fresh_head
    from rnaernie_bench.learning.states import states_of_bases

    network = with_fresh_head(context, encoder)
    refuse_long(context, network.reader)
    table: FeatureTable | StateTable
    if context.task.level == "token":
        table = states_of_bases(context, encoder, network.model, network.reader)
    else:
        table = features(context, encoder, network.model, network.reader)
    return fit_head(context, encoder, network, table, options)


def fit_head(
    context: FitContext,
    encoder: Encoder,
    network: FittedNetwork,
    table: FeatureTable | StateTable,
    options: FrozenOptions,
) -> tuple[FittedHead, FitReport]:
    """Train the head of `network` on the features in `table`, which hold all sequences."""
    from rnaernie_bench.learning.interface import FitReport

    outcome = _train_head(context, network.model.head, table, options)
    seconds = table.seconds + outcome.seconds
    return FittedHead(network, table), FitReport(
        parameters=sum(p.numel() for p in network.model.parameters()),
        weights_sha256=encoder.weights_sha256,
        max_bases=encoder.max_bases,
        train_s=seconds,
        items_per_s=len(context.train) * outcome.epochs / max(seconds, 1e-9),
        epochs=outcome.epochs,
        best_epoch=outcome.best_epoch,
        stopped_by=outcome.stopped_by,
        details={"embedding_s": round(table.seconds, 3), "embedding_cached": table.cached},
    )


def features(
    context: FitContext, encoder: Encoder, network: Any, reader: Reader, **key: str
) -> FeatureTable:
    """Return the features of every sequence of the data set, cached.

    Of a sequence read in windows, the mean over them: as heads are linear, its logits are the mean
    of the windows' logits.

    Args:
        context: the task's.
        encoder: the backbone of `network`.
        network: a `TaskModel`.
        reader: how it reads sequences.
        key: what the features depend on besides data, backbone, head and length policy.
    """
    from tqdm import tqdm

    from rnaernie_bench.backbones.inference import best_device, in_batches
    from rnaernie_bench.learning.feature_cache import cached_features

    device = best_device()

    def compute(sequences: Sequence[str]) -> np.ndarray:
        model = network.to(device).eval()
        quiet = not (context.config.trainer.progress and sys.stderr.isatty())
        bar = tqdm(total=len(sequences), desc="embedding", unit="seq", disable=quiet)
        rows = in_batches(
            model.features,
            reader.encode(sequences),
            pad_id=reader.pad_id,
            token_budget=reader.token_budget,
            device=device,
            progress=bar.update,
        )
        bar.close()
        model.to("cpu")
        return rows

    items = [item for part in context.dataset.parts.values() for item in part]
    whole = {
        **key,
        **encoder.key(),
        "data": context.dataset.fingerprint,
        "head": context.config.task.head,
        "length": context.config.task.length,
        "device": device.type,
    }
    if not getattr(network.head, "reads_pooler", True):
        whole["pooler"] = "not read"  # a checkpoint may lack it: seeds would draw different ones
    if reader.overlap:
        whole["overlap"] = str(reader.overlap)
    return cached_features([item.sequence for item in items], compute, key=whole)


@dataclass(frozen=True)
class _Outcome:
    seconds: float
    epochs: int
    best_epoch: int
    stopped_by: str


def _rows(table: FeatureTable | StateTable, sequences: Sequence[str]) -> np.ndarray:
    """Return the features of all units of some sequences, float32 (units, hidden)."""
    import numpy as np

    from rnaernie_bench.learning.feature_cache import FeatureTable

    if isinstance(table, FeatureTable):
        return np.asarray(table.of(sequences))
    return np.concatenate([table.of(sequence) for sequence in sequences]).astype(np.float32)


def _train_head(
    context: FitContext, head: Any, table: FeatureTable | StateTable, options: FrozenOptions
) -> _Outcome:
    """Train `head` in place on standardised features; it holds its best epoch afterwards.

    A loop of its own, because a step here takes a fifth of a millisecond and a general trainer's
    book-keeping ten times that.
    """
    import torch
    from transformers import get_linear_schedule_with_warmup

    from rnaernie_bench.learning.fit import unscale
    from rnaernie_bench.learning.objective import lesson
    from rnaernie_bench.metrics.losses import loss_of

    trainer, metric, problem = (
        context.config.trainer,
        context.task.main_metric,
        context.task.problem,
    )
    start = time.perf_counter()
    taught = lesson(context)
    features = torch.from_numpy(_rows(table, [item.sequence for item in context.train]))
    held_out = torch.from_numpy(_rows(table, [item.sequence for item in context.validation]))
    labels = torch.from_numpy(taught.train.values)
    weights = None if taught.train_weights is None else torch.from_numpy(taught.train_weights)
    classes = None if taught.class_weights is None else torch.from_numpy(taught.class_weights)
    shift, scale = features.mean(0), features.std(0, correction=0).clamp_min(1e-6)
    features, held_out = (features - shift) / scale, (held_out - shift) / scale
    items = len(taught.train.sizes)
    alone = len(labels) == items  # a unit an item: indices need no look-up
    generator = torch.Generator().manual_seed(context.config.seed)
    steps = -(-items // options.batch_size) * trainer.max_epochs
    optimizer = torch.optim.AdamW(
        head.parameters(), lr=options.learning_rate, weight_decay=trainer.weight_decay
    )
    schedule = get_linear_schedule_with_warmup(
        optimizer, int(trainer.warmup_fraction * steps), steps
    )
    best, best_epoch = float("-inf"), 0
    best_state: dict[str, Tensor] = {}
    epoch, stopped_by = 0, "max_epochs"
    for epoch in range(1, trainer.max_epochs + 1):
        head.train()
        total = 0.0
        for batch in torch.randperm(items, generator=generator).split(options.batch_size):
            units = batch if alone else torch.from_numpy(taught.train.units(batch.tolist()))
            loss = loss_of(
                problem,
                head.predict(features[units]),
                labels[units],
                weights=None if weights is None else weights[units],
                class_weights=classes,
            )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), trainer.max_grad_norm)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
        with torch.inference_mode():
            metrics = taught.score(head.eval().predict(held_out).numpy())
        curves = {f"eval_{name}": value for name, value in metrics.items()}
        context.log({"loss": total / items, **curves}, epoch)
        value = metrics[metric.name] * (1 if metric.higher_is_better else -1)
        if value > best:
            best, best_epoch = value, epoch
            best_state = {name: tensor.clone() for name, tensor in head.state_dict().items()}
        # The features' time is left out: a limit must not depend on what the cache holds.
        elapsed = time.perf_counter() - start
        if trainer.max_train_minutes and elapsed > 60 * trainer.max_train_minutes:
            stopped_by = "max_train_minutes"
        elif epoch - best_epoch >= trainer.patience:
            stopped_by = "early_stopping"
        if stopped_by != "max_epochs":
            break
    head.load_state_dict(best_state)
    _fold_in(head.decoder, shift, scale)
    if taught.scaling is not None:
        unscale(head.decoder, taught.scaling)
    return _Outcome(time.perf_counter() - start, epoch, best_epoch, stopped_by)


def _fold_in(linear: Any, shift: Tensor, scale: Tensor) -> None:
    """Make ``linear(x)`` what ``linear((x - shift) / scale)`` was."""
    import torch

    with torch.no_grad():
        linear.weight /= scale
        linear.bias -= linear.weight @ shift


ENTRY = StrategyEntry(
    options=FrozenOptions,
    fit="rnaernie_bench.learning.frozen:fit",
    summary="the backbone stays as it is, its cached features train the head",
    levels=("sequence", "token", "contact", "pair"),
)
