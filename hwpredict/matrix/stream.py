"""Matrices larger than memory: predicted block by block, on this machine or a dask cluster, and written as computed.

Blocks go into a Zarr store beside the target (``matrix.nc.partial``), which remembers which of them are done: the same
call after an interruption goes on from there. The finished store takes the target's name, or is copied into one netCDF
file, block by block. What is written depends neither on the size of the blocks nor on who computed them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hwpredict.errors import HwpredictError, StoreError
from hwpredict.matrix import files
from hwpredict.matrix.block import Arrays, compute_block, compute_blocks
from hwpredict.matrix.dataset import attributes, coordinates, extra_sizes, selected, variable_dims
from hwpredict.matrix.plan import BLOCK_CELLS, Block, Plan, block_shape, blocks
from hwpredict.performance.posterior import Posterior

type Progress = Callable[[int, int], None]

#: Blocks handed to each worker ahead of what is written: it never waits, and results do not pile up.
AHEAD = 2
#: Array of the store that marks the blocks that are written.
DONE = "block_written"


def write(
    plan: Plan,
    posterior: Posterior,
    path: files.PathLike,
    *,
    limit: int = BLOCK_CELLS,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Predict a plan and write it as it is computed; take up an interrupted run where it stopped.

    Parameters
    ----------
    plan : Plan
    posterior : Posterior
    path : path
        ``.nc`` or ``.zarr``; an existing matrix is replaced when the new one is complete.
    limit : int
        Cells predicted at a time.
    scheduler : str, optional
        Address of a dask.distributed scheduler (``tcp://host:8786``; extra ``dask``) whose workers predict.
    workers : int, optional
        Without a scheduler: that many processes on this machine, as a cluster of their own.
    progress : callable, optional
        Called with the cells done and their total, first with what was done before.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    StoreError
        It cannot be written, or the unfinished store beside it belongs to another matrix.
    UnknownNameError, InvalidWorkloadError
    """
    target = Path(path)
    ending = files.check_ending(target)
    if ending not in (".nc", ".zarr"):
        raise StoreError(f"{target} cannot be written piece by piece: choose .nc or .zarr")
    plan.check(posterior)
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        store = _open(plan, posterior, partial, limit, plain=ending == ".nc")
        every = list(blocks(plan.grid, tuple(store.attrs["block_shape"])))
        done = store[DONE][:]
        count, total = sum(_cells(b) for b, d in zip(every, done, strict=True) if d), plan.grid.size
        report = progress or (lambda *_: None)
        report(count, total)
        todo = [i for i, d in enumerate(done) if not d]
        sinks = {v.name: store[v.name] for v in selected(plan)}
        flags = store[DONE]
        for i, arrays in _results(plan, posterior, every, todo, scheduler, workers):
            for name, values in arrays.items():
                sinks[name][every[i]] = values
            flags[i] = 1
            count += _cells(every[i])
            report(count, total)
        _finish(plan, store, partial, target, every)
    except OSError as error:
        if isinstance(error, HwpredictError):
            raise
        raise StoreError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def _cells(block: Block) -> int:
    out = 1
    for s in block:
        out *= s.stop - s.start
    return out


def _open(plan: Plan, posterior: Posterior, partial: Path, limit: int, *, plain: bool) -> Any:
    """The unfinished store of this very matrix, made if there is none."""
    import zarr

    signature = plan.signature(posterior)
    if partial.exists():
        try:
            store = zarr.open_group(partial, mode="r+", zarr_format=2)
            found = store.attrs.get("signature")
        except (FileNotFoundError, ValueError) as error:
            raise StoreError(f"{partial} is in the way: delete it, or choose another name ({error})") from error
        if found == signature:
            return store
        if found is not None:
            raise StoreError(
                f"{partial} is an unfinished matrix with other models, hardware, settings or posterior: "
                "repeat that call to finish it, delete it, or choose another name"
            )
        shutil.rmtree(partial)  # interrupted before it was set up: nothing is in it
    head = coordinates(plan)
    head.attrs = attributes(plan, posterior)
    head.to_zarr(partial, mode="w", zarr_format=2, consolidated=False)
    store = zarr.open_group(partial, mode="r+", zarr_format=2)
    shape, sizes = block_shape(plan.grid, limit), extra_sizes(plan)
    for v in selected(plan):
        tail = (sizes[v.extra],) if v.extra else ()
        array = store.create_array(
            v.name,
            shape=plan.grid.shape + tail,
            chunks=shape + tail,
            dtype=v.dtype,
            fill_value=np.nan if v.dtype.startswith("float") else None,
            # what is copied into one netCDF file soon is compressed there
            compressors=None if plain else "auto",
        )
        array.attrs.update({"_ARRAY_DIMENSIONS": list(variable_dims(v, plan.grid))} | _plain(v.attributes()))
    n = sum(1 for _ in blocks(plan.grid, shape))
    flags = store.create_array(DONE, shape=(n,), chunks=(1,), dtype="uint8", fill_value=0)
    flags.attrs["_ARRAY_DIMENSIONS"] = ["block"]
    store.attrs.update({"block_shape": list(shape), "signature": signature})  # last: without it, nothing counts
    return store


