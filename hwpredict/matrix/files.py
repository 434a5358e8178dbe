"""Matrices at rest: netCDF, Zarr, Parquet, CSV and the guide's JSON, written beside the target and then renamed."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from hwpredict.errors import InvalidWorkloadError, StoreError, unknown
from hwpredict.matrix.dataset import check_matrix, evidence
from hwpredict.matrix.grid import CELL_DIMS
from hwpredict.matrix.guide import from_guide, header, model_entries

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

type PathLike = str | os.PathLike[str]

#: Endings that a matrix can be written to.
ENDINGS = (".nc", ".zarr", ".json", ".parquet", ".csv")
#: Little is gained by more: the mantissas are noise.
COMPRESSION = 1
#: Cells of a netCDF chunk, at most.
CHUNK_CELLS = 100_000


def save(data: xr.Dataset, path: PathLike) -> Path:
    """Write a matrix in the format that the ending names.

    Parameters
    ----------
    data : xarray.Dataset
    path : path
        Ending in one of :data:`ENDINGS`. An existing file is replaced when the new one is complete.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    UnknownNameError
        No such ending.
    StoreError
        It cannot be written.
    """
    writers: Mapping[str, Callable[[xr.Dataset, Path], None]] = {
        ".nc": _netcdf, ".zarr": _zarr, ".json": _json, ".parquet": _parquet, ".csv": _csv,
    }  # fmt: skip
    check_matrix(data)
    target = Path(path)
    ending = check_ending(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            writers[ending](data, temporary)
            replace(temporary, target)
        finally:
            if temporary.is_dir():
                shutil.rmtree(temporary)
            else:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def check_ending(path: PathLike) -> str:
    """The ending of a path, if a matrix can be written to it.

    Raises
    ------
    UnknownNameError
    """
    ending = Path(path).suffix.casefold()
    if ending not in ENDINGS:
        raise unknown("ending of a matrix", ending or str(path), ENDINGS, hint=f"The ending of {path} is the format.")
    return ending


def replace(temporary: Path, target: Path) -> None:
    """Give a finished file or directory its name; a directory is replaced only if it is a Zarr store."""
    if target.is_dir():
        if not any((target / name).exists() for name in (".zgroup", "zarr.json")):
            raise StoreError(f"{target} is a directory, but no Zarr store: choose another name")
        old = target.with_name(f".{target.name}.old.{os.getpid()}")
        os.replace(target, old)
        os.replace(temporary, target)
        shutil.rmtree(old)
    else:
        os.replace(temporary, target)


def encoding(data: xr.Dataset) -> dict[str, dict[str, Any]]:
    """NetCDF encoding: compressed variables, coordinates without fill values (CF asks for none in them)."""
    out: dict[str, dict[str, Any]] = {}
    for name, variable in data.variables.items():
        if variable.dtype.kind not in "fiu":
            continue
        if name in data.coords or variable.dtype.kind != "f":
            out[str(name)] = {"_FillValue": None}
        else:
            out[str(name)] = {"_FillValue": np.float32(np.nan)}
        if name not in data.coords and variable.size > 1:
            chunk = chunk_sizes(variable.shape)
            out[str(name)] |= {"zlib": True, "complevel": COMPRESSION, "shuffle": True, "chunksizes": chunk}
    return out


def chunk_sizes(shape: tuple[int, ...], limit: int = CHUNK_CELLS) -> tuple[int, ...]:
    """Chunks of at most ``limit`` elements, whole in the inner dimensions."""
    out: list[int] = []
    for n in reversed(shape):
        out.append(max(min(n, limit // math.prod(out)), 1))
    return tuple(reversed(out))


def _netcdf(data: xr.Dataset, path: Path) -> None:
    data.to_netcdf(path, engine="netcdf4", format="NETCDF4", encoding=encoding(data))


def _zarr(data: xr.Dataset, path: Path) -> None:
    # format 2 has a settled specification of text; format 3 has none yet
    data.to_zarr(path, mode="w", zarr_format=2, consolidated=True)


def _json(data: xr.Dataset, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        write_json(data, file)


def write_json(data: xr.Dataset, file: TextIO) -> None:
    """Write the guide's JSON, model by model, so that a large matrix is never whole in memory as a dictionary."""
    head = header(data)
    names = data["model"].to_numpy().tolist()

    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    first = {k: head.pop(k) for k in ("timestamp", "mode")}
    file.write(dump(first)[:-1] + ',\n"models": {')
    for i, name in enumerate(names):
        file.write(f"{',' if i else ''}\n {dump(name)}: {dump(model_entries(data, i)[0])}")
    rest = {k: v for k, v in head["intervals"].items() if k != "predictions"}
    between = {k: v for k, v in head.items() if k not in ("models", "intervals")}
    file.write("},\n" + dump(between)[1:-1] + ',\n"intervals": ' + dump(rest)[:-1] + ', "predictions": {')
    for i, name in enumerate(names):
        file.write(f"{',' if i else ''}\n {dump(name)}: {dump(model_entries(data, i)[1])}")
    file.write("}}}\n")


