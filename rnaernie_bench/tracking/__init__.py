"""MLflow: parameters, curves, pictures and files of a run."""
