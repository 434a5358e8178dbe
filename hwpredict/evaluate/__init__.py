"""How good predictions are: scores, grouped splits, baselines."""
