"""Bayesian ridge regression on physics features, with slopes of their own for each platform."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import BayesianRidge

from rivals.base import Array, Inputs, Predictor, Rival, gaussian
from rivals.features import Encoded, matrix


def fit(x: Inputs, y: Array, *, threads: int, seed: int, exclude: tuple[str, ...], by_platform: bool) -> Predictor:
    encode = Encoded(exclude, standard=True)
    platforms = sorted(set(x.labels["platform"].tolist()))
    n_numbers = len(matrix(x.take(np.arange(1)))[1])

    def interacted(values: Array, z: Inputs) -> Array:
        if not by_platform or len(platforms) == 1:
            return values
        mine = [(z.labels["platform"] == p)[:, None] * values[:, :n_numbers] for p in platforms]
        return np.column_stack([values, *mine])

    model = BayesianRidge().fit(interacted(encode.fit(x, y, seed), x), y)

    def predict(z: Inputs) -> Array:
        mean, sd = model.predict(interacted(encode(z), z), return_std=True)
        return gaussian(mean, sd)

    return predict


RIVAL = Rival(
    fit,
    grid=(
        {"labels": "all", "residual": True, "by_platform": True},
        {"labels": "all", "residual": True, "by_platform": False},
        {"labels": "seen", "residual": True, "by_platform": True},
        {"labels": "seen", "residual": True, "by_platform": False},
    ),
)
