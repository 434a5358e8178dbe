"""The prediction matrix: every model on every hardware at every precision and size, as one labelled table."""

from hwpredict.matrix.dataset import compute, compute_lazily
from hwpredict.matrix.files import check_ending, open_matrix, save
from hwpredict.matrix.grid import Grid, ModelSpec, make_grid
from hwpredict.matrix.models_file import DEFAULT_MODELS, gather, read_models
from hwpredict.matrix.plan import Plan
from hwpredict.matrix.prediction_matrix import PredictionMatrix, as_dataset, matrix_to_json
from hwpredict.matrix.stream import write

__all__ = [
    "DEFAULT_MODELS",
    "Grid",
    "ModelSpec",
    "Plan",
    "PredictionMatrix",
    "as_dataset",
    "check_ending",
    "compute",
    "compute_lazily",
    "gather",
    "make_grid",
    "matrix_to_json",
    "open_matrix",
    "read_models",
    "save",
    "write",
]
