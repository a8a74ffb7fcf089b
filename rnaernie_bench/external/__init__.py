"""Predictions that were made elsewhere, read and made into records.

Other rooms import: importing, source.
"""
