"""Import what six RNA language models and one-hot predicted for TS0, new families and ArchiveII.

The files are those of sinc-lab/rna-llm-folding (Zablocki et al. 2025), below
``predictions/sinclab`` of a folder of `RNAERNIE_BENCH_DATA`. Run ``python -m benchmarks.sinclab``;
``make sinclab`` does.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rnaernie_bench.core.errors import DataError
from rnaernie_bench.data.loading import load_dataset, make_split
from rnaernie_bench.data.sources import find
from rnaernie_bench.external.importing import import_predictions
from rnaernie_bench.external.source import Reading, Source
from rnaernie_bench.task.task import load_task

MODELS = {
    "ERNIE-RNA": ("ERNIE-RNA", 86_000_000, "RNAcentral"),
    "RiNALMo": ("RiNALMo", 650_000_000, "RNAcentral, Rfam and Ensembl"),
    "RNA-FM": ("rnafm", 100_000_000, "RNAcentral"),
    "RNAErnie": ("RNAErnie", 86_000_000, "RNAcentral"),
    "RNA-MSM": ("rna-msm", 96_000_000, "Rfam"),
    "RNABERT": ("rnabert", 500_000, "RNAcentral"),
    "one-hot (sinc-lab)": ("one-hot", None, ""),
}
"""Name in tables -> name of files, rounded parameters of the language model, and what it was
pre-trained on, as the authors of the study state them; of RNAErnie, the parameters of the published
checkpoint."""

SOURCE = Source(
    name="sinc-lab",
    address="https://github.com/sinc-lab/rna-llm-folding",
    commit="278f5e3a9fe2551fca8819e6eb78b2785144f689",
    licence="not stated",
    citation="Zablocki et al. 2025, doi:10.1093/bib/bbaf137",
    training="states of the frozen model read by a 2-D ResNet, trained on the train part of the "
    "split; one training",
)

RESOLVED = " resolved"
"""Behind the name of a model whose pairs are made a structure."""


def sources() -> Iterator[tuple[Source, str, Reading]]:
    """Yield source, name of files and reading: all pairs as published, then one partner a base."""
    for name, (file, parameters, corpus) in MODELS.items():
        overlap = f"pre-trained on {corpus}, overlap with the test part unknown"
        caveats = (overlap,) if corpus else ()
        source = replace(SOURCE, name=name, parameters=parameters, caveats=caveats)
        yield source, file, Reading()
        yield replace(source, name=name + RESOLVED), file, Reading(partners="one")


def files_of(stem: str, split: str, fold: str | None) -> list[Path]:
    """Return the files of a model.

    Raises:
        DataError: naming one that is in no folder of `RNAERNIE_BENCH_DATA`.
    """
    names = [f"archiveii/{stem}.{fold}"] if fold else [f"bprna/{stem}", f"bprna_new/{stem}"]
    files = []
    for name in names:
        path = f"predictions/sinclab/{name}.csv.gz"
        found = find(path)
        if found is None:
            raise DataError(
                "the file is in no folder of RNAERNIE_BENCH_DATA",
                where=path,
                remedy=f"clone {SOURCE.address} and lay its results out so",
            )
        files.append(found)
    return files


def main(arguments: Sequence[str] | None = None) -> None:
    """Import all of them, and print the score of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results-dir", type=Path, default=Path("results"))
    chosen = parser.parse_args(arguments)
    task = load_task("ss_contacts")
    dataset = load_dataset(task, simulated=False)
    folds = task.splits["archiveii_family"].folds
    assert folds is not None
    for name, fold in [("bprna", None), *(("archiveii_family", fold) for fold in folds.names)]:
        split = make_split(task, dataset, name, fold=fold)
        for source, stem, reading in sources():
            found = import_predictions(
                files_of(stem, name, fold), source, reading,
                task=task, dataset=dataset, split=split, results_dir=chosen.results_dir,
            )  # fmt: skip
            scores = ", ".join(
                f"{part} {test['metrics']['f1']['value']:.3f}"
                for part, test in found.record["tests"].items()
            )
            print(f"{name} {fold or ''} {source.name}: {scores}", flush=True)


if __name__ == "__main__":
    main()
