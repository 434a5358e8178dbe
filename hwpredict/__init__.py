"""Calibrated predictions of deep-learning throughput, latency and memory on hardware you have not bought yet."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hwpredict.decision.utility import Utility
    from hwpredict.matrix import PredictionMatrix, matrix_to_json, open_matrix
    from hwpredict.performance.posterior import Posterior
    from hwpredict.performance.residual import from_point_predictor
    from hwpredict.predictor import HardwareModelPredictor
    from hwpredict.results import PerformancePrediction, Recommendation
    from hwpredict.store.benchmark_store import BenchmarkStore
    from hwpredict.training import train_prediction_models
    from hwpredict.workload import Target, Workload

__version__ = "0.1.0"
__all__ = [
    "BenchmarkStore",
    "HardwareModelPredictor",
    "PerformancePrediction",
    "Posterior",
    "PredictionMatrix",
    "Recommendation",
    "Target",
    "Utility",
    "Workload",
    "from_point_predictor",
    "matrix_to_json",
    "open_matrix",
    "train_prediction_models",
]

_HOME = {
    "BenchmarkStore": "hwpredict.store.benchmark_store",
    "HardwareModelPredictor": "hwpredict.predictor",
    "PerformancePrediction": "hwpredict.results",
    "Posterior": "hwpredict.performance.posterior",
    "PredictionMatrix": "hwpredict.matrix",
    "Recommendation": "hwpredict.results",
    "Target": "hwpredict.workload",
    "Utility": "hwpredict.decision.utility",
    "Workload": "hwpredict.workload",
    "from_point_predictor": "hwpredict.performance.residual",
    "matrix_to_json": "hwpredict.matrix",
    "open_matrix": "hwpredict.matrix",
    "train_prediction_models": "hwpredict.training",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used: ``import hwpredict`` itself costs next to nothing."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'hwpredict' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
