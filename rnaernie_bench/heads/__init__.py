"""Prediction heads: each module is one, called as it; they keep one contract (`bases.contract`).

Other rooms import: bases.contact, bases.contract, bases.earlier, bases.layers, bases.pair.
"""
