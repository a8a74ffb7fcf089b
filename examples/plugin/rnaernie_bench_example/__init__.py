"""A task, a head and a backbone for rnaernie-bench."""
