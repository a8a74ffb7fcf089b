"""The contract of all heads, whatever their level.

A head works in two steps, and its last layer is called ``decoder``:

- ``features(outputs, batch)`` takes what the head reads out of what the backbone returned; nothing
  that is trained stands in it, so that a frozen backbone's features are computed once and kept;
- ``predict(features, batch)`` turns them into scores.

`outputs` is what the backbone returned for `batch` (``last_hidden_state``, ``pooler_output``).
`batch` is what it was called with: ``input_ids`` and ``attention_mask``, both (inputs, length), and
for bases and pairs of them ``mask``, bool (inputs, longest), true at bases and false at padding;
for pairs of bases also ``letters``, int64 (inputs, longest), see `bases.contact.letters_of`. Of
pairs of sequences that are read apart, both hold these by partner (`bases.pair`). Scores are

========  ==========================================================================================
sequence  (inputs, outputs)
token     (bases, outputs), those of all inputs one after the other
contact   (inputs, outputs, longest, longest), symmetric; without the second axis if the problem is
          binary
pair      (pairs, outputs)
========  ==========================================================================================

A head may say what it reads besides: ``reads_pooler`` (yes unless it says otherwise), and
``reads_attentions`` (no), for which the backbone returns its attention maps. Its `predict` computes
in float32; one that takes time, and loses nothing by it, says ``autocast`` (no) to have it computed
as `trainer.precision` has the backbone.

The `predict` of many heads is one linear layer, ``decoder``, on a row of features of each unit:
they are *linear* (`is_linear`, marked by `one_linear_layer`), and ``rows(features, batch)`` gives
what their layer reads, (units, width), by nothing that is trained. On a frozen backbone, such a
head is a regression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from torch import Tensor

Batch = Mapping[str, Any]

F = TypeVar("F", bound=Callable[..., Any])


class Head(Protocol):
    """What turns the outputs of a backbone into scores, see the module."""

    decoder: Any
    """The last layer, linear: its columns are the outputs."""

    def features(self, outputs: Any, batch: Batch) -> Any:
        """Return what the head reads."""
        ...

    def predict(self, features: Any, batch: Batch) -> Tensor:
        """Return scores."""
        ...


def states_alone(features: F) -> F:
    """Mark a function `features` that gives the states of bases and nothing else.

    Heads that have it share what is kept of a frozen backbone. A head that overrides it does not.
    """
    features.states_alone = True  # type: ignore[attr-defined]
    return features


def reads_states_alone(head: Any) -> bool:
    """Return whether the features of a head are the states of bases."""
    return getattr(getattr(head, "features", None), "states_alone", False)


def one_linear_layer(predict: F) -> F:
    """Mark a function `predict` that is dropout and ``decoder`` on the ``rows`` of a head.

    A head that overrides it does not have the mark.
    """
    predict.one_linear_layer = True  # type: ignore[attr-defined]
    return predict


def is_linear(head: Any) -> bool:
    """Return whether a head is one linear layer on a row of features of each unit, its ``rows``."""
    return getattr(getattr(head, "predict", None), "one_linear_layer", False)


def states_of_bases(outputs: Any, batch: Batch, first: int) -> Tensor:
    """Return the states of the bases of a batch, without special tokens, (inputs, longest, hidden).

    Args:
        outputs: of the backbone, for ``<cls>``, bases, perhaps a type, ``<eos>`` and padding.
        batch: with ``mask``.
        first: where the first base stands: 0 for networks that know no ``<cls>``.
    """
    states: Tensor = outputs["last_hidden_state"][:, first : first + batch["mask"].shape[1]]
    return states


def first_base(config: Any) -> int:
    """Return where the first base stands in the inputs of a backbone of this `config`."""
    return int(getattr(config, "bos_token_id", 1) is not None)
