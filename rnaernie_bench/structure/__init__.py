"""Secondary structure: base pairs read, written, decoded, folded, counted and drawn."""
