"""Networks of finished runs: what was saved, as something that scores again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def load_network(folder: Path, saved: Mapping[str, Any]) -> Any:
    """Return the fitted network in a model's folder, of any level.

    Args:
        folder: `model/` of a run.
        saved: what its `predictor.json` says.
    """
    from rnaernie_bench.learning.contact_fit import FittedContactNetwork
    from rnaernie_bench.learning.contact_network import load_contact_model
    from rnaernie_bench.learning.fit import FittedNetwork, Reader
    from rnaernie_bench.learning.guidance.guides import load_guide
    from rnaernie_bench.learning.network import load_model
    from rnaernie_bench.learning.pair_fit import FittedPairs, PairReader
    from rnaernie_bench.learning.pair_network import load_pair_model
    from rnaernie_bench.learning.type_guided import GUIDE, typed_reader

    level = saved.get("level", "sequence")
    if level == "pair":
        network, tokenizer = load_pair_model(folder)
        pair_reader = PairReader(tokenizer, saved["max_bases"], saved["token_budget"])
        return FittedPairs(network, pair_reader, write=lambda _: None)
    load: Any = load_contact_model if level == "contact" else load_model
    model, tokenizer = load(folder)
    reader = Reader(
        tokenizer,
        saved["max_bases"],
        saved["length"],
        saved["token_budget"],
        saved.get("overlap", 0),  # runs from before there were windows have none
    )
    if (folder / GUIDE).is_dir():
        reader = typed_reader(reader, load_guide(folder / GUIDE))
    if level == "contact":
        return FittedContactNetwork(model, reader, write=lambda _: None)
    return FittedNetwork(model, reader, write=lambda _: None, level=level)
