"""From predicted cells to outcomes: what each option does, costs, draws and holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hwpredict.catalog.compatibility import incompatible
from hwpredict.catalog.economics import Economics
from hwpredict.decision import web
from hwpredict.decision.outcomes import Candidate, Outcomes
from hwpredict.performance import rows as r
from hwpredict.performance.cells import Cells
from hwpredict.performance.parts import TIME_PARTS

#: What may be written for several devices, each times its number.
FIGURES = ("price", "power", "carbon_intensity", "capacity", "preference")


def refine(cells: Cells, labels: Sequence[str] | None = None) -> Cells:
    """Cells with what is known against a family on a platform and against a browser put in as reasons.

    Parameters
    ----------
    cells : Cells
    labels : sequence of str, length cell, optional
        Targets as written; one may name a browser.

    Returns
    -------
    Cells
        Draws of what cannot run are NaN.
    """
    rows = cells.rows
    reasons = list(cells.reasons)
    columns = ("hardware", "precision", "mode", "model_family", "device")
    for i, values in enumerate(zip(*(rows[c].tolist() for c in columns), strict=True)):
        platform, precision, mode, family, device = (str(v) for v in values)
        browser = web.split(labels[i])[1] if labels is not None else None
        if reasons[i] is None:
            reasons[i] = incompatible(platform, precision, mode, family)
        if reasons[i] is None and browser is not None:
            reasons[i] = web.verdict(browser, platform, device)[0]
    fresh = [i for i, (old, new) in enumerate(zip(cells.reasons, reasons, strict=True)) if old is None and new]
    if not fresh:
        return cells
    draws = {name: getattr(cells.prediction, name).copy() for name in ("throughput", "latency", "memory")}
    fits = cells.fits.copy()
    for array in (*draws.values(), fits):
        array[fresh] = np.nan
    return replace(cells, prediction=replace(cells.prediction, **draws), reasons=reasons, fits=fits)


def measured_by(rows: r.Table, harness: str) -> r.Table:
    """Rows as a harness would measure them: its own habits, where the posterior has learned them."""
    if not harness:
        return rows
    return {**rows, "source": np.full(r.length(rows), harness, dtype=object)}


def from_cells(
    names: Sequence[str],
    cells: Cells,
    economics: Economics,
    *,
    posterior_draws: int,
    preferences: Mapping[str, float] | None = None,
    details: Sequence[Mapping[str, Any]] | None = None,
) -> Outcomes:
    """Outcomes of predicted cells; those that cannot run are set aside with their reason.

    Parameters
    ----------
    names : sequence of str, length cell
    cells : Cells
        Draws are joint over cells.
    economics : Economics
    posterior_draws : int
        Draws of the posterior, which the predictive draws repeat in order.
    preferences : mapping of str to float, optional
        Hand-set factor by platform.
    details : sequence of mapping, length cell, optional
        What else describes each option.

    Returns
    -------
    Outcomes
    """
    rows, p = cells.rows, cells.prediction
    blocked: dict[str, str] = {}
    keep, candidates = [], []
    figures: dict[str, list[float]] = {name: [] for name in FIGURES if name != "capacity"}
    for i, name in enumerate(names):
        platform, device = str(rows["hardware"][i]), str(rows["device"][i])
        family, precision, mode = (str(rows[c][i]) for c in ("model_family", "precision", "mode"))
        if (reason := cells.reasons[i]) is not None:
            blocked[name] = reason
            continue
        keep.append(i)
        n = int(rows["n_devices"][i]) if rows["n_devices"][i] == rows["n_devices"][i] else 1
        price, watts = economics.price(device, platform), economics.watts(device, platform)
        shares = {part: float(p.shares[i, k]) for k, part in enumerate(TIME_PARTS)}
        candidates.append(
            Candidate(
                name, platform, device, precision, mode or "inference", family, float(rows["batch_size"][i]), n,
                p.evidence[i], int(p.n_measurements[i]), shares, price,
                details=web.details(name, platform, device) | (dict(details[i]) if details else {}),
            )
        )  # fmt: skip
        figures["price"].append(price.usd_per_hour * n if price is not None else np.nan)
        figures["power"].append(watts * n if watts is not None else np.nan)
        figures["carbon_intensity"].append(economics.grams_per_kwh)
        figures["preference"].append((preferences or {}).get(platform, 1.0))
    draws = {name: np.asarray(getattr(p, name)[keep], dtype=float) for name in ("throughput", "latency", "memory")}
    return Outcomes(
        candidates,
        **draws,
        figures={k: np.array(v) for k, v in figures.items()} | {"capacity": _capacities(cells, keep)},
        cluster=np.arange(p.throughput.shape[1]) % posterior_draws,
        blocked=blocked,
    )


def _capacities(cells: Cells, keep: Sequence[int]) -> np.ndarray[Any, Any]:
    """MB of each option, shape (option,); or (option, draw), if no device is named and each draw is of another one."""
    if not any(i in cells.rooms for i in keep):
        return cells.capacity[list(keep)]
    draws = cells.prediction.memory.shape[1]
    return np.stack([cells.rooms.get(i, np.full(draws, cells.capacity[i])) for i in keep])
