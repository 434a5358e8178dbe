"""Measurements that the model finds hard to believe: listed for people to look at, down-weighted, never dropped."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from hwpredict.performance import rows as r
from hwpredict.performance.engine import Laplace
from hwpredict.performance.linearise import simulate
from hwpredict.performance.parts import NOISE_DF

#: A figure is listed when it counts for less than this share of an ordinary one.
DOUBTFUL = 0.1


@dataclass(frozen=True, slots=True)
class Outlier:
    """One doubtful figure.

    Attributes
    ----------
    row : int
        Position in the table that was fitted.
    source, model, device, precision, batch_size
        What was measured.
    figure : str
        ``latency_ms``, ``throughput`` or ``memory_mb``.
    measured, expected : float
        In the unit of the figure.
    ratio : float
        Measured over expected.
    weight : float
        What it counts in the fit, relative to a figure at its expectation: ``df s² / (df s² + residual²)``.
    """

    row: int
    source: str
    model: str
    device: str
    precision: str
    batch_size: float
    figure: str
    measured: float
    expected: float
    ratio: float
    weight: float


def outliers(state: Laplace, rows: r.Table, *, doubtful: float = DOUBTFUL) -> list[Outlier]:
    """Figures with a weight below ``doubtful``, least believable first.

    Parameters
    ----------
    state : Laplace
        The fitted approximation.
    rows : dict of str to ndarray
        The table that its design was made of.
    doubtful : float
    """
    d = state.design
    residual = d.y - simulate(d, state.mode)
    square = NOISE_DF * state.noise[d.noise] ** 2
    weight = square / (square + residual**2)
    out = []
    for i in np.argsort(weight, kind="stable"):
        if weight[i] >= doubtful:
            break
        seen, row = d.observations, int(d.observations.row[i])
        if seen.left[i]:  # deduced, not measured
            continue
        figure = "memory_mb" if seen.memory[i] else "throughput" if seen.interval[i] else "latency_ms"
        ratio = float(np.exp(-residual[i] if figure == "throughput" else residual[i]))
        measured = float(rows[figure][row])
        source, model, device, precision = (str(rows[c][row]) for c in ("source", "model", "device", "precision"))
        batch, expected = float(rows["batch_size"][row]), measured / ratio
        out.append(
            Outlier(row, source, model, device, precision, batch, figure, measured, expected, ratio, float(weight[i]))
        )
    return out


def write_report(path: str | os.PathLike[str], found: Sequence[Outlier]) -> None:
    """Write outliers as CSV, a row each."""
    with Path(path).open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, [x.name for x in fields(Outlier)])
        writer.writeheader()
        writer.writerows(asdict(o) for o in found)
