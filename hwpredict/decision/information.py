"""The value of information: what knowing more would be worth, and what to measure next.

Perfect information is worth the expected regret of the best option. A benchmark is worth the rise in expected utility
from deciding after it (Raiffa & Schlaifer 1961). Its result ``y`` is a log figure of one option plus the noise of a
repeated run; the draws are conditioned on it by Matheron's rule,

    log x_i ← log x_i + K_i (y_seen − y),      K_i = cov(log x_i, y) / var(y)

which is exact for jointly Gaussian logs (the linear-Gaussian case of Strong et al. 2015 and the ensemble update of
Evensen 2018) and works with any utility, since all of latency, throughput and memory are moved in every draw.
Correlations within twice their sampling error are set to zero. The preposterior expectation averages over results
drawn from the draws themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.decision.outcomes import Outcomes
from hwpredict.decision.recommend import Ranking
from hwpredict.errors import InfeasibleError, InvalidWorkloadError, unknown

Array = NDArray[np.float64]

#: Standard deviation of the log of a repeated run on the same machine: some per cent (timm re-measurements).
REPEAT_NOISE = 0.03
#: Results that are imagined of each benchmark.
IMAGINED = 64
#: Expected regret, in units of utility, below which a decision counts as settled: 5 % of speed in a log utility.
SETTLED = 0.05
#: Minutes to set a benchmark up, and the steps that it times.
SETUP_MINUTES, STEPS = 5.0, 100.0
METRICS = ("latency", "throughput", "memory")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What measuring one option next would be worth.

    Attributes
    ----------
    name : str
        The option to measure.
    evsi : float
        Expected rise of the utility of the choice, units of utility.
    standard_error : float
        Of ``evsi``, Monte Carlo.
    p_settles : float
        Probability that the expected regret after it is at most the threshold.
    expected_regret : float
        Expected regret after it.
    minutes : float
        Set-up and a hundred steps.
    dollars : float
        Price of that time; NaN where no price is known.
    """

    name: str
    evsi: float
    standard_error: float
    p_settles: float
    expected_regret: float
    minutes: float
    dollars: float

    @property
    def per_minute(self) -> float:
        """EVSI per minute."""
        return self.evsi / self.minutes

    @property
    def per_dollar(self) -> float:
        """EVSI per dollar; NaN where no price is known."""
        return self.evsi / self.dollars

    def as_dict(self) -> dict[str, Any]:
        """Flat dictionary."""
        return {name: getattr(self, name) for name in (*self.__slots__, "per_minute", "per_dollar")}


def logs(outcomes: Outcomes) -> dict[str, Array]:
    """Logs of the draws of each metric, shape (option, draw)."""
    return {m: np.log(outcomes[m]) for m in METRICS}


def gains(target: Array, y: Array, noise: float, clusters: int) -> Array:
    """Kalman gains of log figures on a noisy observation of another.

    Parameters
    ----------
    target : ndarray, shape (..., draw)
        Log figures.
    y : ndarray, shape (draw,)
        The log figure that is observed, without noise.
    noise : float
        Standard deviation of the observation.
    clusters : int
        Independent draws; correlations below twice ``1 / sqrt(clusters)`` are noise and set to zero.

    Returns
    -------
    ndarray, shape (...)
    """
    # covariances of heavy tails: a few wild draws must not decide how the others move
    low, high = np.quantile(target, [0.01, 0.99], axis=-1, keepdims=True)
    t = np.clip(target, low, high)
    own = np.clip(y, *np.quantile(y, [0.01, 0.99]))
    t, own = t - t.mean(axis=-1, keepdims=True), own - own.mean()
    covariance = (t * own).mean(axis=-1)
    variance = float((own**2).mean())
    spread = np.sqrt((t**2).mean(axis=-1) * variance)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(spread > 0, covariance / spread, 0.0)
    kept = np.abs(correlation) > 2 / np.sqrt(max(clusters, 1))
    return np.asarray(np.where(kept, covariance, 0.0) / (variance + noise**2 + 1e-12))


