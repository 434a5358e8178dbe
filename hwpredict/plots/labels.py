"""Labels that fit: short names of devices and models, figures as people write them, and labels that do not overlap."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_MAKERS = re.compile(r"^(NVIDIA|AMD|Intel|Apple|Google|AWS|Qualcomm)\s+(GeForce\s+|Radeon\s+|Instinct\s+)?")
_MIDDLE = re.compile(r"\b(Graphics|Processor|Platinum|\d+-Core)\s+", re.IGNORECASE)
_CHIP = re.compile(r"^Arc Graphics \((.+)\)$|^Arc \((.+)\)$")


def short_device(name: str) -> str:
    """A device as it is called in the office: "NVIDIA GeForce RTX 4090" → "RTX 4090"."""
    out = _MIDDLE.sub("", _MAKERS.sub("", name.strip())).strip() or name
    chip = _CHIP.match(out)
    if chip:
        out = f"Arc {next(g for g in chip.groups() if g)}"
    return out.replace("(", "").replace(")", "").replace("-core GPU", "c") if len(out) > 22 else out


def short_model(name: str) -> str:
    """A model without its organisation."""
    return name.rpartition("/")[2] or name


def shortened(names: Sequence[str], shorten: object = short_device, limit: int = 26) -> list[str]:
    """Short names, cut to ``limit`` characters, as long as they stay different; else the names as they are."""
    assert callable(shorten)
    out = [str(shorten(n)) for n in names]
    out = [n if len(n) <= limit else n[: limit - 1].rstrip() + "…" for n in out]
    return out if len(set(out)) == len(set(names)) else list(names)


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> Array:
    """Positions moved as little as possible so that neighbours are ``gap`` apart, within ``low`` and ``high``.

    Least squares under order constraints: pool adjacent violators (Barlow et al. 1972) of the positions less their rank
    times the gap.

    Parameters
    ----------
    positions : sequence of float
    gap, low, high : float
        In the same unit. If there is no room, the gap is what there is room for.

    Returns
    -------
    ndarray
    """
    x = np.asarray(positions, float)
    n = len(x)
    if n == 0:
        return x
    gap = min(gap, (high - low) / max(n - 1, 1))
    order = np.argsort(x, kind="stable")
    target = x[order] - gap * np.arange(n)
    means: list[float] = []
    sizes: list[int] = []
    for value in target:
        means.append(float(value))
        sizes.append(1)
        while len(means) > 1 and means[-2] > means[-1]:
            total = means[-2] * sizes[-2] + means[-1] * sizes[-1]
            sizes[-2:] = [sizes[-2] + sizes[-1]]
            means[-2:] = [total / sizes[-1]]
    fitted = np.clip(np.repeat(means, sizes), low, high - gap * (n - 1))
    out = np.empty(n)
    out[order] = fitted + gap * np.arange(n)
    return out


#: Round figures within a decade, coarse to fine.
_ROUND = ((1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9))


def log_ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Round positions on a log axis: powers of ten evenly apart; where fewer than two fit, the coarsest that do.

    Where the axis is so short that not even the finest of them fit twice, its middle.
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first >= 1:
        step = -(-(last - first + 1) // most)
        return [10.0**k for k in range(first, last + 1, step)]
    inside: list[float] = []
    for figures in _ROUND:
        fine = [m * 10.0**k for k in range(first - 1, last + 1) for m in figures]
        inside = [t for t in fine if low <= t <= high]
        if len(inside) > 1:
            break
    return inside or [math.sqrt(low * high)]


def figure(value: float, _: object = None) -> str:
    """A tick: 1500 → "1,500", 2e6 → "2M", 0.05 → "0.05"."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else ""
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if suffix == 'k' else size):,.4g}{suffix}"
    return f"{value:,.4g}"


def bytes_of(megabytes: float, _: object = None) -> str:
    """Memory: 500 → "500 MB", 24000 → "24 GB"."""
    if megabytes <= 0 or not math.isfinite(megabytes):
        return "0" if megabytes == 0 else ""
    for size, unit in ((1e6, "TB"), (1e3, "GB")):
        if megabytes >= size:
            return f"{megabytes / size:.3g} {unit}"
    return f"{megabytes:.3g} MB"
