"""The roofline of a device as the posterior sees it: what is reached at each arithmetic intensity, with bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog import devices
from hwpredict.errors import InvalidWorkloadError
from hwpredict.evaluate.effects import QUANTILES
from hwpredict.performance import rows as r
from hwpredict.performance.cells import predict_cells, resolve_target, to_rows
from hwpredict.performance.covariates import covariates
from hwpredict.performance.posterior import Posterior
from hwpredict.workload import PRECISIONS, Workload, choice

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]

#: Arithmetic intensities of the sweep, FLOP per byte.
INTENSITY = np.geomspace(1.0, 3000.0, 25)
#: Seconds of peak arithmetic in one step of the probe: enough for launches not to matter.
STEP_SECONDS = 0.05
BATCH = 32
#: Share of the probe's bytes that are weights.
WEIGHT_SHARE = 0.02


def roofline_curve(
    posterior: Posterior,
    hardware: str,
    precision: str = "fp32",
    *,
    measurements: Any = None,
    draws: int = 400,
    seed: int = 0,
) -> xr.Dataset:
    """Rate reached by a model that nobody measured, over arithmetic intensity, beside the data sheet's roof.

    Parameters
    ----------
    posterior : Posterior
    hardware : str
        A device of the catalog.
    precision : str
    measurements : pandas.DataFrame or mapping of columns, optional
        Rows in the measurement schema: those of this device, precision and inference become points.
    draws, seed : int

    Returns
    -------
    xarray.Dataset
        Dim ``intensity`` (FLOP/byte): ``rate_quantile`` (intensity, quantile) and ``roof``, both FLOP/s; dim ``point``:
        ``point_intensity``, ``point_rate``, ``point_model``; attributes ``peak`` (FLOP/s), ``bandwidth`` (B/s).

    Raises
    ------
    UnknownNameError, InvalidWorkloadError
        No such device, or its data sheet lacks a rate.
    """
    import xarray as xr

    target = resolve_target(hardware)
    device = devices.match(target.device, target.platform) if target.device else None
    if device is None:
        raise InvalidWorkloadError(f"a roofline is of a device, not of the platform {hardware!r}: name a product")
    fmt = PRECISIONS[choice("precision", precision, PRECISIONS)]
    peak = device.peak(fmt.compute)
    if peak is None or not device.bandwidth_gb_s:
        raise InvalidWorkloadError(f"the data sheet of {device.name} has no rate or bandwidth for {precision}")
    bandwidth = device.bandwidth_gb_s * 1e9
    flops = peak[0] * STEP_SECONDS
    cells = [(_probe(flops, flops / intensity, precision), target) for intensity in INTENSITY.tolist()]
    found = predict_cells(posterior, to_rows(cells), draws=draws, seed=seed, on_unknown="prior")
    rate = flops / (found.prediction.latency.astype(float) / 1e3)
    data = xr.Dataset(
        {
            "rate_quantile": (
                ("intensity", "quantile"), np.quantile(rate, QUANTILES, axis=1).T,
                {"units": "s-1", "long_name": "floating-point operations per second reached"},
            ),
            "roof": ("intensity", np.minimum(peak[0], INTENSITY * bandwidth), {"units": "s-1"}),
        },
        {
            "intensity": ("intensity", INTENSITY, {"units": "byte-1", "long_name": "operations per byte"}),
            "quantile": list(QUANTILES),
        },
        attrs={
            "device": device.name, "platform": target.platform, "precision": precision, "peak": peak[0],
            "bandwidth": bandwidth, "posterior_fingerprint": posterior.fingerprint,
        },
    )  # fmt: skip
    if measurements is None:
        return data
    at, reached, names = measured_rates(measurements, target.platform, device.name, precision)
    data["point_intensity"], data["point_rate"] = ("point", at), ("point", reached)
    data["point_model"] = ("point", np.array(names, dtype=str))
    return data


def _probe(flops: float, traffic: float, precision: str) -> Workload:
    """A model that nobody measured, with so many operations and bytes in a step."""
    fmt = PRECISIONS[precision]
    return Workload(
        "roofline probe",
        "vision",
        BATCH,
        precision=precision,
        parameters=traffic * WEIGHT_SHARE / (fmt.weight_bits / 8),
        gmacs=flops / 2 / BATCH / 1e9,
        activations_m=traffic * (1 - WEIGHT_SHARE) / (fmt.activation_bits / 8) / BATCH / 1e6,
    )


def measured_rates(measurements: Any, platform: str, device: str, precision: str) -> tuple[Array, Array, list[str]]:
    """Intensity and rate of the measured forward passes of one device at one precision."""
    rows = measurements if isinstance(measurements, dict) else r.table(measurements)
    latency = np.where(
        np.isfinite(rows["latency_ms"]), rows["latency_ms"] / 1e3, rows["batch_size"] / rows["throughput"]
    )
    one = np.isnan(rows["n_devices"]) | (rows["n_devices"] == 1)
    ok = one & np.isfinite(latency) & (latency > 0) & (rows["hardware"] == platform) & (rows["precision"] == precision)
    ok &= np.isin(rows["item"], ("image", "sequence")) & (rows["mode"] != "training")
    named = {n: (m.name if (m := devices.match(n, platform)) else n) for n in set(rows["device"][ok].tolist()) if n}
    ok &= np.array([named.get(n, "") == device for n in rows["device"].tolist()], dtype=bool)
    index = np.flatnonzero(ok)
    if not len(index):
        return np.empty(0), np.empty(0), []
    mine = r.take(rows, index)
    x = covariates(mine).numbers
    flops = np.exp(x["log_flops"])
    traffic = np.exp(x["log_activation_bytes"]) + np.exp(x["log_weight_bytes"])
    return flops / traffic, flops / latency[index], mine["model"].tolist()
