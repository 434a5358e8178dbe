"""The guide's prediction-matrix JSON, with an ``intervals`` block beside it that holds all the rest.

``models`` is to the letter what the guide prints: ``models[name]["predictions"][hardware][batch][precision]`` with
``throughput``, ``latency_mean`` and ``memory_usage`` (medians; at the first sequence length and phase). ``intervals``
repeats that path and ends in a list of records, one per sequence length and phase, with quantiles, probabilities and
evidence; with it the whole Dataset can be built again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import InvalidWorkloadError
from hwpredict.matrix.block import EVIDENCE_FLAGS
from hwpredict.matrix.dataset import VARIABLES, Variable, check_matrix, describe, text
from hwpredict.matrix.grid import CELL_DIMS

if TYPE_CHECKING:
    import xarray as xr

#: Names of the metrics in the guide's cells.
GUIDE_KEYS = {"throughput": "throughput", "latency": "latency_mean", "memory": "memory_usage"}
#: Significant digits written.
DIGITS = 6

_NOT_WRITTEN = {"draw"}  # draws are for netCDF and Zarr
_COORDINATES = ("model_family", "family", "item", "platform", "device", "runtime", "capacity", "mode", "n_devices")


def number(value: Any) -> float | int | None:
    """A figure as it is printed: six significant digits, None for NaN."""
    if isinstance(value, (int, np.integer)):
        return int(value)
    value = float(value)
    return None if np.isnan(value) else float(f"{value:.{DIGITS}g}")


def to_guide(data: xr.Dataset) -> dict[str, Any]:
    """The guide's dictionary of a whole matrix.

    Parameters
    ----------
    data : xarray.Dataset

    Returns
    -------
    dict
    """
    out = header(data)
    for i, name in enumerate(data["model"].to_numpy().tolist()):
        out["models"][name], out["intervals"]["predictions"][name] = model_entries(data, i)
    return out


def header(data: xr.Dataset) -> dict[str, Any]:
    """Everything but the entries of the models."""
    check_matrix(data)
    phased = "phase" in data.dims
    coords = {n: {"dims": list(data[n].dims), "values": _listed(data[n].to_numpy())} for n in _COORDINATES if n in data}
    reasons = {
        n: {"dims": list(data[n].dims), "values": data[n].to_numpy().tolist()}
        for n in ("incompatible", "inapplicable")
        if n in data
    }
    return {
        "timestamp": str(data.attrs.get("created", "")),
        "mode": str(data["mode"].item()) if "mode" in data.coords else "inference",
        "models": {},
        "hardware_platforms": data["hardware"].to_numpy().tolist(),
        "batch_sizes": data["batch_size"].to_numpy().tolist(),
        "precision_options": data["precision"].to_numpy().tolist(),
        "intervals": {
            "probabilities": data["quantile"].to_numpy().tolist() if "quantile" in data.dims else [],
            "sequence_lengths": data["sequence_length"].to_numpy().tolist(),
            "phases": data["phase"].to_numpy().tolist() if phased else [],
            "parts": data["part"].to_numpy().tolist() if "part" in data.dims else [],
            "units": {n: data[n].attrs.get("units", "") for n in GUIDE_KEYS},
            "coordinates": coords | reasons,
            "provenance": {k: v for k, v in data.attrs.items() if isinstance(v, (str, int, float, np.number))}
            | {k: v.item() for k, v in data.attrs.items() if isinstance(v, np.generic)},
            "predictions": {},
        },
    }


def _listed(values: NDArray[Any]) -> Any:
    return [number(v) for v in values] if values.dtype.kind == "f" else values.tolist()


def _written(data: xr.Dataset) -> list[Variable]:
    return [v for v in VARIABLES if v.name in data and v.extra not in _NOT_WRITTEN]


def model_entries(data: xr.Dataset, i: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The guide's entry of the model at position ``i``, and its intervals."""
    one = data.isel(model=i)
    hardware, precisions = data["hardware"].to_numpy().tolist(), data["precision"].to_numpy().tolist()
    batches = [str(b) for b in data["batch_size"].to_numpy().tolist()]
    lengths = data["sequence_length"].to_numpy().tolist()
    phases = data["phase"].to_numpy().tolist() if "phase" in data.dims else [None]
    dims = [d for d in (*CELL_DIMS, "phase") if d != "model" and d in data.dims]
    arrays: dict[str, NDArray[Any]] = {}
    for v in _written(data):
        order = [*dims, v.extra] if v.extra else dims
        values = one[v.name].transpose(*order).to_numpy()
        arrays[v.name] = values if "phase" in dims else np.expand_dims(values, 4)
    predictions: dict[str, Any] = {}
    intervals: dict[str, Any] = {}
    for h, target in enumerate(hardware):
        for b, batch in enumerate(batches):
            for p, precision in enumerate(precisions):
                records = []
                for s, length in enumerate(lengths):
                    for f, phase in enumerate(phases):
                        record = _record(arrays, (h, p, b, s, f), length, phase)
                        if record is not None:
                            records.append(record)
                if not records:
                    continue
                _put(intervals, target, batch, precision, records)
                first = (h, p, b, 0, 0)
                if not np.isnan(arrays["throughput"][first]):
                    cell = {key: number(arrays[name][first]) for name, key in GUIDE_KEYS.items()}
                    _put(predictions, target, batch, precision, cell)
    name = str(one["model"].item())
    family = str(one["family"].item()) if "family" in one.coords else ""
    return {"name": name, "category": family, "predictions": predictions}, intervals


def _put(tree: dict[str, Any], target: str, batch: str, precision: str, value: Any) -> None:
    tree.setdefault(target, {}).setdefault(batch, {})[precision] = value


