"""``hwpredict report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    matrix: Annotated[Path, typer.Argument(help="A matrix: .nc, .zarr or the guide's .json.")],
    out: Annotated[Path, typer.Option("--output-file", "-o", help="The page.")] = Path("report.html"),
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Figures; by default all that there are.")] = None,
    title: Annotated[str, typer.Option("--title", help="Heading.")] = "",
) -> None:
    """Write a matrix as one self-contained page with tables to sort and filter, figures and intervals."""
    from hwpredict.matrix import open_matrix
    from hwpredict.report.page import write_report

    with open_matrix(matrix) as data:
        path = write_report(data, out, kinds=kind, title=title)
    typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB", err=True)
