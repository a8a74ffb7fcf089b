"""How good a fitted model is: on validation, and on every test part once.

Other rooms import: evaluate, relatives.
"""
