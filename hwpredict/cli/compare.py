"""``hwpredict compare``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwpredict.cli import options as o, output
from hwpredict.errors import InvalidWorkloadError

if TYPE_CHECKING:
    import xarray as xr


def compare(
    a: Annotated[Path, typer.Argument(help="A posterior (.nc).")],
    b: Annotated[Path, typer.Argument(help="Another.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Measurements that neither has seen: log density and calibration.")
    ] = None,
    loo: Annotated[
        bool, typer.Option("--loo", help="Both have seen the data: leave each figure out of its own density.")
    ] = False,
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
    if loo and data is None:
        raise InvalidWorkloadError("--loo leaves figures of the data out: give them with --data")
    grid = make_grid(gather(None))
    rows, _, _ = block_rows(grid, tuple(slice(0, n) for n in grid.shape))
    names = (a.stem, b.stem) if a.stem != b.stem else (str(a), str(b))
    tree = compare_posteriors(
        Posterior.load(a), Posterior.load(b), names=names, cells=rows, draws=draws, seed=seed or 0,
        measurements=None if data is None else read_measurements(data), seen=loo,
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
    from hwpredict.evaluate.compare import summary

    frame = tree["effects"].to_dataset().to_dataframe().reset_index().sort_values("wasserstein", ascending=False)
    records: list[dict[str, Any]] = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
    if format == "csv":
        output.dump_csv(records)
        return
    predictions = summary(tree["predictions"].to_dataset())
    scores = tree["elpd"].to_dataset().to_dataframe().reset_index().to_dict("records") if "elpd" in tree else []
    names = str(tree.attrs["names"]).split()
    if format == "json":
        moved = tree["levels"].to_dataset().to_dataframe().reset_index().to_dict("records")
        output.dump_json(
            {"names": names, "effects": records, "levels": moved, "predictions": predictions, "elpd": scores}
        )
        return
    columns = ("effect", "levels", "common", "Wasserstein", "overlap", "contraction", "scale")
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
    first, second = names
    output.table(
        f"{first} → {second}: groups of parameters, the most moved first (Wasserstein distance in log units)",
        columns,
        rows,
    )
    for p in predictions:
        low, high = (output.figure(p[f"ratio_{q}"]) for q in ("low", "high"))
        print(
            f"{p['metric']} of {p['cells']} cells of the default matrix: {output.figure(p['ratio'])} times that of "
            f"{first} ({low} to {high} in 90 % of the cells), intervals {output.figure(p['width_ratio'])} times as wide"
        )
    for s in scores:
        print(
            f"{s['metric']}: {'leave-one-out ' if 'unreliable_a' in s else ''}log density of {s['n']:.0f} figures is "
            f"{s['difference']:+.1f} nats higher by {second} "
            f"(standard error {s['error']:.1f}; {s['error_by_source']:.1f} if sources are the independent units)"
        )
        inside = [f"{output.share(s[f'coverage_{level}_{tag}'])}" for level in (50, 90) for tag in "ab"]
        print(f"  intervals cover (50 %) {inside[0]} → {inside[1]}, (90 %) {inside[2]} → {inside[3]}")
        if "unreliable_a" in s:
            print(
                f"  densities not to be trusted, as too much hangs on their figure: {output.share(s['unreliable_a'])} "
                f"by {first}, {output.share(s['unreliable_b'])} by {second}; a fit without them would tell"
            )
