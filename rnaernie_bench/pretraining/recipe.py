"""The pre-training recipe, over `transformers.Trainer`.

AdamW with warm-up, a constant rate and cool-down; masked batches of similar lengths under a token
budget; the loss is the mean cross-entropy over all targets of an optimiser step, however many
batches and processes share it. Checkpoints hold everything: a training that was interrupted
continues from the last whole one and ends as if nothing had happened.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_callback import ExportableState
from transformers.utils import SAFE_WEIGHTS_NAME

from rnaernie_bench.backbones.precision import chosen
from rnaernie_bench.core.errors import BenchError
from rnaernie_bench.learning.trainer_parts import (
    Arguments,
    Curves,
    Log,
    TimeLimit,
    callback_of,
    train_from,
)
from rnaernie_bench.pretraining.batches import BatchStream, MaskedBatches
from rnaernie_bench.pretraining.config import PretrainerOptions
from rnaernie_bench.pretraining.evaluation import HeldOut
from rnaernie_bench.pretraining.network import TargetLogits, target_logits
from rnaernie_bench.pretraining.objective import ObjectiveOptions
from rnaernie_bench.pretraining.pairs import HEAD, PairHead, bases_of, partner_losses, save_head
from rnaernie_bench.pretraining.scores import TYPE, Tally, hits, over_processes


@dataclass(frozen=True)
class PretrainingSummary:
    """How a pre-training went."""

    steps: int
    tokens: int
    """That were read, padding left out, over all processes."""
    sequences: int
    records: int
    """That one pass reads."""
    train_s: float
    """Wall-clock seconds, evaluation and interrupted stretches counted."""
    cpu_s: float
    """Processor seconds, over all processes and their threads."""
    processes: int
    stopped_by: str
    """`max_steps` or `max_train_minutes`."""
    evaluation: Mapping[str, float]
    """What the held-out records showed at the end; see `HeldOut.evaluate`. Empty without them."""
    pair_head: PairHead | None = None
    """The trained head of pairs, where there is one."""


def train(
    network: Any,
    corpus: Any,
    batches: MaskedBatches,
    held_out: HeldOut | None,
    *,
    options: PretrainerOptions,
    objective: ObjectiveOptions,
    seed: int,
    folder: Path,
    checkpoint: Path | None,
    log: Log,
) -> PretrainingSummary:
    """Pre-train `network` in place.

    Args:
        network: a masked language model.
        corpus: what `batches` reads, for the lengths.
        batches: makes masked batches.
        held_out: what is evaluated at intervals and at the end; None for nothing.
        options: recipe and budget.
        objective: what is learned beside masked bases.
        seed: of shuffling, dropout and the head of pairs.
        folder: checkpoints go here; they are left for the caller to remove.
        checkpoint: one of them to continue from, or None.
        log: receives curves by step.

    Raises:
        BenchError: if the training diverges.
    """
    if options.fast_dropout and options.dropout and not torch.accelerator.is_available():
        from rnaernie_bench.backbones.fast_dropout import use_fast_dropout

        use_fast_dropout(network)
    torch.manual_seed(seed)
    trainer = _Pretrainer(
        target_logits(network, objective),
        corpus,
        batches,
        held_out,
        options=options,
        pair_weight=objective.pairs,
        args=_arguments(options, seed, folder, evaluate=held_out is not None),
        callbacks=[TimeLimit(), _Read(), Curves(log)],
    )
    trainer.remove_callback(PrinterCallback)
    torch.manual_seed(seed + trainer.args.process_index)  # each process drops values of its own
    train_from(trainer, checkpoint, trainer.load_ended, TimeLimit, _Read)
    trainer.count_processor_time()
    limit, read = callback_of(trainer, TimeLimit), callback_of(trainer, _Read)
    limit.stop()
    return PretrainingSummary(
        steps=trainer.state.global_step,
        tokens=read.tokens,
        sequences=read.sequences,
        records=len(corpus),
        train_s=limit.elapsed_s,
        cpu_s=read.cpu_s,
        processes=trainer.args.world_size,
        stopped_by="max_train_minutes" if limit.reached else "max_steps",
        evaluation=trainer.last_evaluation(),
        pair_head=trainer.target_logits.pair_head,
    )


def rate_factor(options: PretrainerOptions) -> Callable[[int], float]:
    """Return the learning rate as a function of the optimiser steps done, relative to the highest.

    It rises linearly from zero, stays, and falls to its lowest, linearly or as half a cosine. The
    published recipe is 5 % of the steps each for rise and fall, from 1e-4 to 5e-5.
    """
    warmup = round(options.warmup_fraction * options.max_steps)
    cooldown = round(options.cooldown_fraction * options.max_steps)
    lowest = options.min_learning_rate / options.learning_rate

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        left = (options.max_steps - step) / (cooldown + 1)
        if left >= 1:
            return 1.0
        share = left if options.cooldown == "linear" else (1 - math.cos(math.pi * left)) / 2
        return lowest + (1 - lowest) * share

    return factor


class _Read(TrainerCallback, ExportableState):
    """Counts what was read, over all processes, those before an interruption too."""

    def __init__(self, tokens: int = 0, sequences: int = 0, cpu_s: float = 0.0) -> None:
        self.tokens = tokens
        self.sequences = sequences
        self.cpu_s = cpu_s
        """Processor seconds that it took."""

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        kept = {"tokens": self.tokens, "sequences": self.sequences, "cpu_s": self.cpu_s}
        return {"args": kept, "attributes": {}}

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Have the last steps counted: what is read is added up where a line is logged."""
        if state.global_step >= state.max_steps:
            control.should_log = True


