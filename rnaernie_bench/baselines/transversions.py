"""Variants ranked by how few mutations put a purine for a pyrimidine or the reverse."""

from __future__ import annotations

from rnaernie_bench.baselines._mutations import mutation_entry

ENTRY = mutation_entry("variants: how few mutations put a purine for a pyrimidine or the reverse")
