"""What ``create_hardware_prediction_matrix`` returns: the guide's dictionary in front of an xarray Dataset."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwpredict.errors import InvalidWorkloadError
from hwpredict.matrix import files
from hwpredict.matrix.dataset import check_matrix
from hwpredict.matrix.guide import from_guide, to_guide

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class PredictionMatrix(dict[str, Any]):
    """A prediction matrix.

    To the eye, and to ``json.dump``, the dictionary of the guide: ``timestamp``, ``mode``, ``models``,
    ``hardware_platforms``, ``batch_sizes``, ``precision_options`` and, beside them, ``intervals``. The figures
    themselves are in :attr:`dataset`; the dictionary is made from it when it is first looked at, since for a million
    cells it takes gigabytes that nobody may need.

    Parameters
    ----------
    dataset : xarray.Dataset
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        # json's C encoder takes a dict of length 0 for "{}" before it asks for the items
        super().__init__(models=None)
        self._dataset = dataset
        self._filled = False

    def _fill(self) -> None:
        if not self._filled:
            self._filled = True
            super().clear()
            super().update(to_guide(self._dataset))

    @property
    def dataset(self) -> xr.Dataset:
        """Dims (model, hardware, precision, batch_size, sequence_length[, phase]) and quantile, part, draw."""
        return self._dataset

    def __reduce__(self) -> tuple[Any, ...]:
        return PredictionMatrix, (self._dataset,)

    def __repr__(self) -> str:
        sizes = self._dataset.sizes
        return "<PredictionMatrix " + " × ".join(f"{sizes[d]} {d}" for d in self._dataset["throughput"].dims) + ">"

    def _repr_html_(self) -> str:
        return str(self._dataset._repr_html_())

    def to_netcdf(self, path: str | os.PathLike[str]) -> Path:
        """Write netCDF-4 (CF)."""
        return files.save(self._dataset, _named(path, ".nc"))

    def to_zarr(self, path: str | os.PathLike[str]) -> Path:
        """Write a Zarr store."""
        return files.save(self._dataset, _named(path, ".zarr"))

    def to_parquet(self, path: str | os.PathLike[str]) -> Path:
        """Write :meth:`to_dataframe` as Parquet."""
        return files.save(self._dataset, _named(path, ".parquet"))

    def to_json(self, path: str | os.PathLike[str]) -> Path:
        """Write the guide's JSON, with intervals."""
        return files.save(self._dataset, _named(path, ".json"))

    def to_dataframe(self) -> pd.DataFrame:
        """One row a cell that can run: see :func:`hwpredict.matrix.files.to_dataframe`."""
        return files.to_dataframe(self._dataset)


def as_dataset(matrix: Any) -> xr.Dataset:
    """The Dataset of a matrix in any of its forms: itself, a PredictionMatrix, or the guide's dictionary.

    Raises
    ------
    InvalidWorkloadError
        It is none of these.
    """
    if isinstance(matrix, PredictionMatrix):
        return matrix.dataset
    if isinstance(matrix, Mapping) and "models" in matrix:
        return from_guide(matrix)
    if hasattr(matrix, "data_vars"):
        return check_matrix(matrix)
    raise InvalidWorkloadError(
        f"a {type(matrix).__name__} is no prediction matrix: give what create_hardware_prediction_matrix returned"
    )


def matrix_to_json(matrix: Any, path: str | os.PathLike[str]) -> Path:
    """Write a matrix in any of its forms as the guide's JSON with its ``intervals``, and give the name of the file."""
    return files.save(as_dataset(matrix), _named(path, ".json"))


def _named(path: str | os.PathLike[str], ending: str) -> Path:
    """``path``, with the ending that its format has unless it has it already."""
    out = Path(path)
    return out if out.suffix.casefold() == ending else out.with_name(out.name + ending)


def _filling(name: str) -> Callable[..., Any]:
    method = getattr(dict, name)

    def wrapped(self: PredictionMatrix, *args: Any, **kwargs: Any) -> Any:
        self._fill()
        return method(self, *args, **kwargs)

    wrapped.__name__, wrapped.__doc__ = name, method.__doc__
    return wrapped


for _name in (
    "__contains__ __delitem__ __eq__ __getitem__ __iter__ __len__ __ne__ __or__ __ror__ __ior__ __reversed__ "
    "__setitem__ clear copy get items keys pop popitem setdefault update values"
).split():
    setattr(PredictionMatrix, _name, _filling(_name))
