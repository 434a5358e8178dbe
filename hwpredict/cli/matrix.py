"""``hwpredict matrix``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwpredict.cli import inputs, options as o, output
from hwpredict.errors import InvalidWorkloadError

if TYPE_CHECKING:
    import xarray as xr

    from hwpredict.matrix.stream import Progress


def matrix(
    models: Annotated[list[str] | None, typer.Argument(help="Model names; by default one or two a family.")] = None,
    model: Annotated[list[str] | None, typer.Option("--model", help="The same as an option.")] = None,
    models_file: Annotated[Path | None, typer.Option("--models-file", help="TOML, JSON or text file.")] = None,
    family: o.Family = None,
    batch_size: Annotated[list[int] | None, typer.Option("--batch-size", "-b", help="Default 1 8 32.")] = None,
    seq_length: Annotated[list[int] | None, typer.Option("--seq-length", help="Tokens; default 128.")] = None,
    phase: Annotated[list[str] | None, typer.Option("--phase", help="forward, prefill, decode: a dimension.")] = None,
    mode: o.Mode = "inference",
    precision: Annotated[list[str] | None, typer.Option("--precision", help="Default fp32 fp16 int8.")] = None,
    hardware: o.Hardware = None,
    runtime: o.Runtime = None,
    n_devices: o.Devices = 1,
    quantile: Annotated[list[float] | None, typer.Option("--quantile", help="Default 0.05 0.25 0.5 0.75 0.95.")] = None,
    draws: Annotated[int | None, typer.Option("--draws", min=2, help="Predictive draws a cell (default 400).")] = None,
    keep_draws: Annotated[bool, typer.Option("--keep-draws", help="Write the draws as well.")] = False,
    on_unknown: o.OnUnknown = "error",
    posterior: o.Posterior = None,
    database: o.Database = None,
    benchmark_dir: o.BenchmarkDir = None,
    config: o.Config = None,
    seed: o.Seed = None,
    out: Annotated[
        Path | None, typer.Option("--output-file", "-o", help="Ending in .nc, .zarr, .json, .parquet or .csv.")
    ] = None,
    visualize: Annotated[bool, typer.Option("--visualize", help="Draw the figures, too.")] = False,
    output_dir: Annotated[Path, typer.Option("--output-dir", help="Where figures go.")] = Path("visualizations"),
    figure_format: Annotated[str, typer.Option("--figure-format", help="png, svg or pdf.")] = "png",
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Predict on this dask cluster (tcp://host:8786).")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Predict in so many processes here.")] = None,
    chunk_cells: Annotated[int | None, typer.Option("--chunk-cells", min=1, help="Cells at a time.")] = None,
    format: o.Format = "table",
) -> None:
    """Tabulate models × hardware × precisions × batch sizes × sequence lengths, with intervals."""
    from hwpredict import matrix as m
    from hwpredict.matrix.plan import BLOCK_CELLS, QUANTILES
    from hwpredict.query import resolve_targets

    output.check_format(format)
    predictor = inputs.predictor(
        posterior=posterior, database=database, benchmark_dir=benchmark_dir, config=config, seed=seed
    )
    named = [m.ModelSpec.of(n) for n in (*(models or []), *(model or []))]
    named = [replace(spec, family=spec.known_family or family) for spec in named]
    grid = m.make_grid(
        m.gather(named or None, models_file), batch_size,
        resolve_targets(hardware, predictor.config, runtime=runtime, n_devices=n_devices),
        precision, mode, seq_length, phase,
    )  # fmt: skip
    plan = m.Plan(grid, draws or predictor.draws, predictor.seed, tuple(quantile or QUANTILES), keep_draws, on_unknown)
    fitted = predictor.posterior
    limit = chunk_cells or BLOCK_CELLS
    ending = m.check_ending(out) if out is not None else ""
    streamed = ending in (".nc", ".zarr") and (grid.size > limit or scheduler or workers)
    if (scheduler or workers) and not streamed:
        raise InvalidWorkloadError("--scheduler and --workers write to a file: give -o with .nc or .zarr")
    if streamed and out is not None:
        with _bar(grid.size) as progress:
            m.write(plan, fitted, out, limit=limit, scheduler=scheduler, workers=workers, progress=progress)
        data = m.open_matrix(out)
    else:
        data = m.compute(plan, fitted, limit)
        if out is not None:
            m.save(data, out)
    if out is not None:
        typer.echo(f"{out}: {grid.size:,} cells ({' × '.join(map(str, grid.shape))})", err=True)
    if visualize:
        from hwpredict.plots import visualize as draw

        for file in draw(data, output_dir, format=figure_format):
            print(file)
    if out is None and (format != "table" or not visualize):
        _show(data, format)


@contextmanager
def _bar(total: int) -> Iterator[Progress]:
    """A progress bar on stderr, if somebody is looking."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("cells"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("cells", total=total)
        yield lambda done, _: bar.update(task, completed=done)


def _show(data: xr.Dataset, format: str) -> None:
    """The matrix on stdout."""
    from hwpredict.matrix.files import to_dataframe, write_json

    if format == "json":
        write_json(data, sys.stdout)
        return
    frame = to_dataframe(data)
    if format == "csv":
        frame.to_csv(sys.stdout, index=False)
        return
    axes = [c for c in ("model", "hardware", "precision", "batch_size", "sequence_length", "phase") if c in frame]
    axes = [c for c in axes if c in ("model", "hardware") or frame[c].nunique() > 1]
    q = [f"{100 * p:g}" for p in data["quantile"].to_numpy().tolist()]
    columns = [*axes, "items/s", "latency ms", "memory MB", "P(fits)", "P(best)", "evidence"]
    rows = [[*(str(row[c]) for c in axes), *_figures(row, q[0], q[-1])] for row in frame.to_dict("records")]
    title = f"{data['mode'].item()}: median [{q[0]} to {q[-1]} %]"
    output.table(title, columns, rows)


def _figures(row: dict[Any, Any], low: str, high: str) -> list[str]:
    spans = [output.span(row[m], row[f"{m}_q{low}"], row[f"{m}_q{high}"]) for m in ("throughput", "latency", "memory")]
    chances = ["–" if row[p] != row[p] else f"{row[p]:.0%}" for p in ("p_fits", "p_best")]
    return [*spans, *chances, str(row["evidence"])]
