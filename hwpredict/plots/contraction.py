"""k-shot contraction: how quickly a few measurements of a new device narrow its predictions, and whether rightly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hwpredict.plots import labels, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.figure import Figure

_ROWS = (
    ("medape", "median error", None),
    ("width90", "width of 90 % interval\n(log units)", None),
    ("coverage90", "coverage of\n90 % interval", 0.9),
)


@style.styled
def contraction(studies: Sequence[xr.Dataset]) -> Figure:
    """Error, width and coverage over the number of measurements, a line per device.

    Parameters
    ----------
    studies : sequence of xarray.Dataset
        Of :func:`hwpredict.evaluate.few_shots.few_shots`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fig = style.new_figure(style.COLUMN, 3.6)
    axes = fig.subplots(len(_ROWS), 1, sharex=True)
    for ax, (name, text, target) in zip(axes, _ROWS, strict=True):
        for j, data in enumerate(studies):
            seen = style.look(str(data.attrs.get("platform", "")))
            dash = [(0, ()), (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1))][j % 4]
            x = np.arange(data.sizes["shots"])
            values = data[name].transpose("shots", "repeat").to_numpy()
            label = labels.short_device(str(data.attrs.get("device", "")))
            ax.fill_between(x, values.min(axis=1), values.max(axis=1), color=seen.colour, alpha=0.15, lw=0)
            ax.plot(x, np.median(values, axis=1), color=seen.colour, ls=dash, marker=seen.marker, ms=3, label=label)
            ax.set_xticks(x, [str(k) for k in data["shots"].to_numpy()])
        if target is not None:
            ax.axhline(target, color=style.NEUTRAL[1], lw=0.6, ls=(0, (2, 2)))
            ax.set_ylim(0, 1.02)
            ax.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
        else:
            ax.set_ylim(0, None)
        if name == "medape":
            ax.yaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
        ax.set_ylabel(text, fontsize=6.5)
        ax.grid(axis="y")
    axes[0].legend(loc="upper right", handlelength=2.4)
    axes[-1].set_xlabel("measurements of the device")
    fig.align_ylabels()
    return fig
