"""Pre-training: corpora, masking and the recipe.

Other rooms import: config, corpus, job, type_classifier.
"""
