"""``hwpredict compare``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwpredict.cli import options as o, output

if TYPE_CHECKING:
    import xarray as xr


def compare(
    a: Annotated[Path, typer.Argument(help="A posterior (.nc).")],
    b: Annotated[Path, typer.Argument(help="Another.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Measurements that neither has seen: log density and calibration.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--output-file", "-o", help="Write all of it as netCDF.")] = None,
    output_dir: Annotated[Path | None, typer.Option("--output-dir", help="Draw the figures here.")] = None,
    figure_format: Annotated[str, typer.Option("--figure-format", help="png, svg or pdf.")] = "png",
    draws: Annotated[int, typer.Option("--draws", min=20)] = 400,
    seed: o.Seed = None,
    format: o.Format = "table",
) -> None:
    """Compare two posteriors: what moved, what it does to predictions, and which of them the data favour."""
    from hwpredict.evaluate.compare import compare as compare_posteriors
    from hwpredict.matrix import gather, make_grid
    from hwpredict.matrix.block import block_rows
    from hwpredict.performance.posterior import Posterior
    from hwpredict.store import read_measurements

    output.check_format(format)
    grid = make_grid(gather(None))
    rows, _, _ = block_rows(grid, tuple(slice(0, n) for n in grid.shape))
    names = (a.stem, b.stem) if a.stem != b.stem else (str(a), str(b))
    tree = compare_posteriors(
        Posterior.load(a), Posterior.load(b), names=names, cells=rows, draws=draws, seed=seed or 0,
        measurements=None if data is None else read_measurements(data),
    )  # fmt: skip
    if out is not None:
        temporary = out.with_name(f".{out.name}.{os.getpid()}")
        tree.to_netcdf(temporary, engine="netcdf4")
        os.replace(temporary, out)
    if output_dir is not None:
        from hwpredict.plots.comparison import draw_comparison

        for file in draw_comparison(tree, output_dir, format=figure_format):
            typer.echo(str(file), err=True)
    _show(tree, format)


def _show(tree: xr.DataTree, format: str) -> None:
    frame = tree["effects"].to_dataset().to_dataframe().reset_index().sort_values("wasserstein", ascending=False)
    records: list[dict[str, Any]] = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
    if format == "csv":
        output.dump_csv(records)
        return
    scores = tree["elpd"].to_dataset().to_dataframe().reset_index().to_dict("records") if "elpd" in tree else []
    if format == "json":
        moved = tree["levels"].to_dataset().to_dataframe().reset_index().to_dict("records")
        output.dump_json(
            {"names": str(tree.attrs["names"]).split(), "effects": records, "levels": moved, "elpd": scores}
        )
        return
    columns = ("effect", "levels", "common", "shift", "overlap", "contraction", "scale")
    rows = [
        [
            e["effect"],
            f"{e['levels_a']:.0f} → {e['levels_b']:.0f}",
            output.figure(e["levels_common"]),
            output.figure(e["wasserstein"]),
            output.figure(e["overlap"]),
            f"{output.share(e['contraction_a'])} → {output.share(e['contraction_b'])}",
            f"{output.figure(e['scale_a'])} → {output.figure(e['scale_b'])}",
        ]
        for e in records
    ]
    first, second = str(tree.attrs["names"]).split()
    output.table(f"{first} → {second}: groups of parameters, the most moved first (shift in log units)", columns, rows)
    for s in scores:
        print(
            f"{s['metric']}: log density of {s['n']:.0f} figures is {s['difference']:+.1f} nats higher by {second} "
            f"(standard error {s['error']:.1f}; {s['error_by_source']:.1f} if sources are the independent units)"
        )
