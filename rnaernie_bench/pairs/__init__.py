"""Pairs of sequences scored by networks: model, strategies, screening, prediction."""
