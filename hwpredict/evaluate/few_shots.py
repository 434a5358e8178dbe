"""How fast a posterior learns a device it has never seen: k measurements in, the rest predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hwpredict.errors import InvalidWorkloadError
from hwpredict.evaluate.scores import score
from hwpredict.performance import rows as r
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import predict
from hwpredict.performance.update import update

if TYPE_CHECKING:
    import xarray as xr

SHOTS = (0, 1, 2, 5, 10, 25)
#: Fewest rows of a device: those to learn from, and some to predict.
LEAST = max(SHOTS) + 10
_SCORES = ("medape", "crps", "coverage50", "coverage90", "width90")


def few_shots(
    posterior: Posterior, measurements: Any, *, shots: Sequence[int] = SHOTS, repeats: int = 3, most: int = 400,
    draws: int = 200, seed: int = 0,
) -> xr.Dataset:  # fmt: skip
    """Condition on k rows, predict the others, for growing k.

    Parameters
    ----------
    posterior : Posterior
        One that has not seen the rows.
    measurements : pandas.DataFrame or mapping of columns
        Rows of one device, with a throughput.
    shots : sequence of int
    repeats : int
        Random choices of the k rows.
    most : int
        Rows predicted, at most.
    draws, seed : int

    Returns
    -------
    xarray.Dataset
        Dims (shots, repeat): ``medape``, ``crps``, ``coverage50``, ``coverage90``, ``width90`` (log units).

    Raises
    ------
    InvalidWorkloadError
        Fewer rows than the largest k needs.
    """
    import xarray as xr

    rows = r.table(measurements) if not (isinstance(measurements, dict) and "note" in measurements) else measurements
    rows = r.take(rows, np.flatnonzero(np.isfinite(rows["throughput"]) & (rows["throughput"] > 0)))
    n = r.length(rows)
    if n < max(shots) + 10:
        raise InvalidWorkloadError(f"{n} rows have a throughput: {max(shots)} to learn from need at least 10 more")
    out = {name: np.full((len(shots), repeats), np.nan) for name in _SCORES}
    for repeat in range(repeats):
        order = np.random.default_rng(seed + repeat).permutation(n)
        test = r.take(rows, np.sort(order[max(shots) : max(shots) + most]))
        for i, k in enumerate(shots):
            known = update(posterior, r.take(rows, order[:k]), seed=seed) if k else posterior
            found = predict(known, test, draws=draws, seed=seed + 1).throughput.astype(float)
            result = score(found, test["throughput"]).as_dict()
            for name in _SCORES:
                out[name][i, repeat] = result[name]
    device = str(rows["device"][0])
    return xr.Dataset(
        {name: (("shots", "repeat"), values) for name, values in out.items()},
        {"shots": list(shots), "repeat": np.arange(repeats)},
        attrs={"device": device, "platform": str(rows["hardware"][0]), "posterior_fingerprint": posterior.fingerprint},
    )
