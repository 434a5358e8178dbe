"""Sparse Laplace engine: conditions a hundred thousand latent effects in minutes.

The model of :mod:`hwpredict.performance.graph` is Gaussian in its effects given their scales, up to the smooth maximum
of the parts and the Student-t tails. So one iteration linearises (the Jacobian of log-sum-exp is a softmax), reweights
(a Student-t is a scale mixture of Gaussians), factorises the sparse normal matrix once, takes a Newton step and
updates every scale by expectation-maximisation, whose expectations come from exact draws of the linearised posterior
(perturb and solve: Papandreou & Yuille 2010). This is the inner loop of INLA (Rue, Martino & Chopin 2009) with the
scales at their marginal mode.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance.design import Array, Codes, Design
from hwpredict.performance.linearise import NormalEquations, simulate
from hwpredict.performance.parts import NOISE_DF, NOISE_SCALE

#: Posterior draws per iteration that estimate the variances in the scale updates.
EM_DRAWS = 16
#: Iterations after which scales take their quick way: before, those of the finest effects would vanish
#: while the coarse ones still explain their share.
SETTLED = 8
#: Longest change of the log of a scale in one iteration after that.
LONGEST_CHANGE = 0.35
#: Share of its way that a scale goes at first after that, its growth while the direction stays, and the largest.
FIRST_PACE, FASTER, FASTEST = 0.5, 1.3, 4.0
#: Weight of the prior on each scale, in levels. With a weight of two, scales of a few dozen levels ran away: where a
#: part costs next to nothing the data bound its effects on one side only, so that phases went to e^-17 and slopes to
#: 5, and whatever was unseen was drawn from that.
SCALE_PRIOR = 50.0
#: Draws that share one draw of the scales, and so one factor.
SHARED_SCALE = 8
#: Steps that bend a draw of the linearised posterior to the smooth maximum.
CORRECTIONS = 3
#: Draws solved for together.
BLOCK = 16
#: Longest move of one effect in one iteration (log scale): where a part costs next to nothing, the linearisation of
#: its effects is worthless.
MAX_STEP = 1.0
#: How often a step that makes matters worse is halved before another one is tried.
HALVINGS = 8
#: Weight of the pooled noise scale, in observations.
NOISE_PRIOR = 4.0
#: Least noise scale of times and of memory. Figures are written with three digits or so: a table whose figures repeat
#: exactly would take the noise to zero, and the normal equations with it. Memory repeats to a few per mille, which no
#: model of buffers is right to: hundreds of rows of one network would bend what its weights take until their slow
#: growth with the prompt fits.
NOISE_FLOOR, MEMORY_FLOOR = 2e-3, 2e-2


@dataclass
class Laplace:
    """State of the approximation: mode, scales, and the factor that draws around the mode.

    Attributes
    ----------
    design : Design
    mode : ndarray, shape (level,)
        Posterior mode of the effects.
    scale : ndarray, shape (effect,)
        Standard deviation (Student-t: scale) of each effect's levels.
    noise : ndarray, shape (noise group,)
        Student-t scale of the observations.
    history : list of dict
        Per iteration: largest move of an effect, mean absolute residual, seconds.
    """

    design: Design
    mode: Array
    scale: Array
    noise: Array
    noise_center: Array
    level_precision: Array = field(default_factory=lambda: np.empty(0))
    history: list[dict[str, float]] = field(default_factory=list)
    _equations: NormalEquations | None = None
    _weight: Array = field(default_factory=lambda: np.empty(0))

    def deviates(self, n: int, rng: np.random.Generator) -> Array:
        """``n`` draws of effects minus mode from the linearised posterior, shape (draw, level)."""
        s = self._equations
        assert s is not None
        out = np.empty((n, self.design.n_levels))
        root_w, root_p = np.sqrt(self._weight), np.sqrt(self.level_precision)
        for start in range(0, n, BLOCK):
            count = min(BLOCK, n - start)
            noise = [(rng.standard_normal(len(root_w)), rng.standard_normal(len(root_p))) for _ in range(count)]
            rhs = [s.transposed_product(root_w * e) + root_p * z for e, z in noise]
            out[start : start + count] = s.solve(np.stack(rhs, axis=1)).T
        return out

    def sample(self, n: int, rng: np.random.Generator, given: tuple[Array, Array] | None = None) -> tuple[Array, Array]:
        """Joint draws of effects and of their scales.

        Every :data:`SHARED_SCALE` draws share scales: ``scale² ~ Scaled-Inv-Chi²(m + ν, mode)`` for ``m`` informed
        levels, the conditional posterior of a variance; and mixing weights of the Student-t levels and observations,
        ``Gamma((df + 1) / 2)`` around their expectation. The effects are drawn given them by randomise-then-optimise.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
        given : tuple of (effects, scales), optional
            ``n`` draws of an earlier state on the same design: levels that are held here are taken from them, and the
            free ones drawn given these, draw by draw, under the same scales.

        Returns
        -------
        effects : ndarray, shape (draw, level)
        scales : ndarray, shape (draw, effect)
        """
        d, s = self.design, self._equations
        assert s is not None
        sizes = np.diff(d.starts)
        informed = np.bincount(d.effect, self.shrinkage(), minlength=len(d.effects))
        learned, freedom = np.array([e.learned for e in d.effects]), informed + SCALE_PRIOR
        effects, scales = np.empty((n, d.n_levels)), np.empty((n, len(d.effects)))
        precision, weight = self.level_precision, self._weight
        s.linearise(self.mode)
        shape = np.repeat([(e.df + 1) / 2 for e in d.effects], sizes)
        heavy = np.isfinite(shape)
        mixing = np.ones(d.n_levels)
        for start in range(0, n, SHARED_SCALE):
            these = slice(start, min(start + SHARED_SCALE, n))
            if given is None:
                ratio = np.where(learned, np.sqrt(freedom / rng.chisquare(freedom)), 1.0)
            else:
                ratio = given[1][start] / self.scale
            mixing[heavy] = rng.standard_gamma(shape[heavy]) / shape[heavy]
            self.level_precision = precision * mixing / np.repeat(ratio, sizes) ** 2
            self._weight = weight * rng.standard_gamma((NOISE_DF + 1) / 2, len(d.y)) / ((NOISE_DF + 1) / 2)
            s.factorise(self._weight, self.level_precision)
            effects[these] = self._perturbed(these.stop - start, rng, None if given is None else given[0][these])
            scales[these] = self.scale * ratio
        self.level_precision, self._weight = precision, weight
        s.factorise(weight, precision)
        return effects, scales

    def _perturbed(self, n: int, rng: np.random.Generator, given: Array | None = None) -> Array:
        """``n`` draws of the effects given the weights, shape (draw, level), by randomise-then-optimise.

        Levels that are held come from ``given``, shape (draw, level).

        Every draw is the fit to measurements and prior means that were perturbed by their own noise (Bardsley et al.
        2014), found with the factor at the mode. The first step is an exact draw of the linearised posterior; the
        others bend it to the smooth maximum, on whose convex side linear draws would all lie a little too slow.
        """
        s, d = self._equations, self.design
        assert s is not None
        root_w, root_p = np.sqrt(self._weight), np.sqrt(self.level_precision)
        noise = [(rng.standard_normal(len(root_w)), rng.standard_normal(len(root_p))) for _ in range(n)]

        def misfits(b: Array) -> tuple[Array, Array]:
            data = [root_w * (d.y - simulate(d, x)) + e for x, (e, _) in zip(b, noise, strict=True)]
            return np.stack(data), np.stack([root_p * x - z for x, (_, z) in zip(b, noise, strict=True)])

        b = np.repeat(self.mode[None], n, axis=0) if given is None else np.where(s.free, self.mode, given)
        data, prior = misfits(b)
        for correction in range(1 + CORRECTIONS):
            rhs = [s.transposed_product(root_w * f) - root_p * g for f, g in zip(data, prior, strict=True)]
            proposed = b + np.clip(s.solve(np.stack(rhs, axis=1)).T, -MAX_STEP, MAX_STEP)
            new_data, new_prior = misfits(proposed)
            # a correction that leads away from the perturbed measurements is not taken
            loss = [(f**2).sum(axis=1) + (g**2).sum(axis=1) for f, g in ((data, prior), (new_data, new_prior))]
            better = loss[1] < loss[0] if correction else np.ones(n, dtype=bool)
            b[better], data[better], prior[better] = proposed[better], new_data[better], new_prior[better]
        return b

    def shrinkage(self) -> Array:
        """Share of a level's conditional precision that comes from data, shape (level,)."""
        s = self._equations
        assert s is not None
        return np.asarray(1 - self.level_precision / s.diagonal)


