"""Hyperparameter search with Optuna: validation chooses, the best settings are tested once.

Other rooms import: launched, search, setup, sweep.
"""
