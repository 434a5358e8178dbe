"""Gaussian process with one length scale per covariate, conditioned on a subsample."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from rivals.base import Array, Inputs, Predictor, Rival, gaussian
from rivals.features import Encoded

#: Rows on which the kernel's parameters are optimised: the cost grows with the cube.
_OPTIMISED = 300
_EVALUATIONS = 25


def _optimise(objective: Any, start: Array, bounds: Array) -> tuple[Array, float]:
    found = minimize(objective, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": _EVALUATIONS})
    return found.x, found.fun


def fit(x: Inputs, y: Array, *, threads: int, seed: int, exclude: tuple[str, ...]) -> Predictor:
    encode = Encoded(exclude, standard=True)
    values = encode.fit(x, y, seed)
    kernel = ConstantKernel(1.0) * RBF(np.full(values.shape[1], 5.0), (0.3, 1e4)) + WhiteKernel(0.1, (1e-5, 10.0))
    few = np.random.default_rng(seed).permutation(len(y))[:_OPTIMISED]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # length scales at their bound: an idle covariate
        learned = GaussianProcessRegressor(kernel, normalize_y=True, optimizer=_optimise).fit(values[few], y[few])
    model = GaussianProcessRegressor(learned.kernel_, normalize_y=True, optimizer=None).fit(values, y)

    def predict(z: Inputs) -> Array:
        mean, sd = model.predict(encode(z), return_std=True)
        return gaussian(mean, sd)

    return predict


RIVAL = Rival(
    fit,
    grid=({"labels": "seen", "residual": True},),
    max_rows=2000,
    tune_rows=1000,
)
