"""What trains: strategies, the recipe, examples and networks.

Other rooms import: ensemble, feature_cache, fit, guidance.guides, guidance.kmer_types,
guidance.predictors, guidance.quality, inputs, interface, kept, kmers, linear, network, objective,
pair_inputs, pair_scores, rates, reader, regression, saved, schedule, strengths, trainer_parts,
zero_shot.fills.
"""
