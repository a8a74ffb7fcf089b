"""`strategy=zero_shot`: a masked language model ranks sequences before any training."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rnaernie_bench.core.errors import ConfigError
from rnaernie_bench.learning.interface import RANKS
from rnaernie_bench.levels import Level
from rnaernie_bench.metrics.problems import quantitative
from rnaernie_bench.task.catalogue import StrategyEntry
from rnaernie_bench.task.lengths import POLICIES

if TYPE_CHECKING:
    import numpy as np

    from rnaernie_bench.backbones.encoder import Encoder
    from rnaernie_bench.backbones.masked import MaskedReader
    from rnaernie_bench.learning.interface import FitContext, FitReport

SAVED = "zero_shot.json"

_UNTRAINED = "nothing is trained"
_OF_PSEUDO = {
    "stride": "masks one base at most",
    "bases": "compares two bases of one place, among whatever tokens",
}
"""Options that pseudo-likelihoods alone read, each with the reason."""

_READ = ("token_budget", "precision", "progress")
"""Options of the trainer that it reads."""


@dataclass(frozen=True)
class ZeroShotOptions:
    """Options of `strategy=zero_shot`."""

    name: str
    fill: Literal["masked", "wildtype", "mutant", "pseudo"] | None = None
    """How a variant is compared with its reference; None: `masked`, or `pseudo`, the mean over the
    bases of a sequence, for data without a reference."""
    bases: bool = False
    """Of `pseudo`: whether probabilities are shared out among the four bases, or all tokens."""
    stride: int | None = None
    """Of `pseudo`: every so manyth base is masked at once; None: one base at a time."""
    rna_type: str | None = None
    """The type whose token stands behind the bases, such as tRNA; None: none does."""

    def __post_init__(self) -> None:
        if self.stride is not None and self.stride < 2:
            raise ConfigError("the value must be 2 or more, or null", where="strategy.stride")

    def unread(self, level: Level) -> dict[str, str]:
        """Return options without effect at a level, each with the reason; see `config.unread`."""
        from rnaernie_bench.config.options import LIMITS, TaskOptions, TrainerOptions

        trainer = {f"trainer.{name}" for name in TrainerOptions.__dataclass_fields__}
        task = {f"task.{name}" for name in TaskOptions.__dataclass_fields__}
        read = {*(f"trainer.{name}" for name in _READ), "task.name", "task.data", "task.length"}
        found = dict.fromkeys(sorted((trainer | task) - read - LIMITS), _UNTRAINED)
        if self.fill not in (None, "pseudo"):
            found |= {name: f"strategy.fill={self.fill} {why}" for name, why in _OF_PSEUDO.items()}
        return found


@dataclass(frozen=True)
class ZeroShot:
    """A masked language model that ranks sequences."""

    masked: MaskedReader
    reference: str
    """What sequences are variants of; empty if they are of nothing."""
    fill: str
    stride: int | None = None
    tells = RANKS

    def logits(self, inputs: Sequence[str]) -> np.ndarray:
        """Return scores, float32 of shape (sequences, 1).

        Raises:
            DataError: for a sequence that the fill cannot compare with the reference.
        """
        import numpy as np

        from rnaernie_bench.learning.zero_shot.fills import (
            pseudo_log_likelihoods,
            scores_of_variants,
        )

        if not inputs:
            return np.empty((0, 1), dtype=np.float32)
        if self.reference:
            found = scores_of_variants(
                self.masked, self.reference, inputs, fill=self.fill, stride=self.stride
            )
        else:
            sums, counts = pseudo_log_likelihoods(self.masked, inputs, stride=self.stride)
            found = sums / counts
        return found.astype(np.float32)[:, None]

    def save(self, folder: Path) -> None:
        """Write network and tokenizer, as MultiMolecule loads them, and how they are asked."""
        encoder = self.masked.encoder
        encoder.model.save_pretrained(folder)
        encoder.tokenizer.save_pretrained(folder)
        said = {
            "reference": self.reference,
            "fill": self.fill,
            "stride": self.stride,
            **{name: getattr(self.masked, name) for name in _OF_READER},
        }
        (folder / SAVED).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


_OF_READER = ("bases", "rna_type", "token_budget", "precision", "length")


def restore(folder: Path) -> ZeroShot:
    """Return what `ZeroShot.save` wrote."""
    from rnaernie_bench.backbones.loading import load_backbone
    from rnaernie_bench.backbones.masked import MaskedReader

    said = json.loads((folder / SAVED).read_text(encoding="utf-8"))
    encoder = load_backbone(f"{folder.resolve()}", masked_lm=True)
    reader = MaskedReader(encoder, **{name: said.pop(name) for name in _OF_READER})
    return ZeroShot(reader, **said)


def fit(
    context: FitContext, encoder: Encoder, options: ZeroShotOptions
) -> tuple[ZeroShot, FitReport]:
    """Return the model as it is; there is nothing to fit.

    Args:
        context: the task's; train and validation are not read.
        encoder: loaded with its head for masked tokens.
        options: those of the strategy.

    Raises:
        ConfigError: if the task asks for something else than quantities, a fill needs a reference
            that the data have not, or sequences are to be read in windows.
    """
    from rnaernie_bench.backbones.masked import MaskedReader
    from rnaernie_bench.learning.interface import FitReport

    started = time.perf_counter()
    task, config = context.task, context.config
    if not quantitative(task.problem):
        raise ConfigError(
            f"a score ranks sequences, and '{task.name}' asks for {task.problem}",
            where="strategy=zero_shot",
            remedy="use it for tasks of the problem regression",
        )
    reference = task.dataset.reference
    fill = options.fill or ("masked" if reference else "pseudo")
    if not reference and fill != "pseudo":
        raise ConfigError(
            f"'{task.name}' has no reference to compare variants with",
            where="strategy.fill",
            remedy="use strategy.fill=pseudo",
        )
    for name, why in _OF_PSEUDO.items():
        if getattr(options, name) and fill != "pseudo":
            raise ConfigError(
                f"nothing would read it: fill={fill} {why}",
                where=f"strategy.{name}",
                remedy="leave it out, or add strategy.fill=pseudo",
            )
    if POLICIES[config.task.length].overlaps:
        raise ConfigError(
            "the likelihood of windows is not that of a sequence",
            where="task.length",
            remedy="use error or truncate",
        )
    reader = MaskedReader(
        encoder,
        options.bases,
        options.rna_type,
        config.trainer.batch_tokens,
        config.trainer.precision,
        config.task.length,
    )
    report = FitReport(
        parameters=sum(weight.numel() for weight in encoder.model.parameters()),
        weights_sha256=encoder.weights_sha256,
        max_bases=encoder.max_bases,
        train_s=time.perf_counter() - started,
        items_per_s=0.0,
        epochs=0,
        best_epoch=0,
        ended_by="untrained",
        trials=0,
        selected={"fill": fill},
    )
    return ZeroShot(reader, reference, fill, options.stride), report


ENTRY = StrategyEntry(
    options=ZeroShotOptions,
    fit="rnaernie_bench.learning.zero_shot.strategy:fit",
    summary="nothing is trained: a masked language model ranks sequences by their likelihood",
    levels=("sequence",),
    trains=False,
    masked_lm=True,
)
