"""The clusters beside those of MMseqs2, on real sequences."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from rapidfuzz.distance import Levenshtein

from rnaernie_bench.data.clusters import components
from rnaernie_bench.data.leakage import similar_links
from rnaernie_bench.data.structure_files import read_structures

IDENTITY = 0.8


def found_by_mmseqs(sequences: list[str], folder: Path) -> set[tuple[int, int]]:
    """Return the pairs of which that share of the longer sequence is aligned and identical."""
    fasta, hits = folder / "sequences.fa", folder / "hits.tsv"
    fasta.write_text("".join(f">{i}\n{sequence}\n" for i, sequence in enumerate(sequences)))
    options = {
        "--search-type": "3", "--strand": "1", "--min-seq-id": str(IDENTITY), "--seq-id-mode": "2",
        "-s": "7.5", "-e": "10", "--max-seqs": "5000", "--threads": "1", "-v": "1",
        "--format-output": "query,target",
    }  # fmt: skip
    command = ["mmseqs", "easy-search", fasta, fasta, hits, folder / "tmp"]
    subprocess.run([*command, *(word for pair in options.items() for word in pair)], check=True)
    pairs = (sorted(map(int, line.split("\t"))) for line in hits.read_text().splitlines())
    return {(i, j) for i, j in pairs if i != j}


@pytest.mark.services
@pytest.mark.realdata
def test_what_mmseqs_finds_is_linked(data_folder: Path, tmp_path: Path) -> None:
    """MMseqs2 counts identical bases, not edits, so that pairs at the threshold may differ."""
    if shutil.which("mmseqs") is None:
        pytest.skip("MMseqs2 is not installed (apt-get install mmseqs2)")
    records = read_structures(data_folder / "ss" / "archiveII.dbn")
    sequences = sorted({r.sequence for r in records if len(r.sequence) <= 508})[::5]
    cluster = components(
        [""] * len(sequences), range(len(sequences)), similar_links(sequences, IDENTITY)
    ).tolist()
    theirs = found_by_mmseqs(sequences, tmp_path)
    apart = {(i, j) for i, j in theirs if cluster[i] != cluster[j]}
    edits = {
        (i, j): Levenshtein.normalized_similarity(sequences[i], sequences[j]) for i, j in theirs
    }
    below = {pair for pair, identity in edits.items() if identity < IDENTITY}
    counts = f"{len(theirs)} pairs, {len(below)} below {IDENTITY} by edits, {len(apart)} not linked"
    assert len(theirs) > 500, counts
    assert apart <= below, counts
    assert len(below) < 0.05 * len(theirs), counts
