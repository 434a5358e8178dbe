"""Figures of scores: sharpness, coverage, calibration."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import xarray as xr

from harness.results import ALL, PIT_BINS
from harness.tables import COVERAGE
from rivals.table import METHODS, MODEL

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

_MARKERS = dict(zip(METHODS, "oDs^vP<>X", strict=True))
_COLOURS = dict(zip(METHODS, ("black", *(f"C{i}" for i in range(len(METHODS) - 1))), strict=True))
#: CRPS at which a method that is off by orders of magnitude is drawn: the table has the figure.
WORST = 2.0


def present(scores: xr.Dataset, metric: str) -> list[str]:
    """Splits in which anything was scored on the metric."""
    n = scores.n.sel(metric=metric, group=ALL)
    return [str(s) for s in scores.split.values if n.sel(split=s).notnull().any()]


def dots(scores: xr.Dataset, variable: str, label: str, band: tuple[float, float] | None = None) -> Figure:
    """One panel a metric, one line a split, one marker a method."""
    metrics = [str(m) for m in scores.metric.values if present(scores, str(m))]
    heights = [len(present(scores, m)) + 0.8 for m in metrics]
    figure, axes = plt.subplots(
        len(metrics), 1, figsize=(8, 0.42 * sum(heights) + 1.2), squeeze=False, height_ratios=heights,
        layout="constrained",
    )  # fmt: skip
    for ax, metric in zip(axes[:, 0], metrics, strict=True):
        splits = present(scores, metric)
        for method in scores.predictor.values:
            values = scores[variable].sel(metric=metric, group=ALL, predictor=method, split=splits).values
            values = np.minimum(values, WORST)
            ax.plot(
                values, np.arange(len(splits)), _MARKERS[method], color=_COLOURS[method], label=str(method),
                markersize=9 if method == MODEL else 6, alpha=1 if method == MODEL else 0.75,
            )  # fmt: skip
        ax.set_yticks(np.arange(len(splits)), splits)
        ax.set_ylim(len(splits) - 0.5, -0.5)
        ax.set_title(metric, loc="left", fontsize="medium")
        ax.grid(axis="y", alpha=0.3)
        if band is not None:
            ax.axvspan(*band, color="0.88", zorder=0)
        else:
            ax.set_xscale("log")
            ax.xaxis.set_major_formatter("{x:g}")
            ax.xaxis.set_minor_formatter("{x:.2g}")
            ax.tick_params(axis="x", which="both", labelsize="small")
    axes[-1, 0].set_xlabel(label)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize="small")
    return figure


def pit_histograms(scores: xr.Dataset) -> Figure | None:
    """Probability integral transforms of hwpredict; flat is calibrated. None if it was not run."""
    if MODEL not in scores.predictor.values:
        return None
    metrics = [str(m) for m in scores.metric.values if present(scores, str(m))]
    splits = [str(s) for s in scores.split.values]
    figure, axes = plt.subplots(
        len(metrics), len(splits), figsize=(1.9 * len(splits) + 0.6, 1.5 * len(metrics) + 0.5), squeeze=False,
        sharex=True, sharey=True, layout="constrained",
    )  # fmt: skip
    for i, metric in enumerate(metrics):
        for j, split in enumerate(splits):
            share = scores.pit.sel(metric=metric, split=split, predictor=MODEL).values * PIT_BINS
            axes[i, j].bar((np.arange(PIT_BINS) + 0.5) / PIT_BINS, share, 1 / PIT_BINS, color="0.5")
            axes[i, j].axhline(1, color="black", linewidth=0.8)
            if i == 0:
                axes[i, j].set_title(split, fontsize="small")
        axes[i, 0].set_ylabel(metric, fontsize="small")
    figure.supxlabel("predictive quantile of the measurement", fontsize="small")
    return figure


def draw(scores: xr.Dataset, folder: Path, name: str) -> list[Path]:
    """Write the figures of a file of scores and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "crps": dots(scores, "crps", "CRPS of log figures (less is better)"),
        "coverage": dots(scores, "coverage90", "share inside the 90 % interval", COVERAGE["coverage90"]),
        "pit": pit_histograms(scores),
    }
    out = []
    for kind, figure in figures.items():
        if figure is not None:
            out.append(folder / f"{name}-{kind}.png")
            figure.savefig(out[-1], dpi=110, metadata={"Software": None})
            plt.close(figure)
    return out
