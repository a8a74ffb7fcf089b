"""Pre-training: corpora, masking and the recipe."""
