"""Split conformal prediction around the best of the other rivals.

The base learner is fitted without some of the groups; its errors on them, in units of its own interval, give the
predictive distribution (normalised conformal predictive system: Vovk, Shen, Manokhin & Xie 2019). With whole groups
held out for calibration the errors are those of unseen groups, which is what the split asks about.
"""

from __future__ import annotations

import numpy as np

from rivals.base import LEVELS, Array, Inputs, Predictor

#: Positions of the quartiles in the levels.
_LOW, _MIDDLE, _HIGH = (int(np.argmin(np.abs(LEVELS - q))) for q in (0.25, 0.5, 0.75))
#: Least width of a base interval, in log units: a forest's leaf may hold one value only.
_NARROWEST = 0.02


def _center_and_width(quantiles: Array) -> tuple[Array, Array]:
    width = quantiles[:, _HIGH] - quantiles[:, _LOW]
    return quantiles[:, _MIDDLE], np.maximum(width, _NARROWEST)


def calibrate(base: Predictor, x: Inputs, y: Array) -> Predictor:
    """Wrap a fitted predictor by its errors on rows of groups that it has not seen."""
    center, width = _center_and_width(base(x))
    scores = np.sort((y - center) / width)
    # the k-th of n errors has rank k / (n + 1) among them and a new one
    ranks = np.arange(1, len(scores) + 1) / (len(scores) + 1)
    shape = np.interp(LEVELS, ranks, scores)

    def predict(z: Inputs) -> Array:
        center, width = _center_and_width(base(z))
        return np.asarray(center[:, None] + width[:, None] * shape)

    return predict
