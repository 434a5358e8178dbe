"""Are the intervals true? PIT values and coverage of predictions, by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.errors import InvalidWorkloadError
from hwpredict.evaluate.scores import crps, pit
from hwpredict.performance import rows as r
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import predict

if TYPE_CHECKING:
    import xarray as xr

#: Nominal levels of central intervals.
LEVELS = np.round(np.arange(0.05, 1.0, 0.05), 2)
#: Column of the schema that each metric is measured in.
COLUMNS = {"throughput": "throughput", "latency": "latency_ms", "memory": "memory_mb"}


def reliability(
    posterior: Posterior, measurements: Any, *, metric: str = "throughput", by: str = "hardware", draws: int = 400,
    seed: int = 1,
) -> xr.Dataset:  # fmt: skip
    """PIT values, coverage and CRPS of a posterior on measurements (held-out ones, or it flatters itself).

    Parameters
    ----------
    posterior : Posterior
    measurements : pandas.DataFrame or mapping of columns
        Rows in the measurement schema.
    metric : {"throughput", "latency", "memory"}
    by : str
        Column of the schema to group by.
    draws, seed : int

    Returns
    -------
    xarray.Dataset
        See :func:`from_draws`.
    """
    rows = measurements if isinstance(measurements, dict) and "note" in measurements else r.table(measurements)
    seen = rows[COLUMNS[metric]]
    index = np.flatnonzero(np.isfinite(seen) & (seen > 0))
    if not len(index):
        raise InvalidWorkloadError(f"no row has a {COLUMNS[metric]}: nothing to compare with")
    held = r.take(rows, index)
    figures = getattr(predict(posterior, held, draws=draws, seed=seed), metric)
    data = from_draws(figures, seen[index], held[by].tolist())
    data.attrs = {"metric": metric, "by": by, "posterior_fingerprint": posterior.fingerprint}
    return data


def from_draws(draws: NDArray[Any], observed: NDArray[Any], groups: Sequence[str]) -> xr.Dataset:
    """PIT and coverage of predictive draws.

    Parameters
    ----------
    draws : ndarray, shape (case, draw)
        Natural units.
    observed : ndarray, shape (case,)
    groups : sequence of str, length case

    Returns
    -------
    xarray.Dataset
        ``pit`` and ``crps`` (case); ``coverage`` (group, level): share of cases within the central interval of each
        nominal level, and its standard error ``coverage_error``; ``n`` (group). The first group is ``all``.
    """
    import xarray as xr

    x, y = np.log(draws.astype(float)), np.log(np.asarray(observed, float))
    u = pit(x, y)
    labels = np.array(list(groups), dtype=str)
    names = ["all", *sorted(set(labels.tolist()))]
    inside = np.abs(u - 0.5)[:, None] <= LEVELS / 2
    members = [np.ones(len(u), bool)] + [labels == n for n in names[1:]]
    coverage = np.array([inside[m].mean(axis=0) for m in members])
    n = np.array([m.sum() for m in members])
    return xr.Dataset(
        {
            "pit": ("case", u),
            "crps": ("case", crps(x, y)),
            "coverage": (("group", "level"), coverage),
            "coverage_error": (("group", "level"), np.sqrt(LEVELS * (1 - LEVELS) / n[:, None])),
            "n": ("group", n),
        },
        {"group": np.array(names, dtype=str), "level": LEVELS, "case_group": ("case", labels)},
    )
