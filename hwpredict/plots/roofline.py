"""Roofline: what a device reaches at each arithmetic intensity, beside its data sheet and what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwpredict.plots import labels, panels, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure


@style.styled
def roofline(data: xr.Dataset) -> Figure:
    """The data sheet's roof, the posterior's bands for a model nobody measured, and measured points.

    Parameters
    ----------
    data : xarray.Dataset
        Of :func:`hwpredict.evaluate.roofline_curve.roofline_curve`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    x, q = data["intensity"].to_numpy(), data["rate_quantile"].transpose("intensity", "quantile").to_numpy()
    colour = style.look(str(data.attrs["platform"])).colour
    fig = style.new_figure(style.COLUMN, 2.5)
    ax = fig.subplots()
    ax.fill_between(x, q[:, 0], q[:, -1], color=panels.tint(colour, 0, 3), alpha=0.35, lw=0, label="90 %")
    ax.fill_between(x, q[:, 1], q[:, -2], color=panels.tint(colour, 1, 3), alpha=0.5, lw=0, label="50 %")
    ax.plot(x, q[:, 2], color=colour, lw=1.2, label="median, model not measured")
    ax.plot(x, data["roof"], color=style.NEUTRAL[0], lw=1.0, ls=(0, (4, 2)), label="data sheet")
    seen = "point_rate" in data and data.sizes.get("point", 0)
    if seen:
        ax.scatter(
            data["point_intensity"], data["point_rate"], s=3, color=style.NEUTRAL[0], alpha=0.45, lw=0, zorder=3,
            label=f"measured ({data.sizes['point']:,})",
        )  # fmt: skip
    bottom = float(min(q[:, 0].min(), np.min(data["point_rate"])) if seen else q[:, 0].min())
    ax.set_ylim(bottom / 1.5, float(data["roof"].max()) * 2)
    ax.set_xlim(x[0], x[-1])
    panels.log_axis(ax, "x", most=5)
    panels.log_axis(ax, "y", lambda v, _: labels.figure(v / 1e12), most=5)
    ax.set_xlabel("arithmetic intensity (FLOP per byte)")
    ax.set_ylabel("TFLOP s⁻¹")
    ax.legend(loc="lower right", handlelength=1.6)
    ax.set_title(f"{labels.short_device(str(data.attrs['device']))}, {data.attrs['precision']}")
    return fig
