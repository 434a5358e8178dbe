"""The rivals in the order of the tables; a rival's library is imported when the rival is run."""

from __future__ import annotations

import importlib

from rivals.base import Rival

#: Name → module of this package.
RIVALS = {
    "LightGBM quantile": "lightgbm_quantile",
    "CatBoost": "catboost_uncertainty",
    "NGBoost": "ngboost_normal",
    "Quantile forest": "quantile_forest",
    "Gaussian process": "gaussian_process",
    "Ridge on physics": "ridge",
    "Plain roofline": "plain_roofline",
}
CONFORMAL = "Split conformal"
MODEL = "hwpredict"
#: Every method.
METHODS = (MODEL, *RIVALS, CONFORMAL)


def rival(name: str) -> Rival:
    """The rival of that name."""
    found: Rival = importlib.import_module(f"rivals.{RIVALS[name]}").RIVAL
    return found