class _Pretrainer(Trainer):
    """A Trainer that knows masked batches, the loss over targets and held-out records."""

    def __init__(
        self,
        model: TargetLogits,
        corpus: Any,
        batches: MaskedBatches,
        held_out: HeldOut | None,
        *,
        options: PretrainerOptions,
        pair_weight: float,
        **arguments: Any,
    ) -> None:
        super().__init__(model=model, train_dataset=batches, eval_dataset=held_out, **arguments)
        self.target_logits = model
        self.batches = batches
        self.held_out = held_out
        self.options = options
        self.pair_weight = pair_weight
        self.stream = BatchStream(
            corpus,
            token_budget=options.token_budget,
            steps=options.max_steps,
            batches_per_step=options.gradient_accumulation,
            seed=self.args.seed,
            rank=self.args.process_index,
            world_size=self.args.world_size,
        )
        self.tally = Tally(self.args.device)
        self.logged_at: float | None = None
        self.cpu_counted_s = time.process_time()
        # The Trainer then counts the targets of all batches and processes of a step for us.
        self.model_accepts_loss_kwargs = True

    def get_train_dataloader(self) -> DataLoader:
        """Return the stream of batches; it shards itself, and has no end but the training's."""
        return DataLoader(
            self.batches,
            batch_sampler=self.stream,  # type: ignore[arg-type]  # a list of its own kind
            collate_fn=_unchanged,  # type: ignore[arg-type]
            num_workers=self.options.workers,
            pin_memory=self.args.dataloader_pin_memory,
        )

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> LambdaLR:
        """Set warm-up, constant rate and cool-down up."""
        chosen: Any = optimizer or self.optimizer
        self.lr_scheduler = LambdaLR(chosen, rate_factor(self.options))
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return this batch's share of the step's mean loss, times the number of processes.

        Gradients are added over batches and averaged over processes.
        """
        labels, kinds = inputs["labels"], inputs["kinds"]
        read = inputs["input_ids"], inputs["attention_mask"], inputs["targets"]
        paired: Tensor | float = 0.0
        if self.pair_weight:
            bases = bases_of(inputs["pairing"], inputs["input_ids"].shape[1])
            logits, partners = model(*read, bases)
            each = partner_losses(partners, inputs["pairs"], inputs["p"], bases)
            self.tally.add_pairs(each)
            paired = each.sum() / max(len(each), 1) * self.pair_weight
        else:
            logits = model(*read)
        logits = logits.float()
        losses = F.cross_entropy(logits, labels, reduction="none")
        self.tally.add(losses, hits(logits.detach(), labels, kinds), kinds)
        self.tally.count(inputs["tokens"], len(inputs["input_ids"]))
        weights = torch.where(kinds == TYPE, self.options.type_weight, 1.0)
        targets = torch.as_tensor(num_items_in_batch, device=losses.device).clamp(min=1)
        masked = (losses * weights).sum() * self.args.world_size / targets
        return masked + paired / self.args.gradient_accumulation_steps

    def _require_finite(self, name: str, value: float) -> None:
        """End a training that has diverged, before a checkpoint holds what it came to."""
        if not math.isfinite(value):
            raise BenchError(
                f"the training has diverged: {name} {value} at a learning rate of "
                f"{self._get_learning_rate():.2g}",
                where=f"step {self.state.global_step}",
                remedy="lower trainer.learning_rate, or raise trainer.warmup_fraction",
            )

    def count_processor_time(self) -> None:
        """Add what all processes have used since this was last called."""
        now = time.process_time()
        used = torch.tensor([now - self.cpu_counted_s], dtype=torch.float32)
        over_processes(used, self.args.device)
        self.cpu_counted_s = now
        callback_of(self, _Read).cpu_s += float(used)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add to a training line the figures by kind, and how fast it went."""
        self.count_processor_time()
        if "loss" in logs:
            # Only here, where the figures are read anyway: each look would make the CPU wait for a
            # GPU. Checkpoints come after such a line.
            self._require_finite("loss", logs["loss"])
            self._require_finite("norm of the gradients", logs.get("grad_norm", 0.0))
            figures, counts = self.tally.drain()
            read, limit = callback_of(self, _Read), callback_of(self, TimeLimit)
            read.tokens += counts["tokens"]
            read.sequences += counts["sequences"]
            limit.stop()
            since = limit.before_s if self.logged_at is None else self.logged_at
            self.logged_at = limit.elapsed_s
            logs |= figures
            logs["tokens_per_s"] = counts["tokens"] / max(limit.elapsed_s - since, 1e-9)
            logs["tokens"] = read.tokens
            logs["elapsed_s"] = limit.elapsed_s
        super().log(logs, start_time)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Score the held-out records and report them under ``eval_...``."""
        assert self.held_out is not None
        with self.compute_loss_context_manager():
            figures = self.held_out.evaluate(self.target_logits, self.args.device)
        limit = callback_of(self, TimeLimit)
        limit.stop()
        self.logged_at = limit.elapsed_s  # speed is that of training
        metrics = {f"eval_{name}": value for name, value in figures.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def last_evaluation(self) -> dict[str, float]:
        """Return the figures of the last evaluation, under their plain names."""
        logged = [line for line in self.state.log_history if "eval_chance" in line]
        found = logged[-1] if logged else {}
        return {k.removeprefix("eval_"): v for k, v in found.items() if k.startswith("eval_")}

    def load_ended(self, checkpoint: Path, _: TrainerState) -> None:
        """Load the weights of a training that had ended at `checkpoint`."""
        self._load_from_checkpoint(str(checkpoint))

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Write the masked language model as MultiMolecule reads it, whatever wraps it here."""
        if self.args.should_save:
            folder = Path(output_dir or str(self.args.output_dir))
            self.target_logits.network.save_pretrained(folder)
            if self.target_logits.pair_head is not None:
                save_head(self.target_logits.pair_head, folder)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        from safetensors.torch import load_model

        # By way of the CPU: safetensors knows no `cpu:0`, which is what several processes have.
        load_model(self.target_logits.network, Path(resume_from_checkpoint) / SAFE_WEIGHTS_NAME)
        if self.target_logits.pair_head is not None:
            load_model(self.target_logits.pair_head, Path(resume_from_checkpoint) / HEAD)


