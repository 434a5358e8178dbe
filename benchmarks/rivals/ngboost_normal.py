"""NGBoost: natural-gradient boosting of mean and variance."""

from __future__ import annotations

import numpy as np
from ngboost import NGBRegressor
from ngboost.distns import Normal
from sklearn.tree import DecisionTreeRegressor

from rivals.base import Array, Inputs, Predictor, Rival, gaussian
from rivals.features import Encoded


def fit(x: Inputs, y: Array, *, threads: int, seed: int, exclude: tuple[str, ...], rounds: int = 120) -> Predictor:
    encode = Encoded(exclude)
    values = encode.fit(x, y, seed)
    model = NGBRegressor(
        Dist=Normal,
        Base=DecisionTreeRegressor(max_depth=4, min_samples_leaf=5, max_features=0.5),
        n_estimators=rounds,
        learning_rate=0.08,
        minibatch_frac=0.7,
        random_state=seed,
        verbose=False,
    )
    model.fit(values, y)

    def predict(z: Inputs) -> Array:
        p = model.pred_dist(encode(z)).params
        return gaussian(np.asarray(p["loc"]), np.asarray(p["scale"]))

    return predict


RIVAL = Rival(
    fit,
    grid=({"labels": "seen", "residual": True},),
    max_rows=4000,
    tune_rows=2000,
)
