"""Figures: one a file, each a function from an xarray Dataset to a matplotlib Figure."""

from hwpredict.plots.gallery import GUIDE_KINDS, KINDS, visualize
from hwpredict.plots.of_posterior import POSTERIOR_KINDS, visualize_posterior

__all__ = ["GUIDE_KINDS", "KINDS", "POSTERIOR_KINDS", "visualize", "visualize_posterior"]
