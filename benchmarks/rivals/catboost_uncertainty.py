"""CatBoost: several quantiles at once, or mean and variance with the disagreement of virtual ensembles."""

from __future__ import annotations

import numpy as np
from catboost import CatBoostRegressor, Pool

from rivals.base import KNOTS, Array, Inputs, Predictor, Rival, from_knots, gaussian
from rivals.features import Codes

#: Virtual ensembles cut out of one model (Malinin, Prokhorenkova & Ustimenko 2021, section 4, use ten).
_ENSEMBLES = 10


def fit(
    x: Inputs, y: Array, *, threads: int, seed: int, exclude: tuple[str, ...], loss: str, rounds: int = 200
) -> Predictor:
    codes = Codes(exclude).fit(x)
    n_labels = len(codes.categorical)

    def pool(z: Inputs, figure: Array | None = None) -> Pool:
        values = codes(z)
        numbers, labels = values[:, :-n_labels].astype(np.float32), values[:, -n_labels:].astype(np.int64)
        columns = [numbers, labels.astype(str).astype(object)]
        table = np.concatenate([c.astype(object) for c in columns], axis=1)
        return Pool(table, figure, cat_features=list(range(numbers.shape[1], table.shape[1])))

    quantiles = loss == "MultiQuantile"
    model = CatBoostRegressor(
        loss_function=f"MultiQuantile:alpha={','.join(map(str, KNOTS))}" if quantiles else "RMSEWithUncertainty",
        iterations=rounds,
        depth=6,
        learning_rate=0.1,
        max_ctr_complexity=1,
        border_count=64,
        rsm=0.5,
        posterior_sampling=not quantiles,
        boosting_type="Plain",
        thread_count=threads,
        random_seed=seed,
        verbose=False,
        allow_writing_files=False,
    )
    model.fit(pool(x, y))

    def predict(z: Inputs) -> Array:
        data = pool(z)
        if quantiles:
            return from_knots(np.asarray(model.predict(data)))
        # columns: mean, knowledge uncertainty (variance of the means), data uncertainty (mean of the variances)
        out = np.asarray(model.virtual_ensembles_predict(data, "TotalUncertainty", virtual_ensembles_count=_ENSEMBLES))
        return gaussian(out[:, 0], np.sqrt(np.maximum(out[:, 1] + out[:, 2], 1e-8)))

    return predict


RIVAL = Rival(
    fit,
    grid=(
        {"labels": "all", "residual": True, "loss": "MultiQuantile"},
        {"labels": "seen", "residual": False, "loss": "MultiQuantile"},
        {"labels": "seen", "residual": True, "loss": "RMSEWithUncertainty"},
    ),
    max_rows=15_000,
    tune_rows=2500,
)
