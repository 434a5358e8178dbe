"""How much each table of measurements counts.

The rows of one table err together: they share a harness, a handful of devices, an idea of what to measure, and the
model is as wrong about one of them as about the next. A table of thirty thousand rows would so bend what all tables
share (phases, frameworks, saturation, architectures) until it fits that table best, and take all others along. For what
is shared, the likelihood of a large table is therefore raised to a power, such that it weighs as much as some hundred
rows (a power likelihood: Bissiri, Holmes & Walker 2016; Holmes & Walker 2017). What a table alone knows (its harness,
its cells, the models and devices that nobody else measured) is then fitted to all of its rows, given what is shared and
without a word in it (a cut between modules: Liu, Bayarri & Berger 2009; Plummer 2015).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance.design import SEPARATOR, Array, Codes, Design

#: Observations (a row has one or two of times and one of memory) that a table weighs as, at most, in what several
#: tables share. Chosen on folds that left out sources, devices, models and cells (docs/model.md).
MOST_OBSERVATIONS = 300.0


def tables(d: Design) -> Codes:
    """Table of each observation, its times and its memory apart, shape (obs,)."""
    names = [SEPARATOR.join(name.split(SEPARATOR)[:2]) for name in d.noise_names]
    return np.asarray(np.unique(names, return_inverse=True)[1][d.noise])


def powers(d: Design) -> Array:
    """Power that the likelihood of each observation is raised to, shape (obs,).

    ``min(1, MOST_OBSERVATIONS / observations of its table)``; 1 where a table is the only one of times or of memory, so
    that it shares nothing with another.
    """
    table = tables(d)
    size = np.bincount(table)
    power = np.minimum(1.0, MOST_OBSERVATIONS / size)[table]
    for kind in (d.observations.memory, ~d.observations.memory):
        if len(np.unique(table[kind])) == 1:
            power[kind] = 1.0
    return power


def of_one_table(d: Design) -> NDArray[np.bool_]:
    """Levels that the observations of one table alone inform, shape (level,)."""
    table = tables(d)[d.obs]
    first, last = np.full(d.n_levels, len(d.y)), np.full(d.n_levels, -1)
    np.minimum.at(first, d.level, table)
    np.maximum.at(last, d.level, table)
    return np.asarray(first == last)
