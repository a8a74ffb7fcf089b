"""Memory that building a corpus takes, by its size: the peak of a process of its own each time.

FASTA files of short random records, one twice the size of the other. What the peak grows by is what
a further record costs; reading, keeping out, writing and dividing should cost nothing.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rnaernie_bench.core.environment import peak_rss_mb

BASES = 60


def main(arguments: list[str] | None = None) -> None:
    """Print both peaks and their difference a record, with duplicates kept and dropped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=150_000, help="of the smaller corpus")
    parser.add_argument("--build", nargs=2, metavar=("FASTA", "DUPLICATES"), help="of one process")
    options = parser.parse_args(arguments or [])
    if options.build:
        build(*options.build)
        return
    with TemporaryDirectory() as folder:
        sizes = (options.records, 2 * options.records)
        files = [write(Path(folder) / f"{size}.fa", size) for size in sizes]
        for duplicates in ("keep", "drop"):
            small, large = (peak(file, duplicates, folder) for file in files)
            each = (large - small) * 2**20 / options.records
            print(
                f"duplicates={duplicates}: {small:.0f} MiB for {sizes[0]:,} records, "
                f"{large:.0f} MiB for {sizes[1]:,}: {each:.0f} bytes a record"
            )


def write(path: Path, count: int) -> Path:
    """Write random records, no two alike in all likelihood."""
    generator = np.random.default_rng(count)
    letters = np.frombuffer(b"ACGU", dtype=np.uint8)
    with path.open("w") as file:
        for number in range(count):
            sequence = letters[generator.integers(4, size=BASES)].tobytes().decode()
            file.write(f">s{number} tRNA\n{sequence}\n")
    return path


def peak(file: Path, duplicates: str, folder: str) -> float:
    """Return the peak of a process that builds a corpus, in MiB."""
    command = [sys.executable, "-m", "benchmarks.corpus_memory", "--build", str(file), duplicates]
    environment = {**os.environ, "RNAERNIE_BENCH_CACHE": folder}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def build(file: str, duplicates: str) -> None:
    """Build the corpus of a file, and print the peak of this process in MiB."""
    import datasets  # noqa: F401  # read back with it at the end: its own size is in every peak

    from rnaernie_bench.pretraining.config import compose
    from rnaernie_bench.pretraining.corpus import load_corpus

    chosen = ["corpus=fasta", f"corpus.files=[{file}]", "corpus.exclude=[]", "out=nowhere"]
    load_corpus(compose([*chosen, f"corpus.duplicates={duplicates}"]).corpus)
    print(peak_rss_mb())


if __name__ == "__main__":
    main(sys.argv[1:])
