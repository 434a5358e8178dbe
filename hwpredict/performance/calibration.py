"""Recalibration of predictive draws: a monotone stretch around each median, by what of a row is new to the posterior.

Partial pooling gets most of the way to honest widths; how far the sum of a dozen effects of an unseen harness or device
really spreads is better measured on folds that left such things out. The stretch is fitted there
(:mod:`hwpredict.evaluate.recalibrate`), kept with the posterior and can be switched off. With it goes the limit of a
data sheet's peak (:func:`hwpredict.performance.plain.limited`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: How much a draw that is quicker than the data sheet's peak allows counts relative to one that is not. One or two in a
#: hundred measured figures are (other work than the table says, Winograd's convolutions, sparse weights, a processor of
#: another clock), five in a hundred draws for an unseen device or model and ten for an unseen table.
BELIEVED = 0.15

#: What can be new, in the order of the bits of a situation.
NOVEL = ("source", "device", "model")


def situations(seen: Sequence[NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Situation of each row, 0 to 7: bit k is set where ``NOVEL[k]`` was not seen."""
    return np.sum([(~s).astype(np.int64) << k for k, s in enumerate(seen)], axis=0)


def situation_name(situation: int) -> str:
    """Readable name: ``"new source, new model"``."""
    new = [f"new {what}" for k, what in enumerate(NOVEL) if situation >> k & 1]
    return ", ".join(new) or "all seen"


def key(metric: str, situation: int, among: str) -> str:
    """Name of one pair of factors: ``among`` a platform, :func:`of_source`, or ``""`` for all rows."""
    return f"{metric}|{situation}|{among}"


def of_source(source: str) -> str:
    """How the rows of a source are called in a :func:`key`, told from a platform of that name."""
    return f"@{source}"


@dataclass(frozen=True)
class Calibration:
    """Factors by which deviations from the median are stretched.

    Attributes
    ----------
    factors : dict of str to (float, float)
        By :func:`key`: the factor at the median and that at the ends of the 90 % interval and beyond; between them it
        is linear in the deviation.
    """

    factors: dict[str, tuple[float, float]]

    def of(self, metric: str, situation: int, platform: str, source: str) -> tuple[float, float]:
        """Factors of a row: those of its source or platform, or else of all rows; 1 where nothing was fitted."""
        for among in (of_source(source), platform, ""):
            found = self.factors.get(key(metric, situation, among))
            if found is not None:
                return found
        return 1.0, 1.0
