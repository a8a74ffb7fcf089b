"""Variants ranked by how much lower ViennaRNA's free energy is than that of the reference."""

from __future__ import annotations

from rnaernie_bench.baselines._mutations import mutation_entry

ENTRY = mutation_entry(
    "variants: how much lower ViennaRNA's free energy is than that of the reference"
)
