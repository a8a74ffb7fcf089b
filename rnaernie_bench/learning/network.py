"""A backbone with a head, of any level: put together, saved and loaded.

Under the heads of MultiMolecule's kind (`MULTIMOLECULE`), a network is saved as the model that has
them there, `...ForSequencePrediction` and the like, which loads without this package. Any other is
saved as its backbone (`backbone/`) with the head's weights (`head.safetensors`) beside it. In
`head.json` stands which head it is, and what it was built with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rnaernie_bench.backbones.checkpoints import saved_network, saved_tokenizer
from rnaernie_bench.backbones.inference import Batch
from rnaernie_bench.backbones.precision import Precision, autocast, in_float32, once_more
from rnaernie_bench.heads.bases.contract import reads_states_alone
from rnaernie_bench.heads.bases.earlier import adapted
from rnaernie_bench.heads.bases.layers import Layers
from rnaernie_bench.levels import LEVELS
from rnaernie_bench.metrics.problems import Problem, outputs
from rnaernie_bench.task.catalogue import HEADS, resolve

MULTIMOLECULE = {
    "pooled": ("ForSequencePrediction", "sequence_head", "SequencePredictionHead"),
    "token": ("ForTokenPrediction", "token_head", "TokenPredictionHead"),
    "bilinear": ("ForContactPrediction", "contact_head", "ContactPredictionHead"),
}
"""Head -> what MultiMolecule calls a model with it, the head in there, and the head's class."""

_BACKBONE = "backbone"

Loss = Callable[[Tensor, Batch], Tensor]
"""Maps the scores of the items of a batch of examples to a scalar (`learning.objective`)."""


class Scorer(nn.Module):
    """Gives the items of a batch scores; returns what `transformers.Trainer` expects.

    Args:
        kind: the inputs of the level (`learning.inputs`): they average the scores of copies.
        precision: what the backbone, and a head that says ``autocast``, compute in. Other heads
            compute in float32: few of them take time, and scores need all their digits.
    """

    accepts_loss_kwargs = False
    """The mean over a batch is the loss: the trainer divides it by the batches of a step."""

    head: Any
    """See `heads.bases.contract`."""

    def __init__(self, kind: type[Any], precision: Precision = "fp32") -> None:
        super().__init__()
        self.kind = kind
        self.precision = precision
        self.loss: Loss | None = None

    def features(self, batch: Batch) -> Any:
        """Return what the head reads of a batch."""
        raise NotImplementedError

    def predict(self, batch: Batch) -> Tensor:
        """Return the scores of the inputs of a batch, float32 whatever the precision."""
        features = self.features(batch)
        precision = self.precision if getattr(self.head, "autocast", False) else "fp32"
        with autocast(_device_of(features), precision):
            scores: Tensor = self.head.predict(features, batch)
        return scores if precision == "fp32" else scores.float()

    def forward(self, **batch: Any) -> dict[str, Tensor]:
        """Return ``logits`` of the items of a batch and, where their labels are known, ``loss``."""
        found = {"logits": self.kind.average(self.predict(batch), batch)}
        if self.loss is not None and "labels" in batch:
            found["loss"] = self.loss(found["logits"], batch)
        return found


