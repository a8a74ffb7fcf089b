"""Secondary structure: base pairs read, written, decoded, folded, counted and drawn.

Other rooms import: counting, decoders, duplexes, layouts, notations, pair_probabilities, pictures,
records, reliability, scores, several_partners, thermodynamics, tuning, writers.
"""
