"""Reading, splitting, auditing, encoding and batching data.

Other rooms import: alphabet, audit, batching, cells, corpora, encoding, fasta, folds, items,
leakage, loading, mixing, negatives, own.declaring, own.spec, pairs, protocols, sequence_columns,
sources, stockholm, structure_files, tables, targets, text, variants.
"""
