"""Two posteriors side by side: which parameters moved, what that does to predictions, and which of them data favour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import InvalidWorkloadError
from hwpredict.evaluate.density import elpd_difference, log_density
from hwpredict.evaluate.leave_one_out import largest_k, leave_one_out
from hwpredict.evaluate.reliability import COLUMNS, from_draws
from hwpredict.performance import rows as r
from hwpredict.performance.cells import predict_cells
from hwpredict.performance.posterior import STEP, Posterior
from hwpredict.performance.predictive import predict

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

#: Levels listed: those that moved the farthest relative to their own spread.
TOP = 50


def compare(
    a: Posterior,
    b: Posterior,
    *,
    names: Sequence[str] = ("a", "b"),
    cells: r.Table | None = None,
    measurements: Any = None,
    seen: bool = False,
    draws: int = 400,
    seed: int = 0,
) -> xr.DataTree:
    """Compare two posteriors: of different versions of the model, or of different data.

    Parameters
    ----------
    a, b : Posterior
    names : pair of str
    cells : dict of str to ndarray, optional
        Rows on which predictions are compared (a common grid).
    measurements : pandas.DataFrame or mapping of columns, optional
        Rows with figures, best such that neither has seen: log densities and calibration.
    seen : bool
        Both have seen the measurements: log densities leave each figure out.
    draws, seed : int

    Returns
    -------
    xarray.DataTree
        ``effects`` (dim effect): see :func:`effect_shifts`; ``levels``: the levels that moved most; with ``cells``,
        ``predictions``: see :func:`prediction_shifts`; with ``measurements``, ``elpd``: see :func:`elpd`, and
        ``calibration_a`` and ``calibration_b`` (:func:`hwpredict.evaluate.reliability.from_draws`).
    """
    import xarray as xr

    effects, levels = effect_shifts(a, b)
    groups: dict[str, Any] = {"effects": effects, "levels": levels}
    if cells is not None:
        groups["predictions"] = prediction_shifts(a, b, cells, draws=draws, seed=seed)
    if measurements is not None:
        groups |= elpd(a, b, measurements, seen=seen, draws=draws, seed=seed)
    root = xr.Dataset(
        attrs={
            "title": "Comparison of two posteriors of hwpredict",
            "Conventions": "CF-1.11",
            "names": " ".join(n.replace(" ", "_") for n in names),
            "fingerprint_a": a.fingerprint,
            "fingerprint_b": b.fingerprint,
            "seed": seed,
            "draws": draws,
        }
    )
    return xr.DataTree.from_dict({"/": root} | {f"/{k}": v for k, v in groups.items()})


def effect_shifts(a: Posterior, b: Posterior) -> tuple[xr.Dataset, xr.Dataset]:
    """How far every group of parameters moved.

    Levels are matched by name, so that vocabularies may differ. Draws of a level are nearly Gaussian (the engine is a
    Laplace approximation), so the overlap of its two distributions is that of two normals.

    Returns
    -------
    effects : xarray.Dataset
        Dim ``effect`` (those of either posterior): ``levels_a``, ``levels_b``, ``levels_common``; over the common ones
        ``wasserstein`` (mean 1-Wasserstein distance, log units), ``overlap`` (mean overlapping coefficient, 1 = same),
        ``shift`` (root mean square of the difference of means over their joint standard deviation);
        ``contraction_a``, ``contraction_b`` (mean share of the population variance that is gone); ``scale_a``,
        ``scale_b`` (median population scale), ``prior_scale_a``, ``prior_scale_b``.
    levels : xarray.Dataset
        Dim ``level``: the :data:`TOP` levels that moved most, with ``mean_a``, ``mean_b``, ``sd_a``, ``sd_b``,
        ``count_a``, ``count_b``, ``z``.
    """
    import xarray as xr

    at = [{e.name: i for i, e in enumerate(p.effects)} for p in (a, b)]
    names = list(dict.fromkeys([*at[0], *at[1]]))
    table: dict[str, list[float]] = {}
    top: list[tuple[float, str, list[float]]] = []
    for name in names:
        row: dict[str, float] = {}
        for tag, p, index in (("a", a, at[0]), ("b", b, at[1])):
            row |= _one(p, index.get(name), tag)
        if name in at[0] and name in at[1]:
            row |= _pair(a, at[0][name], b, at[1][name], name, top)
        for key in _COLUMNS:
            table.setdefault(key, []).append(row.get(key, np.nan))
    top.sort(key=lambda item: -item[0])
    kept = top[:TOP]
    fields = ("mean_a", "mean_b", "sd_a", "sd_b", "count_a", "count_b")
    levels = xr.Dataset(
        {"z": ("level", [z for z, _, _ in kept])}
        | {field: ("level", [v[i] for _, _, v in kept]) for i, field in enumerate(fields)},
        {"level": np.array([n for _, n, _ in kept], dtype=str)},
    )
    effects = xr.Dataset(
        {key: ("effect", np.array(values)) for key, values in table.items()}, {"effect": np.array(names, dtype=str)}
    )
    return effects, levels


_COLUMNS = (
    "levels_a", "levels_b", "levels_common", "wasserstein", "overlap", "shift", "contraction_a", "contraction_b",
    "scale_a", "scale_b", "prior_scale_a", "prior_scale_b",
)  # fmt: skip


def _one(p: Posterior, position: int | None, tag: str) -> dict[str, float]:
    """What one posterior says of an effect."""
    if position is None:
        return {f"levels_{tag}": 0.0}
    s = p.effect_slice(position)
    scale = float(np.median(p.scale[:, position]))
    out = {
        f"levels_{tag}": float(s.stop - s.start),
        f"scale_{tag}": scale,
        f"prior_scale_{tag}": p.effects[position].scale,
    }
    if s.stop > s.start:
        variance = (STEP * p.deviation[:, s].astype(np.float32)).var(axis=0)
        out[f"contraction_{tag}"] = float(1 - np.minimum(variance / max(scale**2, 1e-12), 1).mean())
    return out


def _pair(
    a: Posterior, i: int, b: Posterior, j: int, name: str, top: list[tuple[float, str, list[float]]]
) -> dict[str, float]:
    """How far the levels that both have moved; the farthest are added to ``top``."""
    names_a, names_b = a.level_names(i), b.level_names(j)
    place = {n: k for k, n in enumerate(names_b)}
    common = [(k, place[n]) for k, n in enumerate(names_a) if n in place]
    out = {"levels_common": float(len(common))}
    if not common:
        return out
    left, right = (np.array(c) for c in zip(*common, strict=True))
    x, y = np.sort(a.draws(i)[:, left], axis=0), np.sort(b.draws(j)[:, right], axis=0)
    mean_a, mean_b, sd_a, sd_b = x.mean(axis=0), y.mean(axis=0), x.std(axis=0), y.std(axis=0)
    z = np.abs(mean_a - mean_b) / np.maximum(np.hypot(sd_a, sd_b), STEP)
    out |= {
        "wasserstein": float(wasserstein(x, y).mean()),
        "overlap": float(overlap(mean_a, sd_a, mean_b, sd_b).mean()),
        "shift": float(np.sqrt(np.mean(z**2))),
    }
    counts_a = a.counts[a.effect_slice(i)][left]
    counts_b = b.counts[b.effect_slice(j)][right]
    for k in np.argsort(-z)[:TOP].tolist():
        values = [mean_a[k], mean_b[k], sd_a[k], sd_b[k], counts_a[k], counts_b[k]]
        top.append((float(z[k]), f"{name}|{names_a[left[k]]}", [float(v) for v in values]))
    return out


def wasserstein(x: NDArray[Any], y: NDArray[Any]) -> Array:
    """1-Wasserstein distance of sorted samples, column by column (Villani 2009, remark 2.19).

    Parameters
    ----------
    x, y : ndarray, shape (draw, column)
        Each ascending along the first axis; lengths may differ.

    Returns
    -------
    ndarray, shape (column,)
    """
    if len(x) != len(y):  # the quantile functions at the midpoints of the finer grid
        n = max(len(x), len(y))
        p = (np.arange(n) + 0.5) / n
        x, y = (np.quantile(v, p, axis=0, method="inverted_cdf") for v in (x, y))
    return np.asarray(np.abs(x.astype(float) - y).mean(axis=0))


def overlap(mean_a: NDArray[Any], sd_a: NDArray[Any], mean_b: NDArray[Any], sd_b: NDArray[Any]) -> Array:
    """Overlapping coefficient of pairs of normals: the area under the lower density (Inman & Bradley 1989).

    Returns
    -------
    ndarray
        1 for equal distributions, 0 for distributions apart.
    """
    from scipy.special import ndtr

    s, t = (np.maximum(v.astype(float), 1e-6) for v in (sd_a, sd_b))
    equal = np.abs(s - t) < 1e-6 * s
    t = np.where(equal, s * 1.000002, t)
    m, k = mean_a.astype(float), mean_b.astype(float)
    # where the two densities cross
    root = s * t * np.sqrt((m - k) ** 2 + 2 * (t**2 - s**2) * np.log(t / s))
    base, lead = m * t**2 - k * s**2, t**2 - s**2
    low, high = np.sort(np.stack([(base - root) / lead, (base + root) / lead]), axis=0)
    inside_a = ndtr((high - m) / s) - ndtr((low - m) / s)
    inside_b = ndtr((high - k) / t) - ndtr((low - k) / t)
    return np.asarray(np.clip(1 - np.abs(inside_a - inside_b), 0, 1))


def prediction_shifts(a: Posterior, b: Posterior, cells: r.Table, *, draws: int = 400, seed: int = 0) -> xr.Dataset:
    """Predictions of the same cells by both.

    Parameters
    ----------
    a, b : Posterior
    cells : dict of str to ndarray
    draws, seed : int

    Returns
    -------
    xarray.Dataset
        Dims (cell, metric): ``log_ratio`` (log of the ratio of medians, b over a), ``wasserstein`` (log units),
        ``width_ratio`` (of the 90 % intervals, b over a), ``p_higher`` (probability that a draw of b exceeds one of a);
        coordinates ``model``, ``hardware``, ``precision``, ``batch_size``.
    """
    import xarray as xr

    found = [predict_cells(p, cells, draws=draws, seed=seed, on_unknown="prior").prediction for p in (a, b)]
    metrics = list(COLUMNS)
    out: dict[str, Array] = {
        n: np.empty((r.length(cells), len(metrics))) for n in ("log_ratio", "wasserstein", "width_ratio", "p_higher")
    }
    for k, metric in enumerate(metrics):
        x, y = (np.sort(np.log(getattr(p, metric).astype(float)), axis=1) for p in found)
        q = [np.quantile(v, (0.05, 0.5, 0.95), axis=1) for v in (x, y)]
        out["log_ratio"][:, k] = q[1][1] - q[0][1]
        out["wasserstein"][:, k] = wasserstein(x.T, y.T)
        out["width_ratio"][:, k] = (q[1][2] - q[1][0]) / np.maximum(q[0][2] - q[0][0], 1e-9)
        rank = np.stack([np.searchsorted(x[i], y[i]) for i in range(len(x))]) if len(x) else np.empty((0, 1))
        out["p_higher"][:, k] = rank.mean(axis=1) / x.shape[1]
    coords: dict[str, Any] = {"metric": np.array(metrics, dtype=str)}
    for name in ("model", "hardware", "device", "precision"):
        coords[name] = ("cell", np.array(cells[name].tolist(), dtype=str))
    coords["batch_size"] = ("cell", cells["batch_size"])
    return xr.Dataset({n: (("cell", "metric"), v) for n, v in out.items()}, coords)


def summary(shifts: xr.Dataset) -> list[dict[str, Any]]:
    """What :func:`prediction_shifts` finds, over all cells.

    Returns
    -------
    list of dict
        One a metric: ``metric``, ``cells`` (those that both predict), ``ratio`` of the medians (b over a; median of the
        cells, ``ratio_low`` and ``ratio_high`` their 5 and 95 %), ``wasserstein`` (mean, log units) and ``width_ratio``
        (median).
    """
    out: list[dict[str, Any]] = []
    for metric in shifts["metric"].to_numpy().tolist():
        one = shifts.sel(metric=metric)
        one = one.isel(cell=np.flatnonzero(np.isfinite(one["log_ratio"].to_numpy())))
        low, middle, high = np.exp(np.quantile(one["log_ratio"], (0.05, 0.5, 0.95))).tolist()
        out.append(
            {
                "metric": metric, "cells": one.sizes["cell"], "ratio": middle, "ratio_low": low, "ratio_high": high,
                "wasserstein": float(one["wasserstein"].mean()), "width_ratio": float(one["width_ratio"].median()),
            }
        )  # fmt: skip
    return out


def elpd(
    a: Posterior, b: Posterior, measurements: Any, *, seen: bool = False, draws: int = 400, seed: int = 0
) -> dict[str, xr.Dataset]:
    """Which posterior the data favour, and how calibrated each is on them.

    Parameters
    ----------
    a, b : Posterior
    measurements : pandas.DataFrame or mapping of columns
    seen : bool
        Both have seen the measurements: densities are those without the figure in question
        (:func:`hwpredict.evaluate.leave_one_out.leave_one_out`), calibration flatters both.
    draws, seed : int

    Returns
    -------
    dict of str to xarray.Dataset
        ``elpd``, dims (metric): ``n``, ``elpd_a``, ``elpd_b``, ``difference`` (b - a, nats), ``error`` (its standard
        error, cases independent) and ``error_by_source`` (sources independent, cases of one not); ``coverage_50_a`` …
        ``coverage_90_b``, shares of the figures within central intervals; with ``seen``, ``unreliable_a`` and
        ``unreliable_b``, shares of the figures on which too much hangs for their density to be trusted.
        ``calibration_a``, ``calibration_b``: of the throughput (of the latency, where there is none).

    Raises
    ------
    InvalidWorkloadError
        No row has a figure.
    """
    import xarray as xr

    rows = measurements if isinstance(measurements, dict) and "note" in measurements else r.table(measurements)
    found = [predict(p, rows, draws=draws, seed=seed + 1) for p in (a, b)]
    out: dict[str, xr.Dataset] = {}
    table: dict[str, list[float]] = {}
    metrics = []
    for metric, column in COLUMNS.items():
        figures = rows[column]
        ok = np.isfinite(figures) & (figures > 0)
        if not ok.any():
            continue
        metrics.append(metric)
        values, observed = [getattr(p, metric)[ok] for p in found], figures[ok]
        extra: dict[str, float] = {}
        if seen:
            known = r.take(rows, np.flatnonzero(ok))
            left_out = [leave_one_out(p, known, metric, seed=seed) for p in (a, b)]
            density = [d for d, _ in left_out]
            for tag, p, (_, k) in zip("ab", (a, b), left_out, strict=True):
                extra[f"unreliable_{tag}"] = float((k > largest_k(len(p.scale))).mean())
        else:
            density = [log_density(np.log(v), np.log(observed)) for v in values]
        difference, error = elpd_difference(density[1], density[0])
        _, by_source = elpd_difference(density[1], density[0], rows["source"][ok])
        row = {
            "n": float(ok.sum()),
            "elpd_a": float(density[0].sum()),
            "elpd_b": float(density[1].sum()),
            "difference": difference,
            "error": error,
            "error_by_source": by_source,
        }
        for tag, v in zip("ab", values, strict=True):
            one = from_draws(v, observed, rows["hardware"][ok].tolist())
            for level in (0.5, 0.9):
                inside = one["coverage"].sel(group="all", level=level)
                extra[f"coverage_{100 * level:.0f}_{tag}"] = float(inside)
            out.setdefault(f"calibration_{tag}", one.assign_attrs(metric=metric))
        for key, value in (row | extra).items():
            table.setdefault(key, []).append(value)
    if not metrics:
        raise InvalidWorkloadError("no row has a throughput, latency_ms or memory_mb: nothing to score with")
    out["elpd"] = xr.Dataset(
        {k: ("metric", np.array(v)) for k, v in table.items()}, {"metric": np.array(metrics, dtype=str)}
    )
    return out
