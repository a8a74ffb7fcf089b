"""Base pairs predicted by networks: models, strategies, evaluation, prediction."""
