"""Matrices for tests of figures and reports: real coordinates, figures drawn at random. Nothing here was predicted."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import xarray as xr

from hwpredict import matrix as m
from hwpredict.matrix.block import EVIDENCE_FLAGS
from hwpredict.matrix.dataset import assemble, extra_sizes, selected

#: Thirty devices of all platforms, with long and with similar names.
MANY = (
    "h200", "h100", "NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-40GB", "l40s", "l4", "a10g", "t4", "v100",
    "rtx 6000 ada", "rtx a6000", "rtx 5090", "rtx 4090", "rtx 3090", "rtx 4060 laptop gpu", "mi300x", "mi250",
    "rx 7900 xtx", "radeon 780m", "m1", "m2 ultra", "m4 max", "Xeon Platinum 8480+", "EPYC 9654", "Core Ultra 7 155H",
    "raspberry pi 5", "openvino:Arc A770", "webnn", "webgpu:Apple M3", "Snapdragon 8 Elite",
)  # fmt: skip
MODELS = ("bert-base-uncased", "resnet50", "gpt2")


def synthetic(
    models: Any = MODELS,
    hardware: Any = MANY,
    *,
    batch_sizes: Any = (1, 8, 64),
    precision: Any = ("fp32", "fp16", "int8"),
    draws: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """A matrix whose figures grow with the batch and shrink with the model's place in the list."""
    grid = m.make_grid(models, batch_sizes, hardware, precision)
    plan = m.Plan(grid, draws=draws or 50, seed=seed, keep_draws=bool(draws))
    rng = np.random.default_rng(seed)
    shape = grid.shape
    speed = rng.normal(0, 1.2, (1, shape[1], 1, 1, 1)) - np.arange(shape[0]).reshape(-1, 1, 1, 1, 1)
    speed = speed + 0.4 * np.arange(shape[2]).reshape(1, 1, -1, 1, 1) + 4
    batch = np.log(np.array(grid.batch_sizes, float)).reshape(1, 1, 1, -1, 1)
    center = {
        "throughput": speed + 0.7 * batch,
        "latency": 6.9 - speed + 0.3 * batch,
        "memory": 6 + 0.5 * batch - 0.3 * np.arange(shape[2]).reshape(1, 1, -1, 1, 1) + 0 * speed,
    }
    arrays: dict[str, Any] = {}
    sizes = extra_sizes(plan)
    names = [v.name for v in selected(plan)]
    if "speedup" in names:
        center["speedup"] = speed - speed[:, grid.baseline : grid.baseline + 1] + 0 * batch
    width = rng.uniform(0.1, 0.8, (1, shape[1], 1, 1, 1))
    deviate = np.quantile(rng.standard_normal(20_000), plan.quantiles)
    for name, value in center.items():
        value = np.broadcast_to(value, shape)
        arrays[name] = np.exp(value).astype(np.float32)
        arrays[f"{name}_quantile"] = np.exp(value[..., None] + width[..., None] * deviate).astype(np.float32)
        noise = width[..., None] * rng.standard_normal((*shape, plan.draws))
        arrays[f"{name}_draw"] = np.exp(value[..., None] + noise).astype(np.float32)
    share = rng.dirichlet(np.ones(sizes["part"]), shape)
    best = rng.dirichlet(np.full(shape[1], 0.15), (shape[0], *shape[2:]))
    arrays |= {
        "time_share": share.astype(np.float32),
        "p_best": np.moveaxis(best, -1, 1).astype(np.float32),
        "p_fits": rng.uniform(0, 1, shape).astype(np.float32),
        "epistemic_share": rng.uniform(0, 1, shape).astype(np.float32),
        "n_measurements": rng.integers(0, 9, shape).astype(np.int32),
        "evidence": rng.integers(1, len(EVIDENCE_FLAGS), shape).astype(np.int8),
    }
    posterior: Any = SimpleNamespace(fingerprint="0" * 16, attrs={})
    data = assemble(plan, posterior, {n: arrays[n] for n in names})
    reasons = data["incompatible"].sel(model_family=data["family"], drop=True)
    blocked = (reasons != "").broadcast_like(data["throughput"]).transpose(*data["throughput"].dims)
    for name in names:
        if data[name].dtype.kind == "f":
            data[name] = data[name].where(~blocked).assign_attrs(data[name].attrs)
    data["evidence"] = data["evidence"].where(~blocked, 0).astype(np.int8).assign_attrs(data["evidence"].attrs)
    return data
