"""``hwpredict plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwpredict.cli import options as o


def plot(
    matrix: Annotated[
        Path | None, typer.Argument(help="A matrix (.nc, .zarr, .json); for roofline and shrinkage none is needed.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            help="hardware-comparison, batch-scaling, efficiency, memory-usage, precision-impact (the default); "
            "bottlenecks, best-hardware, pareto, all; roofline, shrinkage, calibration, contraction.",
        ),
    ] = None,
    output_dir: Annotated[Path, typer.Option("--output-dir", "-o", help="Folder.")] = Path("visualizations"),
    figure_format: Annotated[str, typer.Option("--figure-format", help="png, svg or pdf.")] = "png",
    precision: Annotated[str | None, typer.Option("--precision", help="The slice drawn.")] = None,
    batch_size: Annotated[int | None, typer.Option("--batch-size", "-b", help="The slice drawn.")] = None,
    seq_length: Annotated[int | None, typer.Option("--seq-length", help="The slice drawn.")] = None,
    phase: Annotated[str | None, typer.Option("--phase", help="The slice drawn.")] = None,
    hardware: o.Hardware = None,
    effect: Annotated[list[str] | None, typer.Option("--effect", help="Effects whose shrinkage is drawn.")] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Measurements: of a roofline, a calibration, a contraction.")
    ] = None,
    posterior: o.Posterior = None,
) -> None:
    """Draw figures of a matrix, of a posterior, or of a posterior beside measurements."""
    from hwpredict.errors import InvalidWorkloadError
    from hwpredict.plots import GUIDE_KINDS, POSTERIOR_KINDS, visualize, visualize_posterior

    kinds = kind or list(GUIDE_KINDS)
    of_posterior = [k for k in kinds if k in POSTERIOR_KINDS]
    of_matrix = [k for k in kinds if k not in POSTERIOR_KINDS]
    files: list[Path] = []
    if of_matrix:
        from hwpredict.matrix import open_matrix

        if matrix is None:
            raise InvalidWorkloadError(f"{', '.join(of_matrix)} shows a matrix: name its file")
        with open_matrix(matrix) as table:
            files += visualize(
                table.load(), output_dir, kinds=of_matrix if kind else None, format=figure_format,
                precision=precision, batch_size=batch_size, sequence_length=seq_length, phase=phase,
            )  # fmt: skip
    if of_posterior:
        from hwpredict.cli import inputs

        files += visualize_posterior(
            inputs.predictor(posterior=posterior).posterior, output_dir, kinds=of_posterior, format=figure_format,
            hardware=hardware, precision=precision, effects=effect, measurements=_measurements(data),
        )  # fmt: skip
    for file in files:
        print(file)


def _measurements(path: Path | None) -> object:
    if path is None:
        return None
    from hwpredict.store import read_measurements

    return read_measurements(path)