def laplace(
    d: Design,
    *,
    iterations: int = 25,
    rng: np.random.Generator,
    start: tuple[Array, Array, Array] | None = None,
    power: Array | None = None,
    free: NDArray[np.bool_] | None = None,
    progress: Callable[[int, dict[str, float], Laplace], None] | None = None,
) -> Laplace:
    """Fit mode and scales.

    Parameters
    ----------
    d : Design
    iterations : int
        Newton and expectation-maximisation steps.
    rng : numpy.random.Generator
    start : tuple of (mode, scale, noise), optional
        Where to go on from, e.g. a checkpoint of a fit on the same design.
    power : ndarray, shape (obs,), optional
        Power that the likelihood of each observation is raised to; 1 by default.
    free : ndarray of bool, shape (level,), optional
        Levels to fit. All others are held where ``start`` has them, and so are all scales of effects.
    progress : callable, optional
        Called with the iteration, its record and the state after each iteration.

    Returns
    -------
    Laplace
    """
    s = NormalEquations(d, free)
    power = np.ones(len(d.y)) if power is None else power
    sizes = np.diff(d.starts)
    prior = np.array([e.scale for e in d.effects])
    learned = np.array([e.learned for e in d.effects]) & (sizes > 0) & (free is None)
    df = np.array([e.df for e in d.effects])
    level_df = np.repeat(df, sizes)
    gaussian, finite_df = np.isinf(level_df), np.where(np.isinf(level_df), 1.0, level_df)
    is_memory = d.noise_is_memory
    if start is None:
        state = Laplace(
            d, np.zeros(d.n_levels), prior.copy(), np.full(len(d.noise_names), 3 * NOISE_SCALE), np.full(2, NOISE_SCALE)
        )
    else:
        state = Laplace(d, start[0].copy(), start[1].copy(), start[2].copy(), np.full(2, NOISE_SCALE))
    floor = np.where(is_memory, MEMORY_FLOOR, NOISE_FLOOR)
    spread = np.zeros(d.n_levels)
    counts = np.bincount(d.noise, minlength=len(d.noise_names))
    fitted_variance = np.zeros(len(d.y))
    state._equations = s

    def linearise() -> tuple[Array, Array, Array]:
        residual = d.y - s.linearise(state.mode)
        weight = power * (NOISE_DF + 1) / (NOISE_DF * state.noise[d.noise] ** 2 + residual**2 + fitted_variance)
        square = (state.mode**2 + spread) / np.repeat(state.scale, sizes) ** 2
        tail = np.where(gaussian, 1.0, (finite_df + 1) / (finite_df + square))
        precision = tail / np.repeat(state.scale, sizes) ** 2
        s.factorise(weight, precision)
        state._weight, state.level_precision = weight, precision
        return residual, weight, precision

    pace = _Pace(np.full(len(d.effects), FIRST_PACE), np.zeros(len(d.effects)))
    for it in range(iterations):
        began = time.perf_counter()
        residual, weight, precision = linearise()
        sigma, level_scale = state.noise[d.noise], np.repeat(state.scale, sizes)
        whole = s.solve(s.transposed_product(weight * residual) - precision * state.mode)
        draws = state.deviates(EM_DRAWS, rng)
        fitted_variance = np.mean([s.product(e) ** 2 for e in draws], axis=0)
        step = _line_search(s, d, state.mode, whole, weight, precision, residual)
        state.mode = state.mode + step
        spread = (draws**2).mean(axis=0)
        square = state.mode**2 + spread
        tail = np.where(gaussian, 1.0, (finite_df + 1) / (finite_df + square / level_scale**2))
        settled = it >= SETTLED
        proposed = _scales(d, tail, state.mode, spread, state.scale, prior, sizes, settled)
        if settled:
            proposed = state.scale * np.exp(pace.taken(np.log(proposed / state.scale)))
        state.scale = np.where(learned, proposed, state.scale)
        residual = d.y - s.linearise(state.mode)
        square = residual**2 + fitted_variance
        u = (NOISE_DF + 1) / (NOISE_DF + square / sigma**2)
        center = np.array([_center(state.noise[is_memory == m], counts[is_memory == m]) for m in (False, True)])
        state.noise_center = center
        around = center[is_memory.astype(int)]
        total = np.bincount(d.noise, u * square, minlength=len(counts))
        state.noise = np.maximum(np.sqrt((total + NOISE_PRIOR * around**2) / (counts + NOISE_PRIOR)), floor)
        record = {
            "step": float(np.abs(step).max()),
            "residual": float(np.median(np.abs(residual))),
            "seconds": time.perf_counter() - began,
        }
        state.history.append(record)
        if progress is not None:
            progress(it, record, state)
    linearise()  # so that draws come from the factor at the final mode and scales
    return state


