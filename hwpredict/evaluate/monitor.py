"""Stored predictions against the measurements that came in after them, and whether they call for a refit.

Errors on one device go together: all predictions for it share what is not known of it. So measurements count by device.
Let ``z`` be the normal score of each measurement's PIT, and ``e`` the mean share of the predictive variance that is
epistemic, taken to be wholly shared within a device (which errs on the side of silence). Of ``C`` devices with ``n``
measurements each, if the predictions are calibrated,

    bias     sum over devices of  mean(z) / sqrt(e + (1 − e) / n),  divided by sqrt(C), is standard normal;
    spread   Q, the mean over devices of mean(z²), is about χ²(ν) / ν with ν = 2 / var(Q), the variance of a device's
             mean(z²) being 2 (e² + (1 − e²) / n) (Satterthwaite 1946);
    drift    sum over devices of  (mean(z later) − mean(z earlier)) / sqrt((1 − e) (1 / n₁ + 1 / n₂)), divided by
             sqrt(C), is standard normal: between the halves of a device's measurements what is shared cancels.

A refit is called for when one of the three has a two-sided p below :data:`ALPHA` divided by the number of tests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammainc, gammaincc, ndtri

from hwpredict.errors import InvalidWorkloadError, unknown

Array = NDArray[np.float64]

#: Chance of calling for a refit of a calibrated posterior, all tests of one report of one metric together.
ALPHA = 0.01
#: Measurements below which no test is made.
ENOUGH = 8
#: Quantiles from which on they are a distribution; fewer are a point, perhaps with an interval.
DISTRIBUTION = 20
#: What reports are broken down by: name and column.
GROUPINGS: Mapping[str, str] = {
    "platform": "hardware", "family": "family", "device": "device_label", "time": "month", "evidence": "evidence",
}  # fmt: skip
_SHARES = {"memory_mb": "epistemic_share_memory"}


@dataclass(frozen=True, slots=True)
class Group:
    """Scores of a group of measurements against what was predicted.

    Attributes
    ----------
    metric : str
        ``throughput``, ``latency_ms`` or ``memory_mb``.
    grouping, member : str
        What the group has in common, such as "platform" and "cuda"; "all" twice for everything.
    n, clusters : int
        Measurements, and devices among them.
    coverage50, coverage90 : float
        Share of measurements inside the central intervals; NaN for point predictions.
    crps : float
        Mean continuous ranked probability score, log scale.
    medape : float
        Median absolute percentage error of the median, as a fraction.
    bias : float
        Median of log(measured / predicted).
    pit_mean : float
        Mean probability integral transform; 0.5 when unbiased.
    bias_z, bias_p, spread_z, spread_p : float
        Statistics of the module and their two-sided p-values; NaN where there are too few measurements.
    refit : bool
        Whether one of them is beyond its level.
    """

    metric: str
    grouping: str
    member: str
    n: int
    clusters: int
    coverage50: float
    coverage90: float
    crps: float
    medape: float
    bias: float
    pit_mean: float
    bias_z: float
    bias_p: float
    spread_z: float
    spread_p: float
    refit: bool

    def as_dict(self) -> dict[str, Any]:
        """The scores by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Report:
    """What the measurements say of one posterior.

    Attributes
    ----------
    posterior : str
        Fingerprint, or who predicted.
    groups : list of Group
        First everything, then by grouping; of each metric.
    pit : dict of str to ndarray
        Histogram of PIT in ten equal bins, of each metric.
    refit : bool
    advice : str
        One sentence: whether to refit, and the statistics that say so.
    """

    posterior: str
    groups: list[Group]
    pit: dict[str, NDArray[np.int64]]
    refit: bool
    advice: str


@dataclass(frozen=True, slots=True)
class _Scored:
    """Measurements of one metric with their scores, shape (measurement,) each."""

    columns: Mapping[str, NDArray[Any]]
    log_ratio: Array
    pit: Array
    z: Array
    crps: Array
    share: Array
    order: Array

    def take(self, index: NDArray[Any]) -> _Scored:
        columns = {name: values[index] for name, values in self.columns.items()}
        return _Scored(columns, self.log_ratio[index], self.pit[index], self.z[index], self.crps[index],
                       self.share[index], self.order[index])  # fmt: skip

    def __len__(self) -> int:
        return len(self.log_ratio)


