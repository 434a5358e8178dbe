"""How well several devices work together: the figures of catalog/data/scaling.toml, from multi-device measurements.

    uv run python benchmarks/scaling_prior.py DATA.parquet

Rows on several devices are paired with the median of those on one, of the same table, model, device, precision, runtime
and batch per device. The slow-down of a step is

    (1 + max(0, volume / (bus · bandwidth) / step - overlap)) · exp(straggler · log2 n)

with a straggler of its own for every table, device, model, precision and machine (log-normal), Student-t noise, and at
most the weight of twenty rows for any of them. Where volume never limits, bus and overlap are not identified; the file
then says which published figure stands in.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import t as student

from hwpredict.catalog import devices, models

TABLES = ("lambda", "lambda_tf", "cluster_traces", "nvidia_dle", "neusight", "mxnet")
DEVIATES = np.linspace(-3, 3, 31)
NAMES = ("bus", "overlap", "straggler", "spread", "residual")
START = {"bus": 0.4, "overlap": 0.15, "straggler": 0.01, "spread": 1.0, "residual": 0.04}


def pairs(path: Path) -> Any:
    """Rows on several devices with the step of one beside them."""
    import pandas as pd

    d = pd.read_parquet(path)
    d = d[d.table.isin(TABLES) & (d["mode"] == "training") & d.n_devices.notna() & d.batch_size.notna()]
    d = d[d["item"].isin(["image", "sequence"]) & ~d.model.str.contains("ncf")].copy()
    d["step"] = np.where(d.throughput.notna(), d.batch_size / d.throughput, d.latency_ms / 1e3)
    d["each"] = (d.batch_size / d.n_devices).round(3)
    runtime = d.runtime.fillna("")
    d["machines"] = runtime.str.extract(r"-(\d+)nodes")[0].astype(float).fillna(1)
    d["software"] = runtime.str.replace(r"-\d+nodes", "", regex=True)
    for column in ("layout", "input_size"):
        d[column] = d[column].fillna("")
    d["length"] = d.sequence_length.fillna(0)
    host = d.source_path.str.extract(r"(?:results(?:_v2)?/(?:\d+x)?|logs/)([^/]*)/")[0]
    d["group"] = d.table + "|" + d.device + "|" + d.model + "|" + d.precision + "|" + host.fillna("")
    key = ["table", "model", "device", "precision", "software", "layout", "input_size", "length", "each"]
    one = d[d.n_devices == 1].groupby(key).step.median().rename("one")
    several = d[d.n_devices > 1].join(one, on=key)
    return several[several.one.notna() & (several.step > 0) & np.isfinite(several.step)]


def describe(d: Any) -> Any:
    """Class of the link, relative volume of an all-reduce, log slow-down."""
    sheets = {name: devices.match(name, None) for name in d.device.unique()}
    features = {name: models.match(name) for name in d.model.unique()}
    stated = d.parameters.where(d.parameters.notna(), d.model.map(lambda m: getattr(features[m], "parameters", np.nan)))
    both = d.device.map(lambda n: getattr(sheets[n], "interconnect_gb_s", None) or np.nan).astype(float)
    pcie = d.device.map(lambda n: "PCIe" in getattr(sheets[n], "interconnect", "")).astype(bool)
    network = d.machines > 1
    # gradients of apex O2 travel in 16 bits
    volume = 2 * (d.n_devices - 1) / d.n_devices * stated * np.where(d.precision == "fp16", 2, 4)
    out = d.assign(
        link=np.where(network, "network", np.where(pcie, "pcie", "nvlink")),
        relative=volume / np.where(network, 1e9, both / 2 * 1e9) / d.one,
        slow=np.log(d.step / d.one),
    )
    return out[out.relative.notna() & (out.slow > -0.3) & (out.relative < 5)]


def fit(d: Any, **fixed: float) -> dict[str, float]:
    """Maximum marginal likelihood over the groups' stragglers."""
    group = np.unique(d.group.astype(str), return_inverse=True)[1]
    count = np.bincount(group)
    weight = np.minimum(1, 20 / count)[group][:, None]
    relative, slow, doublings = d.relative.to_numpy(), d.slow.to_numpy(), np.log2(d.n_devices.to_numpy())
    free = [n for n in NAMES if n not in fixed]

    def loss(logs: np.ndarray) -> float:
        q = fixed | dict(zip(free, np.exp(logs), strict=True))
        exposed = np.log1p(np.logaddexp(0, (relative / q["bus"] - q["overlap"]) * 40) / 40)  # a smooth hinge
        each = q["straggler"] * np.exp(q["spread"] * DEVIATES)
        mean = exposed[:, None] + each * doublings[:, None]
        density = student.logpdf((slow[:, None] - mean) / q["residual"], 4) - np.log(q["residual"])
        total = np.zeros((len(count), len(DEVIATES)))
        np.add.at(total, group, weight * density)
        return float(-logsumexp(total - 0.5 * DEVIATES**2, axis=1).sum())

    start = np.log([START[n] for n in free])
    found = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 500, "xatol": 1e-2, "fatol": 0.1})
    return fixed | dict(zip(free, np.exp(found.x).tolist(), strict=True))


def report(name: str, d: Any, **fixed: float) -> None:
    found = fit(d, **fixed)
    figures = "  ".join(f"{k} {v:.4g}" for k, v in found.items())
    print(f"{name:<36} {len(d):>5} pairs, {d.group.nunique():>4} configurations: {figures}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    args = parser.parse_args()
    d = describe(pairs(args.data))
    report("nvlink, published bus", d[d.link == "nvlink"], bus=0.75)
    report("pcie", d[d.link == "pcie"])
    network = d[d.link == "network"]
    for name in sorted(network.device.unique()):  # bus is GB/s per machine here
        report(f"network, {name}", network[network.device == name])


if __name__ == "__main__":
    main()