@dataclass
class _Pace:
    """How much of its way each scale goes in one iteration: half as much after it turned (Riedmiller & Braun 1993).

    The effects of one row share what they explain. Were each to take its whole way, they would all grow, explain too
    much, all shrink, and so on: scales would swing by a third with every iteration, and end where the last one happens
    to leave them.
    """

    share: Array
    last: Array

    def taken(self, change: Array) -> Array:
        """What is taken of a change of the log scales, shape (effect,)."""
        turned = change * self.last < 0
        self.share = np.where(turned, self.share / 2, np.minimum(self.share * FASTER, FASTEST))
        whole = np.clip(change, -LONGEST_CHANGE, LONGEST_CHANGE)
        self.last = np.clip(whole * self.share, -LONGEST_CHANGE, LONGEST_CHANGE)
        return self.last


def _scales(
    d: Design,
    tail: Array,
    mode: Array,
    spread: Array,
    scale: Array,
    prior: Array,
    sizes: Codes,
    settled: bool,
) -> Array:
    """Scale of each effect, shape (effect,), by expectation-maximisation, once settled by MacKay's fixed point.

    Expectation-maximisation sets ``scale² = (Σ w (mode² + variance) + ν prior²) / (n + ν)``, ``w`` the weight of a
    Student-t level in the scale mixture. Where the data say little about single levels it creeps: the variance is that
    of the scale itself, and unseen levels would inherit the width of the prior. The same fixed point with what the data
    determine of the levels, ``γ = Σ (1 - w variance / scale²)``, in place of their number, ``scale² = (Σ w mode² +
    ν prior²) / (γ + ν)``, is reached in a few steps (MacKay 1992).
    """
    square = np.bincount(d.effect, tail * mode**2, minlength=len(d.effects))
    variance = np.bincount(d.effect, tail * spread, minlength=len(d.effects))
    if settled:
        determined = np.clip(sizes - variance / scale**2, 0.0, None)
        return np.asarray(np.sqrt((square + SCALE_PRIOR * prior**2) / (determined + SCALE_PRIOR)))
    return np.asarray(np.sqrt((square + variance + SCALE_PRIOR * prior**2) / (sizes + SCALE_PRIOR)))


