"""Finished runs on new sequences.

Other rooms import: classes, embed, embedding_files, fill_mask, pairs, predictor, projections,
ready, saved, score, structures, values, writing.
"""
