"""Variants ranked by how few bases differ from the reference."""

from __future__ import annotations

from rnaernie_bench.baselines._mutations import mutation_entry

ENTRY = mutation_entry("variants: how few bases differ from the reference")
