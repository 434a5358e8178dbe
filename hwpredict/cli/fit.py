"""``hwpredict fit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwpredict.cli import inputs, options as o, output


def fit(
    database: Annotated[
        Path, typer.Option("--database", help="Measurements: DuckDB store, Parquet or CSV.", exists=True)
    ],
    out: Annotated[Path, typer.Option("--output-file", "-o", help="Posterior to write (.nc).")] = Path("posterior.nc"),
    source: Annotated[list[str] | None, typer.Option("--source", help="Only these sources; several allowed.")] = None,
    iterations: Annotated[int | None, typer.Option("--iterations", min=1)] = None,
    checkpoint: Annotated[Path | None, typer.Option("--checkpoint", help="Resume from and save to this .npz.")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="CSV of the least believable measurements.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the fit.")] = 0,
    format: o.Format = "table",
) -> None:
    """Fit the model to measurements and save the posterior."""
    output.check_format(format)
    inputs.check_folder(out)
    from hwpredict.performance.fit import ITERATIONS, fit as fit_rows
    from hwpredict.store import read_measurements

    frame = read_measurements(database, sources=source)
    typer.echo(f"{len(frame):,} rows from {database}", err=True)

    def progress(iteration: int, record: dict[str, float]) -> None:
        typer.echo(
            f"iteration {iteration + 1}: median absolute residual {record['residual']:.4f}, "
            f"largest move {record['step']:.3f}, {record['seconds']:.0f} s",
            err=True,
        )

    posterior = fit_rows(
        frame, iterations=iterations or ITERATIONS, seed=seed, checkpoint=checkpoint, progress=progress, report=report
    )
    posterior.save(out)
    output.record(format, f"Posterior of {len(frame):,} rows", {
        "posterior": str(out), "fingerprint": posterior.fingerprint, "rows": len(frame),
        "levels": len(posterior.keys), "draws": posterior.n_draws, "seed": seed,
    })  # fmt: skip
