"""A frozen run from a warm feature cache against the first one, which has to fill it.

Embedding, head training and validation are counted in both; peak memory is the larger one's. The
second run differs in its head's learning rate, as the trials of a search would.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rnaernie_bench.config.compose import compose
from rnaernie_bench.core import paths
from rnaernie_bench.data.sources import find
from rnaernie_bench.runs.runner import execute


@contextmanager
def features_in(folder: Path) -> Iterator[None]:
    """Keep features in an empty folder for the block; data files are found where they were."""
    data = paths.cache_folder() / "data"
    if data.is_dir():
        (folder / "data").symlink_to(data.resolve())
    os.environ["RNAERNIE_BENCH_CACHE"], before = str(folder), os.environ.get("RNAERNIE_BENCH_CACHE")
    try:
        yield
    finally:
        del os.environ["RNAERNIE_BENCH_CACHE"]
        if before is not None:
            os.environ["RNAERNIE_BENCH_CACHE"] = before


def main(arguments: list[str] | None = None) -> None:
    """Print seconds of both runs, their ratio, and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="rnaernie-tiny")
    options = parser.parse_args(arguments or [])
    real = find("nrc/rnagcn_train.fasta") is not None
    print(f"data: {'nRC' if real else 'simulated'}; {options.backbone}, random weights")
    common = [
        "task=ncrna_cls",
        f"preset={'bench' if real else 'demo'}",
        f"backbone={options.backbone}",
        "backbone.init=random",
        "strategy=frozen",
        "tracking=none",
    ]
    with tempfile.TemporaryDirectory() as folder, features_in(Path(folder)):
        costs = [
            execute(
                compose([*common, f"runs_dir={folder}/runs", f"strategy.learning_rate={rate}"])
            ).record["cost"]
            for rate in (0.001, 0.002)
        ]
    for name, cost in zip(("first", "second"), costs, strict=True):
        print(f"{name:7s} {cost['train_s']:8.2f} s, of which embedding {cost['embedding_s']:.2f} s")
    print(f"ratio   {costs[0]['train_s'] / costs[1]['train_s']:8.1f} x")
    print(f"memory  {max(cost['peak_rss_mb'] for cost in costs):8.0f} MiB at its peak")


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
