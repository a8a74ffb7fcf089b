"""Losses, metrics, calibration, and pictures of what they say."""
