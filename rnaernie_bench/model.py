"""A backbone with a head: put together, saved and loaded.

The authors' sequence head is saved as MultiMolecule's own `...ForSequencePrediction`, which loads
there without this package. Any other head is saved beside its backbone (`backbone/`,
`head.safetensors`), and `head.json` says which it is.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from rnaernie_bench.backbones.checkpoints import saved_network, saved_tokenizer
from rnaernie_bench.catalogue import HEADS, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence


class TaskModel(nn.Module):
    """A backbone and a sequence head; returns what `transformers.Trainer` expects."""

    def __init__(self, backbone: Any, head: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def features(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the features of the head, of shape (batch, hidden)."""
        outputs = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
        features: Tensor = self.head.features(outputs, input_ids)
        return features

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor | None = None,
        votes: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return ``logits`` (sequences, labels) and, where `labels` are given, ``loss``.

        Args:
            input_ids: (inputs, length).
            attention_mask: (inputs, length).
            labels: of the sequences.
            votes: (sequences, inputs), how much each input counts; one input a sequence if None.
        """
        logits = soft_vote(
            self.head.predict(self.features(input_ids, attention_mask)).logits, votes
        )
        if labels is None:
            return {"logits": logits}
        return {"loss": self.head.criterion(logits, labels), "logits": logits}


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
    if head == "pooled":
        _as_multimolecule(model, labels).save_pretrained(folder)
    else:
        from safetensors.torch import save_file

        model.backbone.save_pretrained(folder / "backbone")
        weights = {key: value.contiguous() for key, value in model.head.state_dict().items()}
        save_file(weights, folder / "head.safetensors")


def load_model(folder: Path) -> tuple[TaskModel, Any]:
    """Return the model that `save_model` wrote, in evaluation mode, and its tokenizer."""
    from safetensors.torch import load_file

    declared = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    tokenizer = saved_tokenizer(folder)
    pooled = declared["head"] == "pooled"
    if pooled:
        whole = saved_network(folder)
        backbone, weights = whole.model, whole.sequence_head.state_dict()
    else:
        backbone = saved_network(folder / "backbone")
        weights = load_file(folder / "head.safetensors")
    head = build_head(
        declared["head"], backbone.config, len(declared["labels"]), declared["problem"]
    )
    head.load_state_dict(weights)
    return TaskModel(backbone, head).eval(), tokenizer


def _as_multimolecule(model: TaskModel, labels: Sequence[str]) -> Any:
    """Return MultiMolecule's model for sequence prediction around the same modules."""
    import multimolecule

    config = deepcopy(model.backbone.config)
    config.head = deepcopy(model.head.config)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    name = type(model.backbone).__name__.removesuffix("Model") + "ForSequencePrediction"
    whole = getattr(multimolecule, name)(config)
    whole.model, whole.sequence_head = model.backbone, model.head
    return whole