def condition(
    outcomes: Outcomes,
    option: int,
    seen: dict[str, float],
    *,
    noise: float = REPEAT_NOISE,
    rng: np.random.Generator | None = None,
) -> Outcomes:
    """Condition draws on a measurement of one option.

    Parameters
    ----------
    outcomes : Outcomes
    option : int
        Which was measured.
    seen : dict of str to float
        ``latency`` (ms), ``throughput`` (items/s), ``memory`` (MB); at least one.
    noise : float
        Standard deviation of the log of a repeated run.
    rng : numpy.random.Generator, optional
        Perturbs each draw's own observation, so that the spread of the draws is that of the posterior.

    Returns
    -------
    Outcomes
        Every figure of every option moved along.

    Raises
    ------
    InvalidWorkloadError
        No figure, or one that is not positive.
    """
    rng = rng or np.random.default_rng(0)
    # throughput and latency of one run are one observation, not two
    speed = next((m for m in ("latency", "throughput") if m in seen), None)
    known = [m for m in (speed, "memory") if m is not None and m in seen]
    if not known or not all(np.isfinite(seen[m]) and seen[m] > 0 for m in known):
        raise InvalidWorkloadError(f"a measurement needs a positive latency, throughput or memory; there is {seen}")
    current = logs(outcomes)
    clusters = len(np.unique(outcomes.cluster))
    for metric in known:
        y = current[metric][option]
        perturbed = y + noise * rng.standard_normal(y.shape)
        moved = {}
        for m, values in current.items():
            k = gains(values, y, noise, clusters)
            moved[m] = values + k[:, None] * (np.log(seen[metric]) - perturbed)[None, :]
        current = moved
    return outcomes.replaced(**{m: np.exp(v) for m, v in current.items()})


def next_benchmarks(
    ranking: Ranking,
    *,
    noise: float = REPEAT_NOISE,
    settled: float = SETTLED,
    by: str = "minute",
    options: Sequence[str] | None = None,
    imagined: int = IMAGINED,
    seed: int = 0,
) -> list[Benchmark]:
    """What to measure next: each option in turn, ranked by expected value of sample information.

    Parameters
    ----------
    ranking : Ranking
    noise : float
        Standard deviation of the log of a repeated run.
    settled : float
        Expected regret below which the decision counts as settled, units of utility.
    by : {"minute", "dollar", "benchmark"}
        Ranked per minute, per dollar, or as it is.
    options : sequence of str, optional
        Options that can be measured; all by default.
    imagined, seed : int
        Results imagined of each benchmark.

    Returns
    -------
    list of Benchmark
        Best first. Per dollar, those without a price come last.
    """
    if by not in ("minute", "dollar", "benchmark"):
        raise unknown("way to rank benchmarks", by, ("minute", "dollar", "benchmark"))
    names = ranking.outcomes.names
    for name in options or ():
        if name not in names:
            raise unknown("option", name, names)
    chosen = [i for i, name in enumerate(names) if options is None or name in options]
    out = [_value(ranking, i, noise, settled, imagined, seed) for i in chosen]

    def order(b: Benchmark) -> tuple[bool, float, float]:
        worth = {"minute": b.per_minute, "dollar": b.per_dollar, "benchmark": b.evsi}[by]
        return bool(np.isnan(worth)), -float(np.nan_to_num(worth)), -b.p_settles

    return sorted(out, key=order)


def _value(ranking: Ranking, option: int, noise: float, settled: float, imagined: int, seed: int) -> Benchmark:
    o = ranking.outcomes
    rng = np.random.default_rng(seed)
    current = logs(o)
    clusters = len(np.unique(o.cluster))
    n_draws = o.shape[1]
    # stratified: results at equally spaced ranks of the observed figure
    y = current["latency"][option]
    memory = current["memory"][option]
    order = np.argsort(y, kind="stable")
    picked = order[((np.arange(imagined) + 0.5) / imagined * n_draws).astype(int)]
    perturb = noise * rng.standard_normal((2, n_draws))
    k_time = {m: gains(v, y, noise, clusters) for m, v in current.items()}
    after = {m: v - k_time[m][:, None] * (y + perturb[0])[None, :] for m, v in current.items()}
    rest = memory - k_time["memory"][option] * (y + perturb[0])
    k_memory = {m: gains(v, rest, noise, clusters) for m, v in after.items()}
    rise, regret = np.empty(imagined), np.empty(imagined)
    for j, d in enumerate(picked):
        seen = y[d] + noise * rng.standard_normal()
        moved = {m: v + k_time[m][:, None] * seen for m, v in after.items()}
        # the memory of draw d, given its time, against that of every other draw
        here = moved["memory"][option]
        gap = memory[d] + noise * rng.standard_normal() - here - perturb[1]
        moved = {m: v + k_memory[m][:, None] * gap[None, :] for m, v in moved.items()}
        value = _utility(ranking, o.replaced(**{m: np.exp(v) for m, v in moved.items()}))
        equivalent = ranking.risk.certainty_equivalent(value)[0]
        pick = int(equivalent.argmax())
        rise[j] = equivalent[pick] - equivalent[0]
        regret[j] = (value.max(axis=0) - value[pick]).mean()
    candidate = o.candidates[option]
    minutes = SETUP_MINUTES + STEPS * float(np.median(o["latency"][option])) / 6e4
    rate = candidate.price.usd_per_hour * candidate.n_devices if candidate.price is not None else float("nan")
    return Benchmark(
        candidate.name,
        float(rise.mean()),
        float(rise.std() / np.sqrt(imagined)),
        float((regret <= settled).mean()),
        float(regret.mean()),
        minutes,
        rate * minutes / 60,
    )


