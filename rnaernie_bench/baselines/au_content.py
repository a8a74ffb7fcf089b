"""Variants ranked by the share of A and U."""

from __future__ import annotations

from rnaernie_bench.baselines._mutations import mutation_entry

ENTRY = mutation_entry("variants: the share of A and U, which is `gc_content` turned round")