def _line_search(
    s: NormalEquations, d: Design, mode: Array, whole: Array, weight: Array, precision: Array, residual: Array
) -> Array:
    """The step that lowers the reweighted objective most: the smooth maximum is not linear, so that not all is gone.

    A step too long is cut level by level, which lets all others go their way, or shortened as a whole, which keeps
    levels that make up for each other together. Either is halved until it is better than none; the better one is taken.
    """

    def objective(residual: Array, b: Array) -> float:
        return float((weight * residual**2).sum() + (precision * b**2).sum())

    before = objective(residual, mode)
    longest = np.abs(whole).max()
    tried = [np.clip(whole, -MAX_STEP, MAX_STEP)]
    if longest > MAX_STEP:
        tried.append(whole * (MAX_STEP / longest))
    best, lowest = np.zeros_like(whole), before
    for step in tried:
        for _ in range(HALVINGS):
            b = mode + step
            after = objective(d.y - s.linearise(b), b)
            if after < lowest:
                best, lowest = step, after
            if after < before:
                break
            step = step / 2
    return best


def _center(noise: Array, counts: Codes) -> float:
    """Typical noise scale: the median over groups, so that a large source does not set it alone."""
    return float(np.exp(np.mean(np.log(noise)))) if len(noise) and counts.sum() else NOISE_SCALE


def log_density(d: Design, b: Array, scale: Array, noise: Array) -> float:
    """Log density of data and effects given the scales: the sum that the PyMC graph must agree with.

    Parameters
    ----------
    d : Design
    b : ndarray, shape (level,)
    scale : ndarray, shape (effect,)
    noise : ndarray, shape (noise group,)

    Returns
    -------
    float
    """
    from scipy import stats

    sd = np.repeat(scale, np.diff(d.starts))
    df = np.repeat([e.df for e in d.effects], np.diff(d.starts))
    gaussian = np.isinf(df)
    total = np.sum(stats.norm.logpdf(b[gaussian], scale=sd[gaussian]))
    total += np.sum(stats.t.logpdf(b[~gaussian], df[~gaussian], scale=sd[~gaussian]))
    total += np.sum(stats.t.logpdf(d.y, NOISE_DF, loc=simulate(d, b), scale=noise[d.noise]))
    return float(total)
