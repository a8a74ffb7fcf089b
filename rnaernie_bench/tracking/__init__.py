"""MLflow: parameters, curves, pictures and files of a run.

Other rooms import: store, tracker.
"""
