"""Prediction heads: each module is one, called as it; they keep one contract (`bases.contract`)."""
