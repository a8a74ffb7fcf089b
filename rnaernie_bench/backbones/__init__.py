"""Encoders: RNAErnie with its type vocabulary, and what makes it fast."""
