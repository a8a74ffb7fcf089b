"""A backbone with a contact head: put together, saved and loaded.

Under the bilinear head, a model is saved as MultiMolecule's own `...ForContactPrediction`, which
loads there without this package. Any other is saved as its backbone (`backbone/`) with the head's
weights (`head.safetensors`) beside it. In `head.json` stands which head it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rnaernie_bench.backbones.checkpoints import saved_network, saved_tokenizer
from rnaernie_bench.heads.contact import (
    AttentionHead,
    BilinearHead,
    bases_only,
    contact_loss,
    symmetric,
)
from rnaernie_bench.learning.network import build_head
from rnaernie_bench.metrics.problems import Problem, outputs

_BACKBONE = "backbone"

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Maps logits, targets and the mask of bases to a scalar: `heads.contact.contact_loss`, or, where
pairs of bases are not decoded, `learning.contact_values.values_loss`."""


class ContactModel(nn.Module):
    """A backbone and a contact head; returns what `transformers.Trainer` expects.

    Args:
        backbone: of MultiMolecule, or called like one.
        head: see `heads.contact`.
        loss: what is learned by.
    """

    def __init__(self, backbone: Any, head: Any, loss: Loss = contact_loss) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.loss = loss
        config = getattr(backbone, "config", None)  # the baseline `onehot` has none
        self.first = 1 if config is None else int(config.bos_token_id is not None)
        self.reads_attentions = isinstance(head, AttentionHead)
        if self.reads_attentions:  # fused kernels keep no maps
            backbone.config._attn_implementation = "eager"  # the method leaves it as it is

    def states(self, input_ids: Tensor, attention_mask: Tensor, mask: Tensor) -> Tensor:
        """Return the states of the bases, (inputs, length, hidden)."""
        outputs = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
        return bases_only(outputs["last_hidden_state"], mask, first=self.first)[0]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        mask: Tensor,
        votes: Tensor | None = None,
        targets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return ``logits`` (sequences, length, length) and, where `targets` are given, ``loss``.

        A head with a number of outputs gives (sequences, outputs, length, length).

        Args:
            input_ids: (inputs, tokens): ``<cls>``, bases, perhaps more, ``<eos>`` and padding.
            attention_mask: (inputs, tokens).
            mask: bool (inputs, length), true at bases, the first of which follows ``<cls>``.
            votes: (sequences, inputs), how much each input counts; one input a sequence if None.
            targets: of the sequences, see `contact_targets`, or of their pairs of bases.
        """
        wanted = {"output_attentions": True} if self.reads_attentions else {}
        outputs = self.backbone(input_ids=input_ids, attention_mask=attention_mask, **wanted)
        states, maps = bases_only(
            outputs["last_hidden_state"],
            mask,
            outputs["attentions"] if self.reads_attentions else None,
            first=self.first,
        )
        return _told(self.head(states, mask, maps), mask, votes, targets, self.loss)


class HeadOnStates(nn.Module):
    """A contact head on states that are there already; the arguments are `ContactModel`'s."""

    def __init__(self, head: Any, loss: Loss = contact_loss) -> None:
        super().__init__()
        self.head = head
        self.loss = loss

    def forward(
        self,
        states: Tensor,
        mask: Tensor,
        votes: Tensor | None = None,
        targets: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return ``logits`` (sequences, length, length) and, with `targets`, ``loss``."""
        return _told(self.head(states, mask), mask, votes, targets, self.loss)


def _told(
    logits: Tensor, mask: Tensor, votes: Tensor | None, targets: Tensor | None, loss: Loss
) -> dict[str, Tensor]:
    """Return logits of sequences from those of their inputs, and the loss if there are targets."""
    if votes is not None:
        logits = symmetric(torch.tensordot(votes.to(logits.dtype), logits, dims=1))
        mask = mask[votes.argmax(dim=1)]  # all inputs of a sequence have its bases
    if targets is None:
        return {"logits": logits}
    return {"loss": loss(logits.float(), targets, mask), "logits": logits}


def save_contact_model(
    model: ContactModel,
    tokenizer: Any,
    folder: Path,
    *,
    head: str,
    problem: Problem = "binary",
    labels: Sequence[str] = (),
) -> None:
    """Write `model` into the existing `folder`; binary contacts have no `labels`."""
    tokenizer.save_pretrained(folder)
    declared: dict[str, Any] = {"head": head, "level": "contact"}
    if problem != "binary":
        declared |= {"problem": problem, "labels": list(labels)}
    text = json.dumps(declared, indent=1) + "\n"
    (folder / "head.json").write_text(text, encoding="utf-8")
    theirs = as_multimolecule(model, labels) if isinstance(model.head, BilinearHead) else None
    if theirs is not None:
        theirs.save_pretrained(folder)
        return
    from safetensors.torch import save_file

    model.backbone.save_pretrained(folder / _BACKBONE)
    weights = {key: value.contiguous() for key, value in model.head.state_dict().items()}
    save_file(weights, folder / "head.safetensors")


def load_contact_model(folder: Path) -> tuple[ContactModel, Any]:
    """Return the model that `save_contact_model` wrote, in evaluation mode, and its tokenizer."""
    from safetensors.torch import load_file

    declared = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    if (folder / _BACKBONE).is_dir():
        backbone = saved_network(folder / _BACKBONE)
        weights = load_file(folder / "head.safetensors")
    else:
        theirs = saved_network(folder)
        backbone, weights = theirs.model, theirs.contact_head.state_dict()
    problem: Problem = declared.get("problem", "binary")
    width = outputs(problem, len(declared.get("labels", ())))
    head = build_head(declared["head"], backbone.config, width, problem)
    head.load_state_dict(weights)
    return ContactModel(backbone, head).eval(), saved_tokenizer(folder)


def as_multimolecule(model: ContactModel, labels: Sequence[str] = ()) -> Any | None:
    """Return MultiMolecule's model for contacts with the weights of one under a bilinear head.

    Args:
        model: under a `BilinearHead`.
        labels: what its outputs are called; none of binary contacts.

    Returns:
        It, or None where MultiMolecule has none for the backbone, or one with a head of its own.
    """
    import multimolecule
    from multimolecule.modules import HeadConfig
    from multimolecule.modules.heads import ContactPredictionHead

    name = type(model.backbone).__name__.removesuffix("Model") + "ForContactPrediction"
    build = getattr(multimolecule, name, None)
    if build is None:
        return None
    config = deepcopy(model.backbone.config)
    scores = model.head.scores
    config.head = HeadConfig(num_labels=scores.outputs, problem_type=scores.problem)
    config.num_labels = scores.outputs
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: index for index, label in enumerate(labels)}
    theirs = build(config)
    if type(getattr(theirs, "contact_head", None)) is not ContactPredictionHead:
        return None
    theirs.contact_head.load_state_dict(model.head.state_dict())
    weights = model.backbone.state_dict()
    left = theirs.model.load_state_dict(weights, strict=False)
    extra = [key for key in left.unexpected_keys if not key.startswith("pooler.")]
    return None if left.missing_keys or extra else theirs