def evaluate(pairs: Sequence[Mapping[str, Any]], *, by: Sequence[str] = tuple(GROUPINGS)) -> list[Report]:
    """Score predictions against measurements, one report per posterior, the latest first.

    Parameters
    ----------
    pairs : sequence of mappings
        Rows of the view ``predicted_vs_actual``.
    by : sequence of str
        Keys of :data:`GROUPINGS`.

    Returns
    -------
    list of Report

    Raises
    ------
    InvalidWorkloadError
        There are no pairs.
    UnknownNameError
        ``by`` has a grouping that there is not.
    """
    for grouping in by:
        if grouping not in GROUPINGS:
            raise unknown("grouping", grouping, GROUPINGS)
    if not pairs:
        raise InvalidWorkloadError(
            "no measurement has come in of a cell that was predicted and stored before: store predictions with "
            "`hwpredict predict … --store`, then import measurements of the same cells"
        )
    latest: dict[str, Any] = {}
    members: dict[str, list[Mapping[str, Any]]] = {}
    for pair in pairs:
        name = pair["posterior_fingerprint"] or pair["origin"]
        members.setdefault(name, []).append(pair)
        latest[name] = max(latest.get(name, pair["predicted_at"]), pair["predicted_at"])
    return [_report(name, members[name], by) for name in sorted(members, key=lambda n: latest[n], reverse=True)]


def _report(name: str, pairs: Sequence[Mapping[str, Any]], by: Sequence[str]) -> Report:
    groups, pits, sentences = [], {}, []
    for metric in sorted({pair["metric"] for pair in pairs}):
        scored = _score([pair for pair in pairs if pair["metric"] == metric], metric)
        everything = _group(scored, metric, "all", "all", tests=3)
        later = _drift(scored, metric)
        groups.append(everything)
        for grouping in by:
            values = scored.columns[GROUPINGS[grouping]].astype(str)
            kinds = sorted(set(values.tolist()))
            groups += [_group(scored.take(values == k), metric, grouping, k, tests=2 * len(kinds)) for k in kinds]
        if later is not None:
            groups.append(later)
        pits[metric] = np.histogram(scored.pit[np.isfinite(scored.pit)], bins=10, range=(0, 1))[0]
        sentences.append(_sentence(metric, everything, later))
    refit = any(g.refit for g in groups if g.grouping in ("all", "drift"))
    head = "refit" if refit else "no reason to refit"
    if refit:
        head += " (`hwpredict fit`), or condition on the measurements (`update`)"
    return Report(name, groups, pits, refit, f"{head}: {'; '.join(sentences)}")


def _sentence(metric: str, everything: Group, later: Group | None) -> str:
    if math.isnan(everything.bias_z):
        return f"{metric}: {everything.n} measurements, {ENOUGH} are needed for a test"
    drift = "" if later is None else f", drift z {later.bias_z:+.1f} (p {later.bias_p:.2g})"
    return (
        f"{metric}: bias z {everything.bias_z:+.1f} (p {everything.bias_p:.2g}), spread z {everything.spread_z:+.1f} "
        f"(p {everything.spread_p:.2g}){drift}, {everything.n} measurements on {everything.clusters} devices"
    )


def _score(pairs: Sequence[Mapping[str, Any]], metric: str) -> _Scored:
    columns = {
        name: np.array([_text(pair.get(name)) for pair in pairs], dtype=object)
        for name in ("hardware", "family", "device_label", "evidence")
    }
    times = [pair["measured_at"] for pair in pairs]
    columns["month"] = np.array([f"{t:%Y-%m}" for t in times], dtype=object)
    share = [pair.get(_SHARES.get(metric, "epistemic_share")) for pair in pairs]
    measured = np.array([pair["measured"] for pair in pairs], dtype=float)
    scores = _scores([pair["quantiles"] for pair in pairs], measured)
    return _Scored(
        columns=columns,
        log_ratio=scores[:, 0],
        pit=scores[:, 1],
        z=scores[:, 2],
        crps=scores[:, 3],
        share=np.array([1.0 if s is None or s != s else float(s) for s in share]),
        order=np.array([t.timestamp() for t in times]),
    )


def _text(value: Any) -> str:
    return "(unknown)" if value is None or value != value or value == "" else str(value)


def _scores(quantiles: Sequence[Sequence[float]], measured: Array) -> Array:
    """Log ratio to the median, PIT, its normal score, and CRPS of measurements; shape (measurement, 4).

    The quantiles stand in the middle of equal parts of probability. Between them the distribution function is linear in
    the logarithm; beyond them the normal score grows with the logarithm of the distance, in units of the spread of the
    middle, as the tails are heavy. CRPS is twice the mean pinball loss (Laio & Tamea 2007).
    """
    out = np.full((len(measured), 4), np.nan)
    y = np.log(measured)
    lengths = np.array([len(q) for q in quantiles])
    for m in sorted(set(lengths.tolist())):
        mine = np.flatnonzero(lengths == m)
        q = np.sort(np.log(np.array([quantiles[int(i)] for i in mine], dtype=float)), axis=1)
        out[mine, 0] = y[mine] - np.median(q, axis=1)
        if m < DISTRIBUTION:
            out[mine, 3] = np.abs(out[mine, 0])
        else:
            out[mine, 1:] = _of_distribution(q, y[mine])
    return out


