"""Conditioning of an ensemble: every draw of a posterior is pulled to its own perturbed copy of new measurements.

Randomised maximum likelihood with a linear update of an ensemble (Chen & Oliver 2012; Evensen 2018), inside a Gibbs
sampler for what is not Gaussian. Given its scales, a draw moves by

    b_s ← b_s + Σ_s J' (J Σ_s J' + R_s)⁻¹ (y + e_s − f(b_s)),    Σ_s = draws' covariance ⊕ diag(prior variance in s)

and given the draw, its scales are drawn: the noise scale of a harness that the posterior has not seen, from its
population and the residuals; the mixing weights of Student-t noise and of Student-t levels. So a noise scale that one
or two rows can say little about stays as uncertain as it is, where a point estimate of it, fitted together with levels
that follow every row, would come out too small and make intervals too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import stdtr, stdtrit
from threadpoolctl import threadpool_limits

from hwpredict.performance.design import Array, Codes, Design
from hwpredict.performance.linearise import Linearisation
from hwpredict.performance.parts import NOISE_DF
from hwpredict.performance.posterior import STEP, Posterior

#: Sweeps of the Gibbs sampler: scales given draws, then draws given scales.
SWEEPS = 12
#: Gauss-Newton steps at the end, with the scales and the perturbations of the last sweep, for the smooth maximum.
SETTLING = 3
#: Largest mixing variance of a Student-t level: a draw a thousand scales away would ruin the linearisation.
LARGEST_MIXING = 100.0
#: Grid that noise scales are drawn from, in standard deviations of their population.
GRID = np.linspace(-3.5, 3.5, 57)
#: In the attributes of a posterior: mean and standard deviation of the log noise scale of groups that updates added.
LEARNT = "noise_learnt"
#: Of the central interval that the stored noise scale is right for.
PROBABILITY = 0.9


@dataclass(frozen=True, slots=True)
class Pulled:
    """A conditioned ensemble.

    Attributes
    ----------
    new : ndarray, shape (draw, new level)
        Draws of the levels that the measurements brought.
    weights : ndarray, shape (draw, draw)
        How much of each anomaly of the old levels every draw of them takes on.
    log_noise : ndarray, shape (draw, noise group)
        Log noise scales of the groups of the design.
    uncertain : ndarray of bool, shape (noise group,)
        Whether a scale was learnt here; the others are the posterior's.
    """

    new: Array
    weights: Array
    log_noise: Array
    uncertain: NDArray[np.bool_]


def pull(posterior: Posterior, d: Design, old: Codes, rng: np.random.Generator) -> Pulled:
    """Condition the draws of a posterior on a design.

    Parameters
    ----------
    posterior : Posterior
    d : Design
        Of the new measurements.
    old : ndarray of int, shape (level,)
        Level of the posterior that each level of the design is, -1 for a new one.
    rng : numpy.random.Generator

    Returns
    -------
    Pulled
    """
    levels, noise = _Levels.of(posterior, d, old), _Noise.of(posterior, d)
    draws, step = posterior.n_draws, _Step(d, levels)
    mixing, log_noise = levels.mixing(rng), noise.first(draws, rng)
    weight = rng.standard_gamma(NOISE_DF / 2, (draws, len(d.y))) / (NOISE_DF / 2)
    current = levels.start(mixing, np.arange(draws), rng)
    # many systems of some hundred unknowns: threads of BLAS would wait for each other, on a busy machine for minutes
    with threadpool_limits(1, user_api="blas"):
        for sweep in range(SWEEPS + SETTLING):
            mean = step.simulate(current)
            if sweep <= SWEEPS:
                if sweep:
                    mixing = levels.mixing_given(current[:, levels.fresh], rng)
                    log_noise = noise.given(d.y - mean, rng)
                    weight = _weights(d.y - mean, np.exp(log_noise[:, d.noise]), rng)
                # what a draw is perturbed by must not be what its scales were drawn from
                order = rng.permutation(draws) if sweep < SWEEPS else np.arange(draws)
                start = levels.start(mixing, order, rng)
                perturbation = rng.standard_normal(mean.shape)
            noise_variance = np.exp(2 * log_noise[:, d.noise]) / weight
            target = d.y + perturbation * np.sqrt(noise_variance)
            current, weights = step(current, mean, start, target, levels.scale**2 * mixing, noise_variance)
    return Pulled(current[:, levels.fresh], weights, log_noise, noise.uncertain)


class _Step:
    """One Gauss-Newton step of all draws.

    Parameters
    ----------
    d : Design
    levels : _Levels
    """

    def __init__(self, d: Design, levels: _Levels) -> None:
        self._lens, self._levels = Linearisation(d), levels
        self._new, self._old = np.flatnonzero(levels.fresh), np.flatnonzero(~levels.fresh)
        self._cross = _Cross.of(self._lens.jac[:, self._new].tocsc())

    def simulate(self, draws: Array) -> Array:
        """Mean of the measurements at each draw, shape (draw, obs)."""
        return np.stack([self._lens.linearise(b).copy() for b in draws])

    def __call__(
        self, current: Array, mean: Array, start: Array, target: Array, variance: Array, noise_variance: Array
    ) -> tuple[Array, Array]:
        """Draws closer to their targets, and the weights of the anomalies in them.

        Parameters
        ----------
        current, mean : ndarray, shape (draw, level) and (draw, obs)
            Where the draws are, and what they say of the measurements.
        start : ndarray, shape (draw, level)
            Prior draws.
        target : ndarray, shape (draw, obs)
            Perturbed measurements.
        variance, noise_variance : ndarray, shape (draw, new level) and (draw, obs)
        """
        levels, n = self._levels, len(current)
        self._lens.linearise(current.mean(axis=0))
        jac = self._lens.jac
        # J over old levels acts through the anomalies, over new ones through their own variances
        seen = np.asarray(jac[:, self._old] @ levels.anomaly.T) / np.sqrt(n - 1)
        j_new = jac[:, self._new].tocsc()
        total = self._cross.product(j_new.data, variance) + seen @ seen.T
        index = np.arange(len(seen))
        total[:, index, index] += noise_variance
        innovation = target - mean + np.asarray(jac @ (current - start).T).T
        gain = np.linalg.solve(total, innovation[:, :, None])[:, :, 0]
        weights = gain @ seen / np.sqrt(n - 1)
        out = np.empty_like(start)
        out[:, self._new] = start[:, self._new] + variance * np.asarray(gain @ j_new)
        out[:, self._old] = start[:, self._old] + weights @ levels.anomaly
        return out, weights


@dataclass(frozen=True, slots=True)
class _Levels:
    """Levels of a design before its measurements.

    Attributes
    ----------
    fresh : ndarray of bool, shape (level,)
    mean : ndarray, shape (old level,)
    anomaly : ndarray, shape (draw, old level)
        Draws minus their mean.
    scale : ndarray, shape (draw, new level)
    df : ndarray, shape (new level,)
        Degrees of freedom, infinite where a level is Gaussian.
    """

    fresh: NDArray[np.bool_]
    mean: Array
    anomaly: Array
    scale: Array
    df: Array

    @classmethod
    def of(cls, posterior: Posterior, d: Design, old: Codes) -> _Levels:
        fresh = old < 0
        effect = d.effect[fresh]
        draws = STEP * posterior.deviations(old[~fresh]).T.astype(float)
        centre = draws.mean(axis=0)
        df = np.array([e.df for e in d.effects])[effect]
        return cls(
            fresh, posterior.mean[old[~fresh]] + centre, draws - centre, posterior.scale[:, effect].astype(float), df
        )

    def start(self, mixing: Array, order: Codes, rng: np.random.Generator) -> Array:
        """Prior draws of all levels, those of the old ones in some order: shape (draw, level)."""
        out = np.empty((len(self.scale), len(self.fresh)))
        out[:, ~self.fresh] = self.mean + self.anomaly[order]
        out[:, self.fresh] = self.scale * np.sqrt(mixing) * rng.standard_normal(self.scale.shape)
        return out

    def mixing(self, rng: np.random.Generator) -> Array:
        """Mixing variances of the new levels from their prior, shape (draw, new level)."""
        return self.mixing_given(np.zeros_like(self.scale), rng, informed=0)

    def mixing_given(self, value: Array, rng: np.random.Generator, *, informed: int = 1) -> Array:
        """Mixing variances given the levels: 1 / Gamma((df + 1) / 2, (df + (value / scale)²) / 2)."""
        out = np.ones_like(self.scale)
        heavy = np.isfinite(self.df)
        df = self.df[heavy]
        rate = (df + informed * (value[:, heavy] / self.scale[:, heavy]) ** 2) / 2
        out[:, heavy] = rate / rng.standard_gamma((df + informed) / 2, rate.shape)
        return np.minimum(out, LARGEST_MIXING)


@dataclass(frozen=True, slots=True)
class _Noise:
    """Noise scales of a design before its measurements: log-normal, of known groups without any spread.

    Attributes
    ----------
    centre, spread : ndarray, shape (noise group,)
    group : ndarray of int, shape (obs,)
    """

    centre: Array
    spread: Array
    group: Codes

    @classmethod
    def of(cls, posterior: Posterior, d: Design) -> _Noise:
        learnt = posterior.attrs.get(LEARNT, {})
        centre, spread = [], []
        for name in d.noise_names:
            moments = learnt[name] if name in learnt else posterior.noise_moments(name)
            centre.append(float(moments[0]))
            spread.append(float(moments[1]))
        return cls(np.array(centre), np.array(spread), d.noise)

    @property
    def uncertain(self) -> NDArray[np.bool_]:
        """Groups whose scale is to be learnt."""
        return self.spread > 0

    def first(self, draws: int, rng: np.random.Generator) -> Array:
        """Log scales from their population, shape (draw, noise group)."""
        return self.centre + self.spread * rng.standard_normal((draws, len(self.centre)))

    def given(self, residual: Array, rng: np.random.Generator) -> Array:
        """Log scales given residuals (draw, obs), shape (draw, noise group): from a grid, the Student-t integrated."""
        out = np.tile(self.centre, (len(residual), 1))
        for g in np.flatnonzero(self.uncertain):
            grid = self.centre[g] + self.spread[g] * GRID
            ratio = residual[:, self.group == g, None] / np.exp(grid)
            density = -(NOISE_DF + 1) / 2 * np.log1p(ratio**2 / NOISE_DF) - grid
            log_density = density.sum(axis=1) - GRID**2 / 2
            gumbel = rng.gumbel(size=log_density.shape)
            out[:, g] = grid[np.argmax(log_density + gumbel, axis=1)]
        return out


def _weights(residual: Array, scale: Array, rng: np.random.Generator) -> Array:
    """Mixing weights of Student-t noise given residuals and scales, all of shape (draw, obs)."""
    rate = (NOISE_DF + (residual / scale) ** 2) / 2
    return np.asarray(rng.standard_gamma((NOISE_DF + 1) / 2, rate.shape) / rate)


@dataclass(frozen=True, slots=True)
class _Cross:
    """``J diag(v) J'`` for many ``v`` and one pattern of ``J``: a sparse product instead of a dense one per draw.

    Attributes
    ----------
    left, right : ndarray of int, shape (entry,)
        Entries of J whose product is the coefficient of a level in an element of the result.
    index, indptr : ndarray of int
        Levels, and where each element of the result starts, as in a CSR matrix.
    size : int
        Rows of J.
    """

    left: Codes
    right: Codes
    index: Codes
    indptr: Codes
    size: int

    @classmethod
    def of(cls, j: sp.csc_array) -> _Cross:
        count = np.diff(j.indptr)
        each = np.repeat(count, count)  # entries in the column of every entry
        first = np.repeat(j.indptr[:-1], count)
        left = np.repeat(np.arange(j.nnz), each)
        begins = np.cumsum(each) - each
        right = np.repeat(first, each) + np.arange(len(left)) - np.repeat(begins, each)
        element = j.indices[left].astype(np.int64) * j.shape[0] + j.indices[right]
        order = np.argsort(element, kind="stable")
        column = np.repeat(np.arange(j.shape[1]), count)[left]
        indptr = np.concatenate([[0], np.cumsum(np.bincount(element, minlength=j.shape[0] ** 2))])
        return cls(left[order], right[order], column[order], indptr, j.shape[0])

    def product(self, data: Array, variance: Array) -> Array:
        """``J diag(v) J'`` of every row ``v``, shape (draw, obs, obs); ``data`` are the entries of J."""
        matrix = sp.csr_array(
            (data[self.left] * data[self.right], self.index, self.indptr), shape=(self.size**2, variance.shape[1])
        )
        out: Array = np.ascontiguousarray(np.asarray(matrix @ variance.T).T)
        return out.reshape(len(variance), self.size, self.size)


def typical(log_scale: Array) -> float:
    """The one Student-t scale whose central 90 % interval is that of noise of uncertain scale.

    Parameters
    ----------
    log_scale : ndarray, shape (draw,)
        Draws of the log scale.
    """
    end = stdtrit(NOISE_DF, (1 + PROBABILITY) / 2)

    def outside(log_typical: float) -> float:
        return float(2 * stdtr(NOISE_DF, end * np.exp(log_typical - log_scale)).mean() - 1 - PROBABILITY)

    low, high = log_scale.min() - 1e-6, log_scale.max() + 1e-6
    return float(np.exp(brentq(outside, low, high, xtol=1e-4)))
