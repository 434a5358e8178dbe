"""A plan: the grid together with how its cells are to be predicted, and its division into blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from hwpredict.errors import InvalidWorkloadError
from hwpredict.matrix.grid import Grid
from hwpredict.performance.cells import to_rows, validate
from hwpredict.performance.posterior import Posterior
from hwpredict.workload import Workload

#: Probabilities of the quantiles kept: the ends of the 90 % and the 50 % interval, and the median.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Cells predicted at a time: three metrics × 400 draws of so many are 50 MB.
BLOCK_CELLS = 10_000

#: A hyper-rectangle of the grid: a slice of each dimension.
type Block = tuple[slice, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compute.

    Attributes
    ----------
    grid : Grid
    draws, seed : int
        Predictive draws a cell, and their seed.
    quantiles : tuple of float
        Ascending probabilities.
    keep_draws : bool
        Whether the draws themselves are kept.
    on_unknown : {"error", "prior"}
        Whether unknown names are refused or drawn from their population.
    """

    grid: Grid
    draws: int = 400
    seed: int = 0
    quantiles: tuple[float, ...] = QUANTILES
    keep_draws: bool = False
    on_unknown: str = "error"

    def __post_init__(self) -> None:
        given = [float(q) for q in self.quantiles]
        if not given or any(not 0 < q < 1 for q in given) or sorted(set(given)) != given:
            raise InvalidWorkloadError(f"quantiles are {given}: give ascending probabilities between 0 and 1")
        if self.draws < 2:
            raise InvalidWorkloadError(f"draws is {self.draws}: an interval takes at least 2, better some hundred")
        object.__setattr__(self, "quantiles", tuple(given))

    def signature(self, posterior: Posterior) -> str:
        """Hash of everything that the figures depend on."""
        text = f"{self.grid.signature}|{self.draws}|{self.seed}|{self.quantiles}|{self.keep_draws}|{self.on_unknown}"
        return hashlib.sha256(f"{text}|{posterior.fingerprint}".encode()).hexdigest()[:16]

    def check(self, posterior: Posterior) -> None:
        """Refuse unknown names before anything is computed.

        Raises
        ------
        UnknownNameError, InvalidWorkloadError
        """
        g = self.grid
        first = Workload(g.models[0].name, g.models[0].family, parameters=g.models[0].parameters, mode=g.mode)
        works = [g.workload(m, g.precisions[0], g.sequence_lengths[0], "forward") for m in g.models]
        pairs = [(w, g.targets[0]) for w in works] + [(first, t) for t in g.targets]
        validate(to_rows(pairs), posterior, on_unknown=self.on_unknown)


def block_shape(grid: Grid, limit: int = BLOCK_CELLS) -> tuple[int, ...]:
    """Shape of blocks of at most about ``limit`` cells.

    The hardware is never divided: which of it is best is asked within a block.
    """
    shape = list(grid.shape)
    left = max(limit // shape[1], 1)
    for axis in (*range(len(shape) - 1, 1, -1), 0):
        shape[axis] = min(shape[axis], left)
        left = max(left // shape[axis], 1)
    return tuple(shape)


def blocks(grid: Grid, step: tuple[int, ...]) -> Iterator[Block]:
    """Blocks of the shape ``step`` that cover the grid, in row-major order."""

    def starts(axis: int) -> Iterator[Block]:
        if axis == len(step):
            yield ()
            return
        for start in range(0, grid.shape[axis], step[axis]):
            mine = slice(start, min(start + step[axis], grid.shape[axis]))
            yield from ((mine, *rest) for rest in starts(axis + 1))

    yield from starts(0)
