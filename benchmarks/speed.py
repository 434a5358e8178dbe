"""Speed of matrices and figures, with the machine's own limit beside each.

    uv run python benchmarks/speed.py [start] [warm] [million] [matrix] [figures] [stream] [--models 1000] [--out DIR]

``start``: ``hwpredict recommend`` and ``import hwpredict`` in processes of their own, beside ``import xarray``.
``warm``: loading the shipped posterior, and one cell when everything is loaded. ``million``: a million cells × 3
metrics × 400 draws to five quantiles, beside the elementary functions that this takes in a bare compiled loop, once as
numba compiles ``math`` and once the kernel's own. ``matrix``: a matrix of 1,000 models × 50 devices × 3 precisions ×
8 batch sizes to netCDF, beside writing the same bytes to netCDF alone. ``figures``: the guide's five kinds of figures
of the default matrix, beside an empty matplotlib figure of the same number of pages. ``stream``: so many million cells
(``--millions``) to a file in constant memory. Wall time, processor time of this process, and the largest resident
memory are printed.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np

from hwpredict import HardwareModelPredictor, matrix as m
from hwpredict.catalog import devices, models
from hwpredict.matrix.block import block_rows
from hwpredict.performance.predictive import predict, processors

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


QUERY = ("recommend", "bert-base-uncased", "--batch-size", "8", "--precision", "fp16")
CELL = {"model": "bert-base-uncased", "hardware": "cuda", "device": "NVIDIA T4", "precision": "fp16", "batch_size": 8}
DRAWS, QUANTILES = 400, (0.05, 0.25, 0.5, 0.75, 0.95)


def start() -> None:
    """Processes of their own, one after the other, three times each; the quickest counts."""
    commands = {
        "hwpredict " + " ".join(QUERY): ("-m", "hwpredict", *QUERY),
        "python -c 'import xarray'": ("-c", "import xarray"),
        "python -c 'import hwpredict'": ("-c", "import hwpredict"),
        "python -c pass": ("-c", "pass"),
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(4):
        for name, arguments in commands.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            taken[name].append(time.perf_counter() - began)
    for name, times in taken.items():
        print(f"{name:<76} {min(times[1:]):6.2f} s ({max(times[1:]):.2f} at most)")


def warm() -> None:
    """Load the posterior; predict one cell when all is loaded."""
    predictor = HardwareModelPredictor()
    calls = {
        "loading models/reference.nc": lambda: HardwareModelPredictor().posterior,
        "predictor.predict of one cell": lambda: predictor.predict([CELL]),
        "predictor.predict_performance of one cell": lambda: predictor.predict_performance(
            CELL["model"], hardware="t4", batch_size=8, precision="fp16"
        ),
    }
    for name, call in calls.items():
        call()
        times = []
        for _ in range(50):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
        print(f"{name:<58} {1e3 * float(np.median(times)):8.1f} ms (best {1e3 * min(times):.1f})")


def million(cells: int) -> None:
    """Quantiles of so many cells, beside the bare functions."""
    plan = grid(max(cells // (50 * 3 * 8), 1), 50)
    rows, _, _ = block_rows(plan, tuple(slice(0, k) for k in plan.shape))
    posterior = HardwareModelPredictor().posterior
    posterior.deviations(np.arange(len(posterior.keys)))  # read beforehand

    def quantiles(n: int) -> None:
        few = {name: column[:n] for name, column in rows.items()}
        predict(posterior, few, draws=DRAWS, probabilities=QUANTILES, compiled=True)

    quantiles(64)  # compiled
    n = len(rows["model"])
    with timed(f"{n:,} cells × 3 metrics × {DRAWS} draws to 5 quantiles"):
        quantiles(n)
    for name, run in bare_functions().items():
        with timed(f"bare functions of as many draws, {name}"), ThreadPoolExecutor(processors()) as pool:
            parts = [n // processors()] * processors()
            list(pool.map(run, parts))


def bare_functions() -> dict[str, Callable[[int], float]]:  # noqa: C901 - six loops of two lines
    """Loops over cells with nothing but the functions that a draw takes: 14 exp, 2 log, and noise twice."""
    import numba

    from hwpredict.performance import loops

    exp, log, bits, student = loops.exp, loops.log, loops.random_bits, loops.student_4
    seed = np.uint64(7)

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        return cast(Callable[..., Any], numba.njit(nogil=True, error_model="numpy")(function))

    def loop(parts: Callable[..., Any], noise: Callable[..., Any]) -> Callable[[int], float]:
        def run(cells: int) -> float:
            x, out = np.linspace(0.1, 0.9, DRAWS).astype(np.float32), np.zeros(DRAWS, np.float32)
            for _ in range(cells):
                for _ in range(14):
                    parts(x, out)
                for _ in range(2):
                    noise(x, out)
                x[0] = out[0] * np.float32(1e-30) + np.float32(0.1)
            return float(out[0])

        run = compiled(run)
        run(1)
        return run

    @compiled
    def usual_parts(x: Any, out: Any) -> None:
        for d in range(len(x)):
            out[d] += math.exp(x[d])

    @compiled
    def usual_noise(x: Any, out: Any) -> None:
        for d in range(len(x)):  # a Student-t with four degrees of freedom: a normal over a chi-square
            out[d] += math.log(x[d])
            out[d] += math.sqrt(math.log(x[d]) / math.log(x[d] * x[d])) * math.cos(x[d])

    @compiled
    def own_parts(x: Any, out: Any) -> None:
        for d in range(len(x)):
            out[d] += exp(x[d])

    @compiled
    def own_noise(x: Any, out: Any) -> None:
        for d in range(len(x)):
            out[d] += log(x[d])
        for d in range(len(x)):
            out[d] += student(bits(seed, np.uint64(d + 1)))

    return {"numba's math": loop(usual_parts, usual_noise), "the kernel's own": loop(own_parts, own_noise)}


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
    n = min(max(int(millions * 1e6 / (200 * 3 * 16)), 1), len(models.known()))
    batch_sizes = math.ceil(millions * 1e6 / (n * 200 * 3))  # more than the catalogue's models: more batch sizes
    plan = m.Plan(grid(n, 200, batch_sizes))
    marks: list[str] = []

    def watch(done: int, total: int) -> None:
        if done * 10 // total > len(marks):
            now = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
            marks.append(f"{now:.0f}")
        show(done, total)

    with timed(f"{plan.grid.size / 1e6:.1f} million cells streamed to Zarr"):
        m.write(plan, posterior, folder / "stream.zarr", progress=watch)
    print(f"resident MB at each tenth: {' '.join(marks)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "what", nargs="*", default=["matrix", "figures"], help="start, warm, million, matrix, figures, stream"
    )
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--millions", type=float, default=50.0)
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = args.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"numpy {np.__version__}")
        for what in args.what:
            if what == "start":
                start()
            elif what == "warm":
                warm()
            elif what == "million":
                million(args.cells)
            elif what == "matrix":
                large_matrix(args.models, args.devices, folder)
            elif what == "figures":
                figures(folder)
            elif what == "stream":
                stream(args.millions, folder)
            else:
                raise SystemExit(f"unknown part {what!r}: start, warm, million, matrix, figures or stream")


if __name__ == "__main__":
    main()
