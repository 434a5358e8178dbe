"""Figures: one a file, each a function from an xarray Dataset to a matplotlib Figure."""

from hwpredict.plots.gallery import GUIDE_KINDS, KINDS, visualize

__all__ = ["GUIDE_KINDS", "KINDS", "visualize"]
