"""Result records, statistics and the leaderboard; imports neither torch nor multimolecule.

Other rooms import: bundle, checks, merging, predictions, record, reproduction_marks, search, store.
"""
