"""A backbone with a head: put together, saved and loaded.

The authors' sequence head and the token head are saved as MultiMolecule's own
`...ForSequencePrediction` and `...ForTokenPrediction`, which load there without this package. Any
other head is saved beside its backbone (`backbone/`, `head.safetensors`), and `head.json` says
which it is.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from rnaernie_bench.backbones.checkpoints import saved_network, saved_tokenizer
from rnaernie_bench.metrics.losses import loss_of
from rnaernie_bench.metrics.problems import Problem, outputs
from rnaernie_bench.task.catalogue import HEADS, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence


MULTIMOLECULE = {
    "pooled": ("ForSequencePrediction", "sequence_head"),
    "token": ("ForTokenPrediction", "token_head"),
}
"""Head -> what MultiMolecule calls a model with it, and the head in there."""

_BACKBONE = "backbone"


class TaskModel(nn.Module):
    """A backbone and a head of sequences or bases; returns what `transformers.Trainer` expects."""

    def __init__(self, backbone: Any, head: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.class_weights: Tensor | None = None
        """How much classes count in the loss, see `metrics.losses.loss_of`."""

    def features(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the features of the head, of shape (units, hidden)."""
        outputs = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
        features: Tensor = self.head.features(outputs, input_ids)
        return features

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor | None = None,
        votes: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return ``logits`` (units, outputs) and, where `labels` are given, ``loss``.

        Args:
            input_ids: (inputs, length).
            attention_mask: (inputs, length).
            labels: of the units: sequences, or their bases.
            votes: (sequences, inputs), how much each input counts; one input a sequence if None.
            weights: how much each label counts, see `metrics.losses.loss_of`.
        """
        logits = soft_vote(self.head.predict(self.features(input_ids, attention_mask)), votes)
        if labels is None:
            return {"logits": logits}
        problem = self.head.config.problem_type
        loss = loss_of(problem, logits, labels, weights=weights, class_weights=self.class_weights)
        return {"loss": loss, "logits": logits}


def soft_vote(logits: Tensor, votes: Tensor | None) -> Tensor:
    """Return the logits of sequences from those of their inputs, see `gather_batch`.

    Args:
        logits: (inputs, labels).
        votes: (sequences, inputs), rows summing to 1; None where each sequence is one input.
    """
    return logits if votes is None else votes.to(logits.dtype) @ logits


def build_head(name: str, config: Any, num_labels: int, problem: str) -> Any:
    """Return a fresh head called `name` for a backbone of this `config`."""
    return resolve(HEADS.get(name).build)(config, num_labels, problem)


def save_model(
    model: TaskModel, tokenizer: Any, folder: Path, *, head: str, labels: Sequence[str]
) -> None:
    """Write `model` into the existing `folder`."""
    tokenizer.save_pretrained(folder)
    config = model.head.config
    declared = {"head": head, "problem": config.problem_type, "labels": list(labels)}
    (folder / "head.json").write_text(json.dumps(declared, indent=1) + "\n", encoding="utf-8")
    whole = _as_multimolecule(model, head, labels)
    if whole is not None:
        whole.save_pretrained(folder)
        return
    from safetensors.torch import save_file

    model.backbone.save_pretrained(folder / _BACKBONE)
    weights = {key: value.contiguous() for key, value in model.head.state_dict().items()}
    save_file(weights, folder / "head.safetensors")


def load_model(folder: Path) -> tuple[TaskModel, Any]:
    """Return the model that `save_model` wrote, in evaluation mode, and its tokenizer."""
    from safetensors.torch import load_file

    declared = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    tokenizer = saved_tokenizer(folder)
    problem: Problem = declared["problem"]
    if (folder / _BACKBONE).is_dir():
        backbone = saved_network(folder / _BACKBONE)
        weights = load_file(folder / "head.safetensors")
    else:
        whole = saved_network(folder)
        backbone = whole.model
        weights = getattr(whole, MULTIMOLECULE[declared["head"]][1]).state_dict()
    width = outputs(problem, len(declared["labels"]))
    head = build_head(declared["head"], backbone.config, width, problem)
    head.load_state_dict(weights)
    return TaskModel(backbone, head).eval(), tokenizer


def _as_multimolecule(model: TaskModel, head: str, labels: Sequence[str]) -> Any | None:
    """Return MultiMolecule's model with such a head around the same modules, if there is one."""
    import multimolecule

    suffix, _ = MULTIMOLECULE.get(head, ("", ""))
    kind = f"{type(model.backbone).__name__.removesuffix('Model')}{suffix}"
    build = getattr(multimolecule, kind, None) if suffix else None
    if build is None:
        return None
    config = deepcopy(model.backbone.config)
    config.head = deepcopy(model.head.config)
    config.num_labels = outputs(model.head.config.problem_type, len(labels))
    named = labels if config.num_labels == len(labels) else labels[-1:]  # the positive one
    config.id2label = dict(enumerate(named))
    config.label2id = {label: index for index, label in enumerate(named)}
    whole = build(config)
    whole.model = model.backbone
    setattr(whole, MULTIMOLECULE[head][1], model.head)
    return whole