def _unchanged(batch: dict[str, Any]) -> dict[str, Any]:
    """Return what `MaskedBatches` has made already."""
    return batch


def _arguments(options: PretrainerOptions, seed: int, folder: Path, *, evaluate: bool) -> Arguments:
    return Arguments(
        output_dir=str(folder),
        max_steps=options.max_steps,
        max_train_minutes=options.max_train_minutes,
        gradient_accumulation_steps=options.gradient_accumulation,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        optim="adamw_torch_fused",
        max_grad_norm=options.max_grad_norm,
        bf16=chosen(options.precision) == "bf16",
        use_cpu=not torch.accelerator.is_available(),  # or several processes would not be seen
        seed=seed,
        data_seed=seed,
        eval_strategy="steps" if evaluate else "no",
        eval_steps=options.eval_steps,
        save_strategy="steps",
        save_steps=options.checkpoint_steps,
        logging_strategy="steps",
        logging_steps=options.log_steps,
        logging_nan_inf_filter=False,
        save_total_limit=2,
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        label_names=["labels"],
        report_to=[],
        ddp_find_unused_parameters=False,
        disable_tqdm=True,  # `train_from` shows the steps
        dataloader_pin_memory=torch.cuda.is_available(),
        accelerator_config={"non_blocking": torch.cuda.is_available()},
    )
