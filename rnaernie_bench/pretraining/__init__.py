"""Pre-training: corpora, masking and the recipe.

Other rooms import: config, corpus, job, progress, type_classifier.
"""
