"""Prediction heads, one family a task level."""
