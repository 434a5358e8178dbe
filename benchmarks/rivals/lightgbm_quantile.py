"""LightGBM: gradient-boosted quantile regression, one ensemble per quantile."""

from __future__ import annotations

import lightgbm
import numpy as np

from rivals.base import KNOTS, Array, Inputs, Predictor, Rival, from_knots
from rivals.features import Codes


def fit(
    x: Inputs, y: Array, *, threads: int, seed: int, exclude: tuple[str, ...], rounds: int = 200, leaves: int = 31
) -> Predictor:
    codes = Codes(exclude).fit(x)
    values = codes(x)
    parameters = {
        "objective": "quantile",
        "num_leaves": leaves,
        "learning_rate": 0.1,
        "min_data_in_leaf": 20 if len(y) > 2000 else 5,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "verbose": -1,
        "num_threads": threads,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
    }
    categorical = [values.shape[1] + c for c in codes.categorical]
    data = lightgbm.Dataset(values, y, categorical_feature=categorical, free_raw_data=False)
    boosters = [lightgbm.train(parameters | {"alpha": q}, data, num_boost_round=rounds) for q in KNOTS]

    def predict(z: Inputs) -> Array:
        matrix = codes(z)
        return from_knots(np.stack([np.asarray(b.predict(matrix)) for b in boosters], axis=1))

    return predict


RIVAL = Rival(
    fit,
    grid=(
        {"labels": "all", "residual": False},
        {"labels": "all", "residual": True},
        {"labels": "seen", "residual": True},
    ),
)
