"""Figures: one a file, each a function from an xarray Dataset to a matplotlib Figure."""
