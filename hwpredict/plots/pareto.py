"""Pareto front: what throughput can be had within a latency, with the uncertainty of the front itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import InvalidWorkloadError, NothingToShowError
from hwpredict.plots import ends, labels, panels, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

MARGIN = 0.42
HEIGHT = 2.4
#: Options on the front with at least this probability are named.
NAMED = 0.1


def attainable(latency: Array, throughput: Array, limits: Array) -> Array:
    """Highest throughput of any option within each latency limit, draw by draw.

    Parameters
    ----------
    latency, throughput : ndarray, shape (option, draw)
    limits : ndarray, shape (limit,)

    Returns
    -------
    ndarray, shape (limit, draw)
        0 where nothing is quick enough.
    """
    out = np.zeros((len(limits), latency.shape[1]))
    for i, limit in enumerate(limits):
        out[i] = np.where(latency <= limit, throughput, 0.0).max(axis=0)
    return out


def on_front(latency: Array, throughput: Array) -> Array:
    """Probability that no other option is both quicker and higher in throughput, shape (option,)."""
    n = len(latency)
    front = np.ones(latency.shape, dtype=bool)
    for i in range(n):
        beaten = (latency <= latency[i]) & (throughput >= throughput[i])
        beaten &= (latency < latency[i]) | (throughput > throughput[i])
        front[i] = ~beaten.any(axis=0)
    return front.mean(axis=1)


@style.styled
def pareto(
    data: xr.Dataset,
    model: str | None = None,
    *,
    precision: str | None = None,
    sequence_length: int | None = None,
    phase: str | None = None,
) -> Figure:
    """Latency against throughput of every hardware at every batch size, and the front that is attainable.

    Parameters
    ----------
    data : xarray.Dataset
        A prediction matrix with its draws.
    model : str, optional
        The first by default.
    precision, sequence_length, phase
        The slice drawn.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InvalidWorkloadError
        The matrix holds no draws: a front is a matter of all options at once. Or nothing can run (a subclass).
    """
    if "latency_draw" not in data:
        raise InvalidWorkloadError(
            "a Pareto front needs the draws: make the matrix with --keep-draws (keep_draws=True)"
        )
    first = data["model"].to_numpy()[0] if model is None else model
    part = panels.pick(data, model=first, precision=precision, sequence_length=sequence_length, phase=phase)
    flat = part[["latency_draw", "throughput_draw"]].stack(option=["hardware", "batch_size"])
    latency = flat["latency_draw"].transpose("option", "draw").to_numpy().astype(float)
    throughput = flat["throughput_draw"].transpose("option", "draw").to_numpy().astype(float)
    runs = np.isfinite(latency).all(axis=1)
    if not runs.any():
        raise NothingToShowError(f"a Pareto front needs an option that can run: {first} has none in this slice")
    latency, throughput = latency[runs], throughput[runs]
    options: list[Any] = [o for o, r in zip(flat["option"].to_numpy().tolist(), runs, strict=True) if r]
    hardware = part["hardware"].to_numpy().tolist()
    looks = dict(zip(hardware, (style.look(p) for p in panels.platforms_of(part)), strict=True))
    short = dict(zip(hardware, labels.shortened(hardware), strict=True))
    chance = on_front(latency, throughput)
    x, y = np.median(latency, axis=1), np.median(throughput, axis=1)
    limits = np.geomspace(x.min() / 2, x.max() * 1.5, 120)
    front = np.quantile(attainable(latency, throughput, limits), (0.05, 0.25, 0.5, 0.75, 0.95), axis=1)
    fig = style.new_figure(style.COLUMN, HEIGHT + 0.95)
    ax = fig.subplots()
    bottom = float(y.min()) / 1.5
    front = np.maximum(front, bottom)  # where nothing may be quick enough the band reaches the axis
    ax.fill_between(limits, front[0], front[4], step="post", color=style.NEUTRAL[3], lw=0)
    ax.fill_between(limits, front[1], front[3], step="post", color=style.NEUTRAL[2], lw=0)
    ax.step(limits, front[2], where="post", color=style.NEUTRAL[0], lw=0.9)
    for (name, _), a, b, c in zip(options, x, y, chance, strict=True):
        ax.scatter(
            a, b, s=5 + 45 * c, marker=looks[name].marker, color=looks[name].colour, alpha=0.35 + 0.65 * min(c * 3, 1),
            lw=0, zorder=3,
        )  # fmt: skip
    ax.set_xlim(limits[0], limits[0] * (limits[-1] / limits[0]) ** (1 / (1 - MARGIN)))
    ax.set_ylim(bottom, front[4].max() * 1.2)
    panels.log_axis(ax, "x", upto=float(limits[-1]))
    panels.log_axis(ax, "y", most=5)
    ax.set_xlabel("latency of a step (ms)", loc="left")
    ax.set_ylabel("items s⁻¹")
    likely = sorted((i for i in range(len(options)) if chance[i] >= NAMED), key=lambda i: -chance[i])[:20]
    ends.name_ends(
        ax, [(x[i], y[i]) for i in likely],
        [short[options[i][0]] for i in likely],
        [looks[options[i][0]].colour for i in likely], start=1 - MARGIN + 0.02, height=HEIGHT,
        tails=[f", {options[i][1]}: {chance[i]:.0%}" for i in likely],
    )  # fmt: skip
    _legend(fig, part)
    title = f"{labels.short_model(str(first))}, {part.precision.item()}: name, batch size and P(on the front)"
    fig.suptitle(title, fontsize=6.5, x=0.01, ha="left")
    return fig


def _legend(fig: Figure, part: xr.Dataset) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [h for h in panels.legend_handles(part.drop_vars("evidence")) if h.get_marker() not in ("", "None")]
    handles += [
        Line2D([], [], color=style.NEUTRAL[0], lw=0.9, label="front"),
        Patch(color=style.NEUTRAL[2], lw=0, label="50 %"),
        Patch(color=style.NEUTRAL[3], lw=0, label="90 %"),
    ]
    panels.add_legend(fig, handles)
