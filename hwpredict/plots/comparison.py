"""Two posteriors side by side: shift of each group of parameters, and of predictions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwpredict.plots import panels, style
from hwpredict.plots.calibration import calibration

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

#: Groups of parameters shown: those that moved most.
SHOWN = 30
#: Characters of the name of a posterior that fit twice into a title; of a longer one the end is shown.
NAME = 28


@style.styled
def effect_shift(effects: xr.Dataset, names: tuple[str, str] = ("a", "b")) -> Figure:
    """Mean Wasserstein distance, overlap and contraction of each group of parameters, the most moved first.

    Parameters
    ----------
    effects : xarray.Dataset
        Group ``effects`` of :func:`hwpredict.evaluate.compare.compare`.
    names : pair of str

    Returns
    -------
    matplotlib.figure.Figure
    """
    ranked = np.argsort(-np.nan_to_num(effects["wasserstein"].to_numpy(), nan=-1.0), kind="stable")
    order = [int(i) for i in ranked if effects["levels_common"].to_numpy()[i] > 0][:SHOWN]
    part = effects.isel(effect=order)
    n = len(order)
    fig = style.new_figure(style.COLUMN, 0.13 * n + 0.8)
    axes = fig.subplots(1, 3, width_ratios=[1.2, 1, 1])
    y = np.arange(n)
    axes[0].hlines(y, 0, part["wasserstein"], color=style.NEUTRAL[2], lw=0.8)
    axes[0].scatter(part["wasserstein"], y, s=9, color=style.NEUTRAL[0], zorder=3)
    axes[0].set_xlabel("Wasserstein")
    axes[1].scatter(part["overlap"], y, s=9, color=style.NEUTRAL[0], zorder=3)
    axes[1].set_xlim(-0.05, 1.05)
    axes[1].set_xlabel("overlap")
    for tag, colour, marker in zip("ab", style.PAIR, "os", strict=True):
        axes[2].scatter(part[f"contraction_{tag}"], y, s=8, color=colour, marker=marker, label=names["ab".index(tag)],
                        zorder=3, alpha=0.8)  # fmt: skip
    axes[2].set_xlim(-0.05, 1.05)
    axes[2].set_xlabel("contraction")
    for i, ax in enumerate(axes):
        ax.set_ylim(n - 0.4, -0.6)
        ax.set_yticks(y if i == 0 else [], part["effect"].to_numpy().tolist() if i == 0 else [])
        ax.tick_params(axis="y", length=0, labelsize=6)
        ax.spines["left"].set_visible(False)
        ax.grid(axis="x")
    axes[0].set_xlim(0, None)
    fig.legend(*axes[2].get_legend_handles_labels(), loc="outside lower right", ncols=2, handletextpad=0.2)
    return fig


@style.styled
def prediction_shift(predictions: xr.Dataset, names: tuple[str, str] = ("a", "b")) -> Figure:
    """Ratio of medians and of interval widths, per metric and platform: median and 5 to 95 % of the cells.

    Parameters
    ----------
    predictions : xarray.Dataset
        Group ``predictions`` of :func:`hwpredict.evaluate.compare.compare`.
    names : pair of str

    Returns
    -------
    matplotlib.figure.Figure
    """
    platforms = sorted(set(predictions["hardware"].to_numpy().tolist()))
    metrics = predictions["metric"].to_numpy().tolist()
    n = len(platforms)
    fig = style.new_figure(style.COLUMN, len(metrics) * (0.15 * n + 0.4) + 0.5)
    grid = fig.subplots(len(metrics), 2, squeeze=False)
    for at, (row, metric) in enumerate(zip(grid, metrics, strict=True)):
        one = predictions.sel(metric=metric)
        for ax, name, text in zip(row, ("log_ratio", "width_ratio"), ("medians", "widths of intervals"), strict=True):
            for i, platform in enumerate(platforms):
                values = one[name].to_numpy()[one["hardware"].to_numpy() == platform]
                values = values[np.isfinite(values)]
                if not len(values):
                    continue
                values = np.exp(values) if name == "log_ratio" else values
                low, median, high = np.quantile(values, (0.05, 0.5, 0.95))
                seen = style.look(platform)
                ax.plot([low, high], [i, i], color=seen.colour, lw=1)
                ax.plot([median], [i], color=seen.colour, marker=seen.marker, ms=3.5)
            ax.axvline(1, color=style.NEUTRAL[1], lw=0.6, zorder=0)
            ax.set_ylim(n - 0.5, -0.5)
            ax.set_yticks(range(n) if ax is row[0] else [], platforms if ax is row[0] else [])
            ax.tick_params(axis="y", length=0)
            ax.set_title(metric, fontsize=6.5)
            if name == "log_ratio":
                panels.log_axis(ax, "x", most=3)
            ax.grid(axis="x")
            if at == len(metrics) - 1:
                ax.set_xlabel(f"ratio of {text}")
    first, second = (n if len(n) <= NAME else "…" + n[1 - NAME :] for n in names)
    fig.suptitle(f"{second} / {first}", fontsize=7.5, x=0.01, ha="left")
    return fig


def draw_comparison(tree: xr.DataTree, output_dir: str | os.PathLike[str], *, format: str = "png") -> list[Path]:
    """Draw every figure that a comparison has the data for.

    Parameters
    ----------
    tree : xarray.DataTree
        Of :func:`hwpredict.evaluate.compare.compare`.
    output_dir : path
    format : {"png", "svg", "pdf"}

    Returns
    -------
    list of pathlib.Path
    """
    first, second = (n.replace("_", " ") for n in str(tree.attrs["names"]).split())
    names, folder = (first, second), Path(output_dir)
    out = [style.save(effect_shift(tree["effects"].to_dataset(), names), folder / f"effect_shift.{format}")]
    if "predictions" in tree.children:
        figure = prediction_shift(tree["predictions"].to_dataset(), names)
        out.append(style.save(figure, folder / f"prediction_shift.{format}"))
    if "calibration_a" in tree.children:
        both = {n: tree[f"calibration_{tag}"].to_dataset() for n, tag in zip(names, "ab", strict=True)}
        out.append(style.save(calibration(both), folder / f"calibration.{format}"))
    return out
