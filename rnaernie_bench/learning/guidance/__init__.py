"""Which RNA types a sequence is read with, and how much each counts."""