def _plain(attrs: dict[str, Any]) -> dict[str, Any]:
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in attrs.items()}


def _results(
    plan: Plan,
    posterior: Posterior,
    every: Sequence[Block],
    todo: Sequence[int],
    scheduler: str | None,
    workers: int | None,
) -> Iterator[tuple[int, Arrays]]:
    """Blocks as they are computed: here, or by the workers of a cluster."""
    if scheduler is None and not workers:
        yield from zip(todo, compute_blocks(posterior, plan, [every[i] for i in todo]), strict=True)
        return
    from distributed import as_completed

    with _client(scheduler, workers) as client:
        shared = client.scatter(posterior, broadcast=True, hash=False)
        threads = max(sum(client.nthreads().values()), 1)
        waiting = iter(todo)

        def submit(i: int) -> Any:
            future = client.submit(compute_block, shared, plan, every[i], pure=False)
            numbers[future.key] = i
            return future

        numbers: dict[str, int] = {}
        first = [submit(i) for _, i in zip(range(AHEAD * threads), waiting, strict=False)]
        running = as_completed(first)
        for future in running:
            arrays = future.result()
            i = numbers.pop(future.key)
            future.release()
            following = next(waiting, None)
            if following is not None:
                running.add(submit(following))
            yield i, arrays


@contextmanager
def _client(scheduler: str | None, workers: int | None) -> Iterator[Any]:
    """A client of the cluster at an address, or of one made of processes here."""
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout="10s")
        except (OSError, TimeoutError, ValueError) as error:
            raise StoreError(
                f"no dask scheduler answers at {scheduler!r}: give the address that `dask scheduler` prints, "
                "e.g. tcp://10.0.0.1:8786"
            ) from error
        with client:
            yield client
        return
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _finish(plan: Plan, store: Any, partial: Path, target: Path, every: Sequence[Block]) -> None:
    """Give the finished store its name, or copy it into one netCDF file."""
    import zarr

    if target.suffix.casefold() == ".zarr":
        del store[DONE]
        for key in ("block_shape", "signature"):
            del store.attrs[key]
        zarr.consolidate_metadata(partial, zarr_format=2)
        files.replace(partial, target)
        return
    temporary = target.with_name(f".{target.name}.writing")
    _copy(plan, store, partial, temporary, every)
    files.replace(temporary, target)
    shutil.rmtree(partial)


def _copy(plan: Plan, store: Any, partial: Path, out: Path, every: Sequence[Block]) -> None:
    """NetCDF of a finished store, a block of a variable in memory at a time."""
    import xarray as xr
    from netCDF4 import Dataset

    large = {v.name: v for v in selected(plan)}
    with xr.open_zarr(partial, chunks=None, consolidated=False) as data:
        small = data.drop_vars([*large, DONE]).load()
        layout = files.encoding(data)
        # what xarray writes into "coordinates" of each variable, so that they are found again
        named = {
            n: " ".join(
                sorted(str(c) for c in data.coords if c not in data.dims and set(data[c].dims) <= set(data[n].dims))
            )
            for n in large
        }
    for key in ("block_shape", "signature"):
        small.attrs.pop(key, None)
    small.to_netcdf(out, engine="netcdf4", format="NETCDF4", encoding=files.encoding(small))
    with Dataset(out, "a") as f:
        for name, size in extra_sizes(plan).items():
            if name and name not in f.dimensions and any(v.extra == name for v in large.values()):
                f.createDimension(name, size)
        for name, v in large.items():
            options = {k: o for k, o in layout[name].items() if k != "_FillValue"}
            fill = np.float32(np.nan) if v.dtype.startswith("float") else False
            variable = f.createVariable(name, v.dtype, variable_dims(v, plan.grid), fill_value=fill, **options)
            variable.set_auto_maskandscale(False)
            variable.setncatts(v.attributes() | {"coordinates": named[name]})
            source = store[name]
            for block in every:
                variable[block] = source[block]
