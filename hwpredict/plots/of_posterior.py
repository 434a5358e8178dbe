"""Figures of a posterior, alone or beside measurements: rooflines, shrinkage, calibration, k-shot contraction."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwpredict.catalog import devices
from hwpredict.errors import InvalidWorkloadError, unknown
from hwpredict.evaluate.effects import effect_table, find_effect
from hwpredict.evaluate.few_shots import LEAST, few_shots
from hwpredict.evaluate.reliability import reliability
from hwpredict.evaluate.roofline_curve import roofline_curve
from hwpredict.performance import rows as r
from hwpredict.performance.cells import resolve_target
from hwpredict.plots import style
from hwpredict.plots.calibration import calibration
from hwpredict.plots.contraction import contraction
from hwpredict.plots.roofline import roofline
from hwpredict.plots.shrinkage import shrinkage

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hwpredict.performance.posterior import Posterior

type Named = list[tuple[str, Figure]]


def visualize_posterior(
    posterior: Posterior,
    output_dir: str | os.PathLike[str] = "visualizations",
    *,
    kinds: Sequence[str] = ("shrinkage",),
    format: str = "png",
    hardware: Sequence[str] | None = None,
    precision: str | None = None,
    effects: Sequence[str] | None = None,
    measurements: Any = None,
) -> list[Path]:
    """Draw figures of a posterior into a folder.

    Parameters
    ----------
    posterior : Posterior
    output_dir : path
    kinds : sequence of {"roofline", "shrinkage", "calibration", "contraction"}
    format : {"png", "svg", "pdf"}
    hardware : sequence of str, optional
        Devices whose roofline is drawn.
    precision : str, optional
        Of the roofline; fp16 by default.
    effects : sequence of str, optional
        Effects whose shrinkage is drawn; those of devices and of families on arithmetic by default.
    measurements : pandas.DataFrame, optional
        Points of a roofline, cases of a calibration, what a contraction learns from: devices that the posterior has not
        seen, the four of most rows (or those of ``hardware``).

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    UnknownNameError, InvalidWorkloadError, StoreError
    """
    style.check_format(format)
    draw: dict[str, Callable[[], Named]] = {
        "roofline": lambda: _rooflines(posterior, hardware, precision or "fp16", measurements),
        "shrinkage": lambda: _shrinkage(posterior, effects),
        "calibration": lambda: _calibration(posterior, measurements),
        "contraction": lambda: _contraction(posterior, hardware, measurements),
    }
    for kind in kinds:
        if kind not in draw:
            raise unknown("kind of figure", kind, draw)
    return [
        style.save(figure, Path(output_dir) / f"{name}.{format}") for kind in kinds for name, figure in draw[kind]()
    ]


POSTERIOR_KINDS = ("roofline", "shrinkage", "calibration", "contraction")
#: Devices that one figure of a contraction tells apart.
DEVICES = 4


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")


def _rooflines(posterior: Posterior, hardware: Sequence[str] | None, precision: str, measurements: Any) -> Named:
    if not hardware:
        raise InvalidWorkloadError("a roofline is of a device: name one with --hardware (hardware=)")
    return [
        (
            f"roofline_{_slug(h)}_{_slug(precision)}",
            roofline(roofline_curve(posterior, h, precision, measurements=measurements)),
        )
        for h in hardware
    ]


def _shrinkage(posterior: Posterior, effects: Sequence[str] | None) -> Named:
    names = list(effects) if effects else default_effects(posterior)
    return [("shrinkage", shrinkage([effect_table(posterior, n) for n in names]))]


def default_effects(posterior: Posterior) -> list[str]:
    """Effects of devices and of families on arithmetic, whatever this posterior calls them."""
    return [
        find_effect(posterior, ("device", "platform"), "compute"),
        find_effect(posterior, ("family", "platform"), "compute"),
    ]


def _calibration(posterior: Posterior, measurements: Any) -> Named:
    if measurements is None:
        raise InvalidWorkloadError("calibration compares with measurements: name them with --data (measurements=)")
    return [("calibration", calibration({"": reliability(posterior, measurements)}))]


def _contraction(posterior: Posterior, hardware: Sequence[str] | None, measurements: Any) -> Named:
    if measurements is None:
        raise InvalidWorkloadError("contraction learns from measurements: name them with --data (measurements=)")
    rows = r.table(measurements)
    label = np.array(
        [f"{p}:{known.name if (known := devices.match(d, p)) else d}" if d else "" for d, p in
         zip(rows["device"].tolist(), rows["hardware"].tolist(), strict=True)], dtype=object,
    )  # fmt: skip
    usable = np.isfinite(rows["throughput"]) & (rows["throughput"] > 0) & (label != "")
    if hardware:
        wanted = [resolve_target(h) for h in hardware]
        usable &= np.isin(label, [f"{t.platform}:{t.device}" for t in wanted])
    counted = Counter(label[usable].tolist()).most_common(DEVICES)
    enough = [name for name, count in counted if count >= LEAST]
    if not enough:
        most = f"{counted[0][0]} has {counted[0][1]}" if counted else "there is none"
        raise InvalidWorkloadError(f"contraction needs {LEAST} rows of a device with a throughput: {most}")
    studies = [few_shots(posterior, r.take(rows, usable & (label == name))) for name in enough]
    return [("contraction", contraction(studies))]
