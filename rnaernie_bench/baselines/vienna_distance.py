"""Variants ranked by how few base pairs differ from ViennaRNA's structure of the reference."""

from __future__ import annotations

from rnaernie_bench.baselines._mutations import mutation_entry

ENTRY = mutation_entry(
    "variants: how few base pairs differ from ViennaRNA's structure of the reference"
)