def _record(
    arrays: Mapping[str, NDArray[Any]], at: tuple[int, ...], length: int, phase: str | None
) -> dict[str, Any] | None:
    """One cell of the intervals block; None if it cannot run."""
    if np.isnan(arrays["throughput"][at]):
        return None
    out: dict[str, Any] = {"sequence_length": length} | ({"phase": phase} if phase is not None else {})
    for name, values in arrays.items():
        value = values[at]
        if name == "evidence":
            out[name] = EVIDENCE_FLAGS[int(value)]
        else:
            out[name] = [number(x) for x in value] if np.ndim(value) else number(value)
    return out


def from_guide(matrix: Mapping[str, Any]) -> xr.Dataset:
    """Dataset of a matrix in the guide's format.

    Parameters
    ----------
    matrix : mapping
        With an ``intervals`` block, or without (a file of the original program): then there are medians only.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    InvalidWorkloadError
        It is not of that format.
    """
    try:
        extra = matrix.get("intervals") or {}
        axes: dict[str, list[Any]] = {
            "model": list(matrix["models"]),
            "hardware": list(matrix["hardware_platforms"]),
            "precision": list(matrix["precision_options"]),
            "batch_size": [int(b) for b in matrix["batch_sizes"]],
            "sequence_length": list(extra.get("sequence_lengths") or [128]),
        }
        if extra.get("phases"):
            axes["phase"] = list(extra["phases"])
        data = _from_intervals(extra, axes) if extra else _from_medians(matrix, axes)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InvalidWorkloadError(
            f"this is not a prediction matrix in the guide's format ({type(error).__name__}: {error}): "
            "give the JSON that `hwpredict matrix` wrote"
        ) from error
    data.attrs = dict(extra.get("provenance") or {"title": "prediction matrix", "created": str(matrix["timestamp"])})
    if "mode" not in data.coords:
        data = data.assign_coords(mode=str(matrix.get("mode", "inference")))
        family = [str(m.get("category", "")) for m in matrix["models"].values()]
        data = data.assign_coords(family=("model", text(family)))
    return describe(data)


def _labels(axes: Mapping[str, list[Any]]) -> dict[str, Any]:
    return {d: (d, text(v) if isinstance(v[0], str) else np.array(v, np.int64)) for d, v in axes.items()}


def _from_medians(matrix: Mapping[str, Any], axes: Mapping[str, list[Any]]) -> xr.Dataset:
    import xarray as xr

    shape = tuple(len(v) for v in axes.values())
    arrays = {name: np.full(shape, np.nan, np.float32) for name in GUIDE_KEYS}
    for m, entry in enumerate(matrix["models"].values()):
        for target, by_batch in entry["predictions"].items():
            for batch, by_precision in by_batch.items():
                for precision, cell in by_precision.items():
                    at = (
                        m, axes["hardware"].index(target), axes["precision"].index(precision),
                        axes["batch_size"].index(int(batch)), 0,
                    )  # fmt: skip
                    for name, key in GUIDE_KEYS.items():
                        value = cell.get(key)
                        arrays[name][at] = np.nan if value is None else float(value)
    return xr.Dataset({n: (tuple(axes), a) for n, a in arrays.items()}, _labels(axes))


def _from_intervals(extra: Mapping[str, Any], axes: Mapping[str, list[Any]]) -> xr.Dataset:
    import xarray as xr

    shape, dims = tuple(len(v) for v in axes.values()), tuple(axes)
    tails = {"quantile": list(extra["probabilities"]), "part": list(extra["parts"])}
    arrays: dict[str, NDArray[Any]] = {}
    place = {d: {v: i for i, v in enumerate(values)} for d, values in axes.items()}
    reference = {v.name: v for v in VARIABLES}
    for model, by_target in extra["predictions"].items():
        for target, by_batch in by_target.items():
            for batch, by_precision in by_batch.items():
                for precision, records in by_precision.items():
                    for record in records:
                        label = {
                            "model": model, "hardware": target, "precision": precision, "batch_size": int(batch),
                        } | record  # fmt: skip
                        at = tuple(place[d][label[d]] for d in dims)
                        _fill(arrays, reference, shape, tails, at, record)
    data = xr.Dataset(
        {
            n: ((*dims, reference[n].extra) if reference[n].extra else dims, a)
            for n, a in sorted(arrays.items(), key=lambda item: list(reference).index(item[0]))
        },
        _labels(axes) | {d: (d, text(v) if isinstance(v[0], str) else np.array(v)) for d, v in tails.items() if v},
    )
    for name, given in extra["coordinates"].items():
        values = given["values"]
        array = np.array(values, float) if name == "capacity" else np.array(values)
        variable = (tuple(given["dims"]), array)
        if name in ("incompatible", "inapplicable"):
            data[name] = variable
        else:
            data = data.assign_coords({name: variable})
    return data


def _fill(
    arrays: dict[str, NDArray[Any]],
    reference: Mapping[str, Variable],
    shape: tuple[int, ...],
    tails: Mapping[str, list[Any]],
    at: tuple[int, ...],
    record: Mapping[str, Any],
) -> None:
    """Put one record into the arrays, which are made when a name first occurs."""
    for name, value in record.items():
        if name not in reference:
            continue
        v = reference[name]
        if name not in arrays:
            full = shape + ((len(tails[v.extra]),) if v.extra else ())
            arrays[name] = np.full(full, np.nan if v.dtype.startswith("float") else 0, v.dtype)
        if name == "evidence":
            arrays[name][at] = EVIDENCE_FLAGS.index(value)
        elif isinstance(value, list):
            arrays[name][at] = [np.nan if x is None else x for x in value]
        else:
            arrays[name][at] = np.nan if value is None else value
