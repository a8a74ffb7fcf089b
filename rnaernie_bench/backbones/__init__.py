"""Encoders: RNAErnie with its type vocabulary, and what makes it fast.

Other rooms import: checkpoints, conversion, convolution_network, encoder, fast_dropout, golden,
inference, loading, masked, precision, profile, rnaernie, vocabulary.
"""
