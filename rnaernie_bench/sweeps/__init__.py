"""Hyperparameter search with Optuna: validation chooses, the best settings are tested once.

Other rooms import: launched, options, search, setup, sweep.
"""