def _of_distribution(q: Array, y: Array) -> Array:
    """PIT, normal score and CRPS; ``q`` ascending, shape (measurement, quantile)."""
    m = q.shape[1]
    levels = (np.arange(m) + 0.5) / m
    right = np.clip((q < y[:, None]).sum(axis=1), 1, m - 1)
    row = np.arange(len(y))
    left_q, right_q = q[row, right - 1], q[row, right]
    weight = np.clip((y - left_q) / np.maximum(right_q - left_q, 1e-12), 0, 1)
    pit = (right - 0.5 + weight) / m
    inner = np.quantile(q, [0.1587, 0.8413], axis=1)  # one standard deviation about the median of a normal
    outside = np.maximum(np.maximum(q[:, 0] - y, y - q[:, -1]), 0) / np.maximum((inner[1] - inner[0]) / 2, 1e-9)
    z = ndtri(pit)
    z += np.sign(z) * np.log1p(outside)
    crps = 2 * np.where(y[:, None] >= q, levels, levels - 1) * (y[:, None] - q)
    return np.stack([pit, z, crps.mean(axis=1)], axis=1)


def _group(scored: _Scored, metric: str, grouping: str, member: str, *, tests: int) -> Group:
    devices = scored.columns["device_label"]
    clusters = sorted(set(devices.tolist()))
    inside = np.isfinite(scored.pit)
    pit = scored.pit[inside]
    bias, spread, *p = _statistics(scored.take(inside)) if inside.sum() >= ENOUGH else (math.nan,) * 4
    return Group(
        metric=metric,
        grouping=grouping,
        member=member,
        n=len(scored),
        clusters=len(clusters),
        coverage50=_mean(np.abs(pit - 0.5) <= 0.25),
        coverage90=_mean(np.abs(pit - 0.5) <= 0.45),
        crps=float(scored.crps.mean()),
        medape=float(np.median(np.abs(np.expm1(-scored.log_ratio)))),
        bias=float(np.median(scored.log_ratio)),
        pit_mean=_mean(pit),
        bias_z=bias,
        bias_p=p[0],
        spread_z=spread,
        spread_p=p[1],
        refit=any(value < ALPHA / tests for value in p),
    )


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _two_sided(z: float) -> float:
    return math.erfc(abs(z) / math.sqrt(2)) if math.isfinite(z) else math.nan


def _statistics(scored: _Scored) -> tuple[float, float, float, float]:
    """Bias and spread of the module's docstring as normal scores, and their two-sided p-values."""
    bias, squares, variances = [], [], []
    devices = scored.columns["device_label"]
    for device in sorted(set(devices.tolist())):
        mine = scored.take(devices == device)
        n, e = len(mine), float(np.clip(mine.share.mean(), 0.0, 1.0))
        bias.append(mine.z.mean() / math.sqrt(e + (1 - e) / n))
        squares.append((mine.z**2).mean())
        variances.append(2 * (e**2 + (1 - e**2) / n))
    z = float(np.sum(bias) / math.sqrt(len(bias)))
    freedom = 2 * len(variances) ** 2 / float(np.sum(variances))
    below = float(gammainc(freedom / 2, freedom * np.mean(squares) / 2))
    above = float(gammaincc(freedom / 2, freedom * np.mean(squares) / 2))
    score = float(ndtri(below)) if below < above else -float(ndtri(above))
    return z, float(np.clip(score, -40, 40)), _two_sided(z), min(2 * min(below, above), 1.0)


def _drift(scored: _Scored, metric: str) -> Group | None:
    """The later against the earlier half of each device's measurements; None where no device has enough."""
    scored = scored.take(np.isfinite(scored.z))
    differences, later = [], np.zeros(len(scored), dtype=bool)
    devices = scored.columns["device_label"]
    for device in sorted(set(devices.tolist())):
        index = np.flatnonzero(devices == device)
        order = index[np.argsort(scored.order[index], kind="stable")]
        half = len(order) // 2
        if half < ENOUGH // 2 or scored.order[order[0]] == scored.order[order[-1]]:
            continue
        first, second = scored.take(order[:half]), scored.take(order[half:])
        own = 1 - float(np.clip(scored.take(index).share.mean(), 0.0, 0.95))
        width = math.sqrt(own * (1 / len(first) + 1 / len(second)))
        differences.append((second.z.mean() - first.z.mean()) / width)
        later[order[half:]] = True
    if not differences:
        return None
    z = float(np.sum(differences) / math.sqrt(len(differences)))
    group = _group(scored.take(later), metric, "drift", "later half of each device", tests=3)
    p = _two_sided(z)
    values = group.as_dict() | {"bias_z": z, "bias_p": p, "spread_z": math.nan, "spread_p": math.nan}
    return Group(**values | {"refit": p < ALPHA / 3})
