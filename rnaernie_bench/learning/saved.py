"""Networks of finished runs: what was saved, as something that scores again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from rnaernie_bench.learning.fit import FittedNetwork
from rnaernie_bench.learning.guidance.guides import load_guide
from rnaernie_bench.learning.interface import Fitted
from rnaernie_bench.learning.network import load_network as load_model
from rnaernie_bench.learning.reader import Encoding, Reader
from rnaernie_bench.learning.type_guided import GUIDE, typed_reader
from rnaernie_bench.learning.zero_shot.strategy import SAVED, restore


def load_network(folder: Path, saved: Mapping[str, Any]) -> Fitted:
    """Return the fitted network in a model's folder, of any level.

    Args:
        folder: `model/` of a run.
        saved: what its `predictor.json` says.
    """
    if (folder / SAVED).is_file():
        return restore(folder)
    network, tokenizer, declared = load_model(folder)
    _check_positions(network, tokenizer, saved["max_bases"])
    reader = Reader(
        tokenizer,
        saved["max_bases"],
        saved["length"],
        saved["token_budget"],
        saved.get("overlap", 0),  # runs from before there were windows have none
        encoding=cast(Encoding, declared.encoding),
        features=tuple(declared.options.get("features", ())),
    )
    if (folder / GUIDE).is_dir():
        reader = typed_reader(reader, load_guide(folder / GUIDE))
    return FittedNetwork(network, reader, write=lambda _: None)


def _check_positions(network: Any, tokenizer: Any, max_bases: int | None) -> None:
    """Raise a ValueError if a network has fewer positions than the longest input needs."""
    config = getattr(getattr(network, "backbone", None), "config", None)
    positions = getattr(config, "max_position_embeddings", None)
    if positions is None or max_bases is None:
        return
    tokens = len(tokenizer("A" * min(max_bases, 4 * positions))["input_ids"])
    if tokens > positions:
        raise ValueError(f"max_bases is {max_bases}, and the network has {positions} positions")