class Network(Scorer):
    """A backbone and a head.

    Args:
        backbone: of MultiMolecule, or called like one.
        head: see `heads.bases.contract`.
        kind: see `Scorer`.
        half: whether features are rounded to half precision before the head reads them.
        precision: see `Scorer`.
    """

    def __init__(
        self,
        backbone: Any,
        head: Any,
        kind: type[Any],
        *,
        half: bool = False,
        precision: Precision = "fp32",
    ) -> None:
        super().__init__(kind, precision)
        self.backbone = backbone
        self.head = head
        self.half_features = half
        self.reads_attentions = bool(getattr(head, "reads_attentions", False))
        if self.reads_attentions:  # fused kernels keep no maps
            backbone.config._attn_implementation = "eager"  # the method leaves it as it is

    def outputs(self, batch: Batch) -> Any:
        """Return what the backbone makes of a batch, by partner where it holds several."""
        if "input_ids" not in batch:
            return {name: self.outputs(part) for name, part in batch.items() if _is_batch(part)}
        wanted = {"output_attentions": True} if self.reads_attentions else {}
        if getattr(self.head, "reads_layers", False):
            wanted["output_hidden_states"] = True
        ids, mask = batch["input_ids"], batch["attention_mask"]
        with autocast(ids.device, self.precision):
            found = self.backbone(input_ids=ids, attention_mask=mask, **wanted)
        return found if self.precision == "fp32" else in_float32(found)

    def features(self, batch: Batch) -> Any:
        """Return what the head reads of a batch."""
        found = self.head.features(self.outputs(batch), batch)
        return _rounded(found) if self.half_features else found


class HeadOnFeatures(Scorer):
    """A head on features that are there already."""

    def __init__(self, head: Any, kind: type[Any], precision: Precision = "fp32") -> None:
        super().__init__(kind, precision)
        self.head = head

    def features(self, batch: Batch) -> Any:
        """Return the ``features`` of a batch."""
        return _features_in(batch)


def _features_in(batch: Batch) -> Any:
    if "features" in batch:
        return batch["features"]
    return {name: _features_in(part) for name, part in batch.items() if _is_batch(part)}


def _is_batch(part: Any) -> bool:
    return isinstance(part, Mapping)


def _device_of(features: Any) -> torch.device:
    while not isinstance(features, Tensor):
        features = next(iter(features.values() if _is_batch(features) else features))
    return features.device


def _rounded(features: Any) -> Any:
    if _is_batch(features):
        return {name: _rounded(value) for name, value in features.items()}
    return features.half().to(features.dtype)


def build_head(
    name: str,
    config: Any,
    num_labels: int,
    problem: str,
    options: Mapping[str, Any] | None = None,
    layers: Sequence[int] = (),
) -> Any:
    """Return a fresh head called `name`.

    Args:
        name: of a head.
        config: that of the backbone.
        num_labels: how many scores it gives a unit, see `metrics.problems.outputs`.
        problem: that of the task.
        options: further arguments of its `HeadEntry.build`.
        layers: what it reads instead of the last layer, see `heads.bases.layers`.
    """
    build = resolve(HEADS.get(name).build)
    head = adapted(build(config, num_labels, problem, **(options or {})))
    return Layers(head, layers, num_labels) if layers else head


def level_inputs(level: str, head: Any = None) -> type[Any]:
    """Return the inputs of a level, see `learning.inputs.LevelInputs`, for a head if given."""
    entry = LEVELS.get(level)
    states = entry.state_inputs if reads_states_alone(head) else ""
    kind: Any = resolve(states or entry.inputs)
    return kind


