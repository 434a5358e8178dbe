"""How good predictions are: scores and grouped splits."""
