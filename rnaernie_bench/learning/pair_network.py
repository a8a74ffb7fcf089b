"""A backbone with a pair head: put together, saved and loaded.

Saved are the backbone as MultiMolecule's own (`backbone/`), the head's weights beside it, and in
`head.json` which head it is and how pairs are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from rnaernie_bench.backbones.checkpoints import saved_network, saved_tokenizer
from rnaernie_bench.heads.contact import bases_only
from rnaernie_bench.heads.pair import PARTNERS, PairHead, Tower, segments, select
from rnaernie_bench.learning.network import build_head
from rnaernie_bench.metrics.losses import loss_of
from rnaernie_bench.metrics.problems import Problem

Encoding = Literal["towers", "joint"]


class PairModel(nn.Module):
    """A backbone and a pair head; returns what `transformers.Trainer` expects.

    Args:
        backbone: maps ``input_ids, attention_mask`` to ``last_hidden_state``.
        head: see `heads.pair`.
        encoding: ``towers``, both partners are read apart, or ``joint``, as one input.
    """

    def __init__(self, backbone: Any, head: PairHead, encoding: Encoding) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.encoding = encoding
        self.specials = 2 * int(backbone.config.bos_token_id is not None)
        """Special tokens around a sequence: ``<cls>`` and ``<eos>``, or none."""
        self.class_weights: Tensor | None = None
        """How much classes count in the loss, see `metrics.losses.loss_of`."""

    def states(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the states of the bases of single sequences, (sequences, length, hidden)."""
        outputs = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
        mask, first = attention_mask[:, self.specials :], self.specials // 2
        return bases_only(outputs["last_hidden_state"], mask, first=first)[0]

    def towers(self, **batch: Any) -> tuple[Tower, Tower]:
        """Return what the head reads of the partners of each pair of a batch (`pair_inputs`)."""
        if self.encoding == "joint":
            outputs = self.backbone(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            )
            bases = batch["first_bases"], batch["second_bases"]
            found = segments(outputs["last_hidden_state"], *bases)
            letters = segments(batch["letters"].unsqueeze(-1), *bases)
            first, second = (
                self.head.tower(states, mask, codes[..., 0], partner)
                for (states, mask), (codes, _), partner in zip(
                    found, letters, PARTNERS, strict=True
                )
            )
            return first, second
        read = {
            partner: {
                "states": self.states(tower["input_ids"], tower["attention_mask"]),
                "mask": tower["attention_mask"][:, self.specials :],
                "letters": tower["letters"],
                "index": tower["index"],
            }
            for partner, tower in batch.items()
        }
        return head_towers(self.head, read)

    def forward(self, labels: Tensor | None = None, **batch: Any) -> dict[str, Tensor]:
        """Return ``logits`` (pairs, outputs) and, where `labels` are given, ``loss``."""
        return _outputs(self.head, self.towers(**batch), labels, self.class_weights)


class PairHeadOnStates(nn.Module):
    """A pair head alone, called with states of distinct sequences."""

    def __init__(self, head: PairHead) -> None:
        super().__init__()
        self.head = head
        self.class_weights: Tensor | None = None
        """As of a `PairModel`."""

    def forward(self, labels: Tensor | None = None, **batch: Any) -> dict[str, Tensor]:
        """Return ``logits`` (pairs, outputs) and, where `labels` are given, ``loss``."""
        return _outputs(self.head, head_towers(self.head, batch), labels, self.class_weights)


def head_towers(head: PairHead, batch: Mapping[str, Mapping[str, Tensor]]) -> tuple[Tower, Tower]:
    """Return the towers of the partners of each pair, each distinct sequence read once.

    Args:
        head: reads them.
        batch: by partner, ``states``, ``mask`` and ``letters`` of distinct sequences, and the
            ``index`` of each pair's.
    """
    first, second = (
        select(
            head.tower(
                batch[partner]["states"],
                batch[partner]["mask"].bool(),
                batch[partner]["letters"],
                partner,
            ),
            batch[partner]["index"],
        )
        for partner in PARTNERS
    )
    return first, second


def _outputs(
    head: PairHead,
    towers: tuple[Tower, Tower],
    labels: Tensor | None,
    class_weights: Tensor | None,
) -> dict[str, Tensor]:
    logits = head.score(*towers)
    if labels is None:
        return {"logits": logits}
    problem: Any = head.config.problem_type
    return {"loss": loss_of(problem, logits, labels, class_weights=class_weights), "logits": logits}


def build_pair_head(
    name: str, config: Any, num_labels: int, problem: Problem, *, published: bool
) -> PairHead:
    """Return a fresh pair head called `name`.

    Args:
        name: of a head of the level pair.
        config: that of the backbone.
        num_labels: how many scores it gives a pair, see `levels.outputs`.
        problem: what is asked.
        published: whether the authors' head reads its axes as their code has it.
    """
    if name == "conv_lstm" and published:
        from rnaernie_bench.heads.pair import conv_lstm

        return conv_lstm(config, num_labels, problem, published=True)
    head: PairHead = build_head(name, config, num_labels, problem)
    return head


def save_pair_model(
    model: PairModel, tokenizer: Any, folder: Path, *, head: str, published: bool
) -> None:
    """Write `model` into the existing `folder`."""
    from safetensors.torch import save_file

    tokenizer.save_pretrained(folder)
    declared = {
        "head": head,
        "encoding": model.encoding,
        "published": published,
        "problem": model.head.config.problem_type,
        "outputs": model.head.config.num_labels,
    }
    (folder / "head.json").write_text(json.dumps(declared, indent=1) + "\n", encoding="utf-8")
    model.backbone.save_pretrained(folder / "backbone")
    weights = {key: value.contiguous() for key, value in model.head.state_dict().items()}
    save_file(weights, folder / "head.safetensors")


def load_pair_model(folder: Path) -> tuple[PairModel, Any]:
    """Return the model that `save_pair_model` wrote, in evaluation mode, and its tokenizer."""
    from safetensors.torch import load_file

    declared = json.loads((folder / "head.json").read_text(encoding="utf-8"))
    backbone = saved_network(folder / "backbone")
    head = build_pair_head(
        declared["head"],
        backbone.config,
        declared.get("outputs", 1),  # models from before there were other problems say neither
        declared.get("problem", "binary"),
        published=declared["published"],
    )
    head.load_state_dict(load_file(folder / "head.safetensors"))
    model = PairModel(backbone, head, declared["encoding"])
    return model.eval(), saved_tokenizer(folder)
