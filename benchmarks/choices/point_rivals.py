"""Point predictors to choose by: LightGBM's median, fitted to what the physics leaves over, and the physics alone."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from choices.heldout import capped
from hwpredict.performance import rows as r
from hwpredict.performance.covariates import covariates


def log_throughput(train: r.Table, held: r.Table, args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Log throughput of held-out rows by LightGBM and by the plain roofline, each of shape (row,)."""
    from rivals.features import physics

    usable = np.isfinite(train["throughput"]) & (train["throughput"] > 0)
    train = capped(r.take(train, usable), args)
    known, new = _inputs(train), _inputs(held)
    return _median(known, new, np.log(train["throughput"]), lambda x: physics(x, "throughput"), args)


def log_memory(train: r.Table, held: r.Table, args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Log memory of held-out rows by LightGBM and by counting what is resident, each of shape (row,)."""
    from rivals.features import resident

    train = capped(train, args)
    return _median(_inputs(train), _inputs(held), np.log(train["memory_mb"]), resident, args)


def _inputs(rows: r.Table) -> Any:
    """What a rival sees of rows."""
    from rivals.base import Inputs  # of the group bench, like what it imports

    x = covariates(rows)
    return Inputs(x.numbers, x.labels)


def _median(known: Any, new: Any, figure: np.ndarray, plain: Any, args: argparse.Namespace) -> Any:
    from rivals import lightgbm_quantile
    from rivals.features import mostly_unseen

    predict = lightgbm_quantile.fit(
        known, figure - plain(known), threads=1, seed=args.seed, exclude=mostly_unseen(known, new), rounds=args.rounds
    )
    physics = np.asarray(plain(new))
    return np.median(predict(new), axis=1) + physics, physics
