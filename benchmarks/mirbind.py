"""Import what DNABERT and RNAhybrid predicted for the CLASH test part of `mirbind`.

The files are those of ML-Bioinfo-CEITEC/miRBind (Klimentova et al. 2022), below
``predictions/mirbind`` of a folder of `RNAERNIE_BENCH_DATA`. Run ``python -m benchmarks.mirbind``;
``make mirbind`` does.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.data.sources import find
from rnaernie_bench.external.importing import import_predictions
from rnaernie_bench.external.source import Reading, Source
from rnaernie_bench.task.task import load_task

SOURCE = Source(
    name="miRBind",
    address="https://github.com/ML-Bioinfo-CEITEC/miRBind",
    commit="b00af549013e2bd73434119aa69429017597712a",
    licence="not stated",
    citation="Klimentova et al. 2022, doi:10.3390/biology11030369",
)

PREDICTIONS = {
    "dnabert.tsv": (
        replace(
            SOURCE,
            name="DNABERT",
            training="fine-tuned by the authors of miRBind on the train part; one training",
            caveats=("pre-trained on the human genome, which the targets stand in",),
        ),
        Reading(sequences=("miRNA", "gene"), columns={"binding": "dnabert"}, gives="probabilities"),
    ),
    "rnahybrid.tsv": (
        replace(SOURCE, name="RNAhybrid", training="minimum free energy of the duplex, untrained"),
        Reading(
            header=("miRNA", "gene", "energy", "truth"),
            sequences=("miRNA", "gene"),
            columns={"binding": "energy"},
            gives="scores",
            lower_is_better=True,
        ),
    ),
}
"""Name of a file -> where its predictions come from, and how it is read."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Import both, and print the scores of each.

    Raises:
        DataError: naming a file that is in no folder of `RNAERNIE_BENCH_DATA`.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results-dir", type=Path, default=Path("results"))
    chosen = parser.parse_args(arguments)
    task = load_task("mirbind")
    dataset = load_dataset(task, simulated=False)
    split = make_split(task, dataset, "published")
    for name, (source, reading) in PREDICTIONS.items():
        path = find(f"predictions/mirbind/{name}")
        if path is None:
            raise DataError(
                "the file is in no folder of RNAERNIE_BENCH_DATA",
                where=f"predictions/mirbind/{name}",
                remedy=f"clone {SOURCE.address} and lay its results out so",
            )
        found = import_predictions(
            [path], source, reading,
            task=task, dataset=dataset, split=split, parts=("clash",),
            results_dir=chosen.results_dir,
        )  # fmt: skip
        metrics = found.record["tests"]["clash"]["metrics"]
        scores = ", ".join(f"{key} {metrics[key]['value']:.3f}" for key in ("auprc", "auroc"))
        print(f"{source.name}: {scores}", flush=True)


if __name__ == "__main__":
    main()
