"""Finished runs on new sequences."""
