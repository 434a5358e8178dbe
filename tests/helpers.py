"""Synthetic measurements for tests: simple physics or draws of the model itself. No figure here was ever measured."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import rows as r
from hwpredict.performance.design import Design, design
from hwpredict.performance.engine import simulate
from hwpredict.performance.parts import EFFECTS, NOISE_DF, Effect

Row = dict[str, Any]
Array = NDArray[np.float64]

A100, T4 = "NVIDIA A100-SXM4-40GB", "NVIDIA T4"
XEON, M1 = "Intel Xeon Platinum 8480+", "Apple M1 (8-core GPU)"
#: platform, FLOP/s and byte/s that a model reaches, seconds of overhead a step
MACHINES = {
    A100: ("cuda", 9e12, 7e11, 4e-3),
    T4: ("cuda", 3e12, 1.6e11, 6e-3),
    XEON: ("cpu", 1.5e12, 9e10, 3e-3),
    M1: ("mps", 1.1e12, 4e10, 8e-3),
}
#: family, FLOP, bytes and MB of activations of one item, MB of weights at fp32
MODELS = {
    "resnet50": ("vision", 8.2e9, 4.5e7, 9.0, 102.0),
    "resnet18": ("vision", 3.6e9, 1.0e7, 3.0, 47.0),
    "vit_base_patch16_224": ("vision", 3.4e10, 6.6e7, 12.0, 346.0),
    "bert-base-uncased": ("embedding", 2.2e10, 8.0e7, 14.0, 438.0),
}
#: Two harnesses that wait for each step, and one that keeps three in flight.
SYNCHRONOUS, OVERLAPPED = ("lab one", "lab two"), "served"
OVERLAP = 3.0
BATCHES = (1, 8, 64)


def measurements(seed: int = 1) -> list[Row]:
    """Some three hundred rows: throughput and latency, throughput alone, memory, and an overlapped harness."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    cells = product((*SYNCHRONOUS, OVERLAPPED), MACHINES, MODELS, ("fp32", "fp16"), BATCHES)
    for i, (source, device, model, precision, batch) in enumerate(cells):
        if source == OVERLAPPED and (device == M1 or batch == 1):
            continue
        rows.append(_measure(rng, i, source, device, model, precision, batch))
    return rows


def _measure(rng: np.random.Generator, i: int, source: str, device: str, model: str, precision: str, batch: int) -> Row:
    platform, flops, bandwidth, overhead = MACHINES[device]
    family, work, traffic, activations, weights = MODELS[model]
    faster = 2.0 if precision == "fp16" and platform == "cuda" else 1.0
    narrow = 0.5 if precision == "fp16" else 1.0
    seconds = batch * work / (flops * faster) + batch * traffic * narrow / bandwidth + overhead
    seconds *= float(np.exp(0.03 * rng.standard_normal())) * (1.2 if source == SYNCHRONOUS[1] else 1.0)
    row: Row = {
        "source": source,
        "model": model,
        "model_family": family,
        "hardware": platform,
        "device": device,
        "precision": precision,
        "runtime": "pytorch-eager",
        "mode": "inference",
        "batch_size": batch,
        "item": "image" if family == "vision" else "sequence",
        "sequence_length": None if family == "vision" else 128,
        "input_size": "224" if family == "vision" else None,
        "throughput": batch / seconds * (OVERLAP if source == OVERLAPPED else 1.0),
        "latency_ms": seconds * 1e3,
    }
    if source == SYNCHRONOUS[1] and i % 3 == 0:
        row["latency_ms"] = None
    if source == SYNCHRONOUS[0] and platform == "cuda":
        memory = 400 + narrow * (weights + 3 * batch * activations)
        row["memory_mb"] = memory * float(np.exp(0.03 * rng.standard_normal()))
    return row


def subset(*names: str) -> tuple[Effect, ...]:
    """Effects of the model by name."""
    return tuple(e for e in EFFECTS if e.name in names)


def drawn(d: Design, rng: np.random.Generator, *, scale: Array, noise: float) -> tuple[Design, Array]:
    """The design with figures drawn from the model at given scales, and the effects they were drawn with."""
    b = rng.standard_normal(d.n_levels) * np.repeat(scale, np.diff(d.starts))
    y = simulate(d, b) + noise * rng.standard_t(NOISE_DF, len(d.y))
    return replace(d, y=y), b


def build(rows: list[Row], *names: str) -> Design:
    """Design of some rows, with the named effects only, or with all."""
    return design(r.table(rows), effects=subset(*names) if names else EFFECTS)