def _utility(ranking: Ranking, outcomes: Outcomes) -> Array:
    with np.errstate(all="ignore"):
        given = np.asarray(ranking.utility(outcomes.priced(ranking.slowdown)), dtype=float)
    return np.array(np.broadcast_to(given, outcomes.shape))


def advice(benchmarks: Sequence[Benchmark], what: str, settled: float = SETTLED) -> str:
    """The first benchmark in plain words.

    Parameters
    ----------
    benchmarks : sequence of Benchmark
    what : str
        Workload: ``"bert-base-uncased at batch 8"``.
    settled : float
    """
    if not benchmarks:
        return "There is nothing to measure."
    first = benchmarks[0]
    if first.evsi <= 2 * first.standard_error and first.evsi < 1e-3:
        return "No single benchmark is expected to change the choice."
    price = "" if np.isnan(first.dollars) else f", {first.dollars:.2f} USD"
    return (
        f"Measure {what} on {first.name}: {first.p_settles:.0%} chance to settle it (expected regret at most "
        f"{settled:g}), worth {first.evsi:.3g} on average, about {first.minutes:.0f} min{price}."
    )


@dataclass
class Campaign:
    """Benchmarks that were run one after another.

    Attributes
    ----------
    measured : list of str
        Options, in the order in which they were measured.
    results : list of dict
        What each gave.
    regret : list of float
        Expected regret of the choice, before the first and after each.
    ranking : Ranking
        The last one.
    reason : str
        Why it stopped.
    """

    ranking: Ranking
    measured: list[str] = field(default_factory=list)
    results: list[dict[str, float]] = field(default_factory=list)
    regret: list[float] = field(default_factory=list)
    reason: str = ""


def run_until_settled(
    ranking: Ranking,
    benchmark: Callable[[str], dict[str, float] | None],
    rank: Callable[[Outcomes], Ranking],
    *,
    learn: Callable[[Outcomes, str, dict[str, float]], Outcomes] | None = None,
    settled: float = SETTLED,
    most: int = 10,
    by: str = "benchmark",
    options: Sequence[str] | None = None,
    noise: float = REPEAT_NOISE,
    imagined: int = IMAGINED,
    seed: int = 0,
) -> Campaign:
    """Measure what is worth most, learn from it, rank again; stop when the choice is settled.

    Parameters
    ----------
    ranking : Ranking
        Where to start from.
    benchmark : callable
        Runs the benchmark of an option by name: its ``latency`` (ms), ``throughput`` (items/s), ``memory`` (MB), or
        None if it cannot be run here.
    rank : callable
        Ranks outcomes, e.g. ``Preferences.rank``.
    learn : callable, optional
        Outcomes given a result: conditions the posterior and predicts again. By default the draws themselves are
        conditioned (:func:`condition`).
    settled : float
        Expected regret at which to stop, units of utility.
    most : int
        Benchmarks at most.
    by, options, noise, imagined, seed
        As in :func:`next_benchmarks`.

    Returns
    -------
    Campaign
    """
    done = Campaign(ranking, regret=[ranking.evpi])
    current, refused = ranking.outcomes, set[str]()
    rng = np.random.default_rng(seed)
    while done.ranking.evpi > settled:
        left = [
            n for n in done.ranking.outcomes.names
            if n not in done.measured and n not in refused and (options is None or n in options)
        ]  # fmt: skip
        if not left or len(done.measured) >= most:
            done.reason = "nothing is left to measure" if not left else f"{most} benchmarks were run"
            return done
        ranked = next_benchmarks(
            done.ranking, noise=noise, settled=settled, by=by, options=left, imagined=imagined, seed=seed
        )
        name = ranked[0].name
        result = benchmark(name)
        if result is None:
            refused.add(name)
            continue
        if learn is None:
            current = condition(current, current.names.index(name), result, noise=noise, rng=rng)
        else:
            current = learn(current, name, result)
        done.measured.append(name)
        done.results.append(result)
        try:
            done.ranking = rank(current)
        except InfeasibleError as error:
            done.reason = str(error)
            return done
        done.regret.append(done.ranking.evpi)
    done.reason = f"expected regret is at most {settled:g}"
    return done
