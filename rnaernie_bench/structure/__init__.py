"""Secondary structure: base pairs read, written, decoded, folded, counted and drawn.

Other rooms import: counting, decoders, duplexes, notations, pair_probabilities, pictures,
records, scores, thermodynamics, tuning, writers.
"""
