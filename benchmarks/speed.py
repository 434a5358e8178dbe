"""Speed of matrices and figures, with the machine's own limit beside each.

    uv run python benchmarks/speed.py [matrix] [figures] [stream] [--models 1000] [--devices 50] [--out DIR]

``matrix``: a matrix of 1,000 models × 50 devices × 3 precisions × 8 batch sizes to netCDF, beside writing the same
bytes to netCDF alone. ``figures``: the guide's five kinds of figures of the default matrix, beside an empty matplotlib
figure of the same number of pages. ``stream``: so many million cells (``--millions``) to a file in constant memory.
Wall time, processor time of this process, and the largest resident memory are printed.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from hwpredict import HardwareModelPredictor, matrix as m
from hwpredict.catalog import devices, models

KINDS_OF_DEVICE = ("gpu", "cpu", "tpu", "npu")


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Print what a block takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{name:<58} {wall:8.1f} s wall {cpu:8.1f} s CPU {memory:7.0f} MB RSS", flush=True)


def grid(n_models: int, n_devices: int, batch_sizes: int = 8) -> m.Grid:
    """A grid of catalogued models and devices."""
    names = models.known()[:: max(len(models.known()) // n_models, 1)][:n_models]
    known = [d.name for d in devices.catalog().values() if d.kind in KINDS_OF_DEVICE and (d.year or 0) >= 2017]
    chosen = known[:: max(len(known) // n_devices, 1)][:n_devices]
    return m.make_grid(names, [2**k for k in range(batch_sizes)], chosen, ("fp32", "fp16", "int8"))


def show(done: int, total: int) -> None:
    """Progress, for those who wait."""
    print(f"\r{done:,} of {total:,} cells", end="\n" if done == total else "", flush=True)


def large_matrix(n_models: int, n_devices: int, folder: Path) -> None:
    """Predict and write a large matrix, then the same bytes alone."""
    posterior = HardwareModelPredictor().posterior
    plan = m.Plan(grid(n_models, n_devices))
    print(f"matrix of {' × '.join(map(str, plan.grid.shape))} = {plan.grid.size:,} cells")
    with timed("predicted and written to netCDF"):
        m.write(plan, posterior, folder / "large.nc", progress=show)
    data = m.open_matrix(folder / "large.nc").load()
    with timed("the same bytes to netCDF, nothing predicted"):
        m.save(data, folder / "again.nc")


def figures(folder: Path) -> None:
    """Draw the guide's five kinds of figures."""
    from matplotlib.figure import Figure

    from hwpredict.plots import style, visualize

    data = HardwareModelPredictor().create_hardware_prediction_matrix().dataset
    with timed("the guide's five kinds of figures, default matrix"):
        files = visualize(data, folder / "figures")
    with timed(f"{len(files)} empty figures of matplotlib, six axes each"):
        for i in range(len(files)):
            figure = Figure(figsize=(3.5, 8.5), layout="constrained")
            figure.subplots(3, 2)
            style.save(figure, folder / f"empty_{i}.png")


def stream(millions: float, folder: Path) -> None:
    """Write a matrix of millions of cells."""
    posterior = HardwareModelPredictor().posterior
    n = max(int(millions * 1e6 / (200 * 3 * 16)), 1)
    plan = m.Plan(grid(n, 200, 16))
    with timed(f"{plan.grid.size / 1e6:.1f} million cells streamed to Zarr"):
        m.write(plan, posterior, folder / "stream.zarr", progress=show)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", nargs="*", default=["matrix", "figures"], help="matrix, figures, stream")
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--millions", type=float, default=50.0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = args.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"numpy {np.__version__}")
        for what in args.what:
            if what == "matrix":
                large_matrix(args.models, args.devices, folder)
            elif what == "figures":
                figures(folder)
            elif what == "stream":
                stream(args.millions, folder)
            else:
                raise SystemExit(f"unknown part {what!r}: matrix, figures or stream")


if __name__ == "__main__":
    main()
