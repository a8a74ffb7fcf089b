"""Variants ranked by the share of G and C."""

from __future__ import annotations

from rnaernie_bench.baselines._mutations import mutation_entry

ENTRY = mutation_entry("variants: the share of G and C")
