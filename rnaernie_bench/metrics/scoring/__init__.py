"""How metrics are computed of composites of runs; `metrics.registry` names the functions."""
