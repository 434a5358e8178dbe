"""Quantile regression forest (Meinshausen 2006)."""

from __future__ import annotations

import numpy as np
from quantile_forest import RandomForestQuantileRegressor

from rivals.base import LEVELS, Array, Inputs, Predictor, Rival
from rivals.features import Encoded

#: Rows predicted at a time: bounds the memory of the leaves' samples.
_CHUNK = 2000


def fit(
    x: Inputs, y: Array, *, threads: int, seed: int, exclude: tuple[str, ...], leaf: int, trees: int = 100
) -> Predictor:
    encode = Encoded(exclude)
    values = encode.fit(x, y, seed)
    model = RandomForestQuantileRegressor(
        n_estimators=trees, min_samples_leaf=leaf, max_features=0.4, n_jobs=threads, random_state=seed
    )
    model.fit(values, y)

    def predict(z: Inputs) -> Array:
        matrix = encode(z)
        pieces = [
            np.asarray(model.predict(matrix[i : i + _CHUNK], quantiles=LEVELS.tolist()))
            for i in range(0, len(matrix), _CHUNK)
        ]
        return np.concatenate(pieces)

    return predict


RIVAL = Rival(
    fit,
    grid=(
        {"labels": "all", "residual": True, "leaf": 3},
        {"labels": "seen", "residual": True, "leaf": 3},
        {"labels": "seen", "residual": False, "leaf": 3},
        {"labels": "seen", "residual": True, "leaf": 15},
    ),
    max_rows=20_000,
    tune_rows=4000,
)