@dataclass(frozen=True)
class Declared:
    """What `head.json` says of a saved network."""

    head: str
    level: str
    problem: Problem
    labels: tuple[str, ...] = ()
    outputs: int | None = None
    """None: it follows from problem and labels."""
    encoding: str = "towers"
    """Of pairs: whether both sequences are read apart."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments that the head was built with."""
    half_features: bool = False
    """Whether the head learned on features in half precision, as they are kept of a frozen
    backbone, and reads them so wherever they come from."""
    layers: tuple[int, ...] = ()
    """The layers that a linear head reads, see `heads.bases.layers`; none: the last."""
    precision: Precision = "fp32"
    """What its backbone computed in, and computes in again where the device has it."""

    @property
    def width(self) -> int:
        """Scores of a unit."""
        return self.outputs or outputs(self.problem, len(self.labels))

    def write(self, folder: Path) -> None:
        """Write `head.json`; what is as usual is left out."""
        values: dict[str, Any] = {
            "head": self.head,
            "level": self.level,
            "problem": self.problem,
            "labels": list(self.labels),
        }
        usual = Declared(self.head, self.level, self.problem)
        for name in ("encoding", "options", "half_features", "layers", "precision"):
            if getattr(self, name) != getattr(usual, name):
                values[name] = getattr(self, name)
        (folder / "head.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def read_declared(folder: Path) -> Declared:
    """Return what the `head.json` of a saved network says, also one of an earlier release.

    There, not all name level and problem, and those of pairs have a number of scores for labels.
    """
    saved = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    options = {"published": True} if saved.get("published") else saved.get("options", {})
    return Declared(
        saved["head"],
        saved.get("level") or HEADS.get(saved["head"]).level,
        saved.get("problem", "binary"),
        tuple(saved.get("labels", ())),
        saved.get("outputs"),
        saved.get("encoding", "towers"),
        options,
        saved.get("half_features", False),
        tuple(saved.get("layers", ())),
        saved.get("precision", "fp32"),
    )


def save_network(network: Network, tokenizer: Any, folder: Path, declared: Declared) -> None:
    """Write a network into the existing `folder`."""
    tokenizer.save_pretrained(folder)
    declared.write(folder)
    whole = as_multimolecule(network, declared)
    if whole is not None:
        whole.save_pretrained(folder)
        return
    from safetensors.torch import save_file

    network.backbone.save_pretrained(folder / _BACKBONE)
    weights = {key: value.contiguous() for key, value in network.head.state_dict().items()}
    save_file(weights, folder / "head.safetensors")


def load_network(folder: Path) -> tuple[Network, Any, Declared]:
    """Return what `save_network` wrote: the network in evaluation mode, and its tokenizer."""
    from safetensors.torch import load_file

    declared = read_declared(folder)
    if (folder / _BACKBONE).is_dir():
        backbone = saved_network(folder / _BACKBONE)
        weights = load_file(folder / "head.safetensors")
    else:
        whole = saved_network(folder)
        backbone = whole.model
        weights = getattr(whole, MULTIMOLECULE[declared.head][1]).state_dict()
    head = build_head(
        declared.head,
        backbone.config,
        declared.width,
        declared.problem,
        declared.options,
        declared.layers,
    )
    head.load_state_dict(weights)
    kind = level_inputs(declared.level, head)
    network = Network(
        backbone,
        head,
        kind,
        half=declared.half_features,
        precision=once_more(declared.precision),
    ).eval()
    return network, saved_tokenizer(folder), declared


def as_multimolecule(network: Network, declared: Declared) -> Any | None:
    """Return MultiMolecule's model with such a head, with copies of the weights.

    Returns:
        It, or None where MultiMolecule has none for backbone and head, or one of other weights.
    """
    import multimolecule

    usual = ("", "", "")
    suffix, place, of_class = usual if declared.layers else MULTIMOLECULE.get(declared.head, usual)
    kind = f"{type(network.backbone).__name__.removesuffix('Model')}{suffix}"
    build = getattr(multimolecule, kind, None) if suffix else None
    if build is None:
        return None
    config = deepcopy(network.backbone.config)
    config.head = deepcopy(network.head.config)
    config.num_labels = declared.width
    labels = declared.labels
    named = labels if declared.width == len(labels) else labels[-1:]  # the positive one
    if named:
        config.id2label = dict(enumerate(named))
        config.label2id = {label: index for index, label in enumerate(named)}
    with torch.random.fork_rng(devices=[]):
        whole = build(config)
    theirs: Any = getattr(whole, place, None)
    if type(theirs).__name__ != of_class:
        return None
    theirs.load_state_dict(network.head.state_dict())
    left = whole.model.load_state_dict(network.backbone.state_dict(), strict=False)
    extra = [key for key in left.unexpected_keys if not key.startswith("pooler.")]
    return None if left.missing_keys or extra else whole