def to_dataframe(data: xr.Dataset) -> pd.DataFrame:
    """One row a cell that can run, with medians, quantiles (``latency_q5`` …), probabilities and evidence.

    Returns
    -------
    pandas.DataFrame
    """
    dims = [d for d in (*CELL_DIMS, "phase") if d in check_matrix(data).dims]
    flat = data[[n for n in data.data_vars if set(data[n].dims) == set(dims)]]
    if "evidence" in flat:
        flat = flat.assign(evidence=evidence(data))
    for name in [n for n in data.data_vars if str(n).endswith("_quantile")]:
        metric = str(name).removesuffix("_quantile")
        for q in data["quantile"].to_numpy().tolist():
            flat[f"{metric}_q{100 * q:g}"] = data[name].sel(quantile=q, drop=True)
    if "time_share" in data:
        for part in data["part"].to_numpy().tolist():
            flat[f"share_{part}"] = data["time_share"].sel(part=part, drop=True)
    keep = [c for c in flat.coords if set(flat[c].dims) <= set(dims)]
    frame = flat[list(flat.data_vars)].reset_coords([c for c in keep if c not in dims]).to_dataframe(dim_order=dims)
    return frame[frame["throughput"].notna()].reset_index()


def _parquet(data: xr.Dataset, path: Path) -> None:
    frame = to_dataframe(data)
    frame.attrs = {k: (v.item() if isinstance(v, np.generic) else v) for k, v in data.attrs.items()}
    frame.to_parquet(path, index=False)


def _csv(data: xr.Dataset, path: Path) -> None:
    to_dataframe(data).to_csv(path, index=False)


def open_matrix(path: PathLike, *, chunks: Any = None) -> xr.Dataset:
    """Read a matrix from netCDF, Zarr or the guide's JSON.

    Parameters
    ----------
    path : path
    chunks : optional
        As in :func:`xarray.open_dataset`: dask arrays (extra ``dask``); by default the figures are read when they are
        looked at.

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    StoreError
        There is no such file, or it cannot be read.
    InvalidWorkloadError
        It holds no matrix.
    """
    import xarray as xr

    file = Path(path)
    if not file.exists():
        raise StoreError(f"no matrix at {file}: make one with `hwpredict matrix -o {file}`")
    ending = file.suffix.casefold()
    try:
        if ending == ".json":
            return from_guide(json.loads(file.read_text(encoding="utf-8")))
        if ending == ".zarr":
            data = xr.open_zarr(file, chunks=chunks)
        elif ending in (".parquet", ".csv"):
            raise InvalidWorkloadError(f"{file} is a flat table: give the .nc, .zarr or .json of the matrix")
        else:
            data = xr.open_dataset(file, engine="netcdf4", chunks=chunks)
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, InvalidWorkloadError):
            raise
        raise StoreError(f"cannot read a matrix from {file}: {error}") from error
    return check_matrix(data)
