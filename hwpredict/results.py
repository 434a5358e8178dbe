"""What the façade returns: mappings with the guide's keys in front of labelled draws."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hwpredict.config import PROBABILITY
from hwpredict.decision import web
from hwpredict.decision.choose import Choice
from hwpredict.decision.recommend import Option, interval
from hwpredict.performance.cells import Cells
from hwpredict.workload import UNITS, Metric

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from hwpredict.decision.information import Benchmark, Campaign
    from hwpredict.decision.search import Front

_LONG_NAMES = {
    Metric.THROUGHPUT: "items per second, all devices together",
    Metric.LATENCY: "time of one step of the whole batch",
    Metric.MEMORY: "peak memory on one device",
}


#: What describes a cell, and its column of the measurement schema.
COORDINATES = (
    ("model", "model"),
    ("platform", "hardware"),
    ("device", "device"),
    ("precision", "precision"),
    ("mode", "mode"),
    ("item", "item"),
    ("batch_size", "batch_size"),
    ("sequence_length", "sequence_length"),
    ("n_devices", "n_devices"),
)
#: Where every figure comes from; the guide's key has a layer of a cascade here.
SOURCE = "posterior"
#: Units of the guide's keys.
RESULT_UNITS = {"throughput": "items/s", "latency": "ms", "memory_usage": "MB"}


def to_dataset(cells: Cells, attrs: Mapping[str, str], dim: str = "cell", names: list[str] | None = None) -> xr.Dataset:
    """Predictions as a Dataset.

    Parameters
    ----------
    cells : Cells
    attrs : mapping of str to str
        Provenance.
    dim : str
        Name of the dimension over cells.
    names : list of str, optional
        Its coordinate; positions by default.

    Returns
    -------
    xarray.Dataset
        Variables ``throughput`` (s-1), ``latency`` (ms), ``memory`` (Mbyte = 10^6 bytes), dims (``dim``, ``draw``);
        per cell ``evidence``, ``n_measurements``, ``epistemic_share``, ``epistemic_share_memory``, ``p_fits``,
        ``incompatible`` (the reason, else empty).
    """
    import xarray as xr

    p, n = cells.prediction, len(cells.reasons)
    data: dict[str, Any] = {}
    for metric in Metric:
        data[str(metric)] = (
            (dim, "draw"),
            getattr(p, str(metric)),
            {"units": UNITS[metric], "long_name": _LONG_NAMES[metric]},
        )
    data["epistemic_share"] = (dim, p.epistemic[:, 0], {"long_name": "share of log-latency variance that is epistemic"})
    data["epistemic_share_memory"] = (dim, p.epistemic[:, 1])
    data["p_fits"] = (dim, cells.fits, {"long_name": "probability that peak memory fits the device"})
    data["n_measurements"] = (dim, p.n_measurements, {"long_name": "measurements of this model, device and precision"})
    data["evidence"] = (dim, _strings(p.evidence))
    data["incompatible"] = (dim, _strings([reason or "" for reason in cells.reasons]))
    coords: dict[str, Any] = {dim: _strings(names) if names is not None else np.arange(n)}
    for name, column in COORDINATES:
        values = cells.rows[column]
        coords[name] = (dim, values if values.dtype == float else _strings(values.tolist()))
    return xr.Dataset(data, coords, attrs={"Conventions": "CF-1.11", **attrs})


def summaries(cells: Cells, names: list[str] | None = None) -> list[dict[str, Any]]:
    """Predictions as flat rows: what was asked, the median and 90 % interval of each metric, and the evidence.

    Parameters
    ----------
    cells : Cells
    names : list of str, optional
        What the caller calls each cell's hardware, in a column of its own.

    Returns
    -------
    list of dict
        One per cell; ``metric``, ``metric_low``, ``metric_high`` are NaN where the cell cannot run.
    """
    p = cells.prediction
    columns: dict[str, list[Any]] = {} if names is None else {"hardware": names}
    columns |= {name: cells.rows[column].tolist() for name, column in COORDINATES}
    tail = (1 - PROBABILITY) / 2
    for metric in Metric:
        low, median, high = np.quantile(getattr(p, metric).astype(float), [tail, 0.5, 1 - tail], axis=1)
        columns |= {f"{metric}{end}": v.tolist() for end, v in (("", median), ("_low", low), ("_high", high))}
    columns |= {"p_fits": cells.fits.tolist(), "epistemic_share": p.epistemic[:, 0].tolist()}
    columns |= {"n_measurements": p.n_measurements.tolist(), "evidence": p.evidence}
    columns["incompatible"] = [reason or "" for reason in cells.reasons]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _strings(values: list[str]) -> np.ndarray[Any, Any]:
    return np.array(values, dtype=str)


class PerformancePrediction(Mapping[str, Any]):
    """Prediction of one workload on several targets.

    A mapping with the keys ``model_name``, ``model_family``, ``batch_size``, ``sequence_length``, ``mode``,
    ``precision`` and ``predictions[target]`` (``throughput``, ``latency``, ``memory_usage``, each with ``_interval``,
    and ``evidence``), in front of :attr:`dataset`.
    """

    def __init__(self, names: list[str], cells: Cells, query: Mapping[str, Any], attrs: Mapping[str, str]) -> None:
        self._names, self._cells, self._attrs = names, cells, dict(attrs)
        self._dict = dict(query) | {
            "units": dict(RESULT_UNITS),
            "predictions": {n: self._entry(i) for i, n in enumerate(names)},
        }

    def _entry(self, i: int) -> dict[str, Any]:
        reason = self._cells.reasons[i]
        p = self._cells.prediction
        if reason is not None:
            return {"compatible": False, "reason": reason, "source": SOURCE}
        out: dict[str, Any] = {
            "compatible": True,
            "source": SOURCE,
            "evidence": p.evidence[i],
            "n_measurements": int(p.n_measurements[i]),
        }
        for key, draws in (("throughput", p.throughput), ("latency", p.latency), ("memory_usage", p.memory)):
            summary = interval(draws[i].astype(float))
            out[key], out[f"{key}_interval"] = summary.median, [summary.low, summary.high]
        rows = self._cells.rows
        out |= web.details(self._names[i], str(rows["hardware"][i]), str(rows["device"][i]))
        fits = float(self._cells.fits[i])
        out["p_fits"] = None if np.isnan(fits) else fits
        out["epistemic_share"] = float(p.epistemic[i, 0])
        return out

    def __getitem__(self, key: str) -> Any:
        return self._dict[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._dict)

    def __len__(self) -> int:
        return len(self._dict)

    def __repr__(self) -> str:
        return f"<PerformancePrediction {self['model_name']} on {', '.join(self._names)}>"

    @property
    def dataset(self) -> xr.Dataset:
        """Draws, dims (hardware, draw): see :func:`to_dataset`."""
        return to_dataset(self._cells, self._attrs, "hardware", self._names)

    def summaries(self) -> list[dict[str, Any]]:
        """Medians and 90 % intervals as flat rows: see :func:`summaries`."""
        return summaries(self._cells, self._names)

    def interval(self, probability: float = PROBABILITY) -> xr.Dataset:
        """Central interval of each metric, dims (hardware, ci_bound)."""
        import xarray as xr

        tail = (1 - probability) / 2
        data = self.dataset[[str(m) for m in Metric]].quantile([tail, 1 - tail], dim="draw", keep_attrs=True)
        data = data.rename(quantile="ci_bound").assign_coords(ci_bound=["lower", "upper"])
        data["ci_bound"].attrs = {"ci_kind": "eti", "ci_prob": probability}
        return xr.Dataset(data)

    def to_netcdf(self, path: str | os.PathLike[str]) -> None:
        """Write :attr:`dataset`."""
        self.dataset.to_netcdf(path)

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary, ready for JSON."""
        return self._dict


def _scores(option: Option) -> dict[str, Any]:
    """An option with the guide's keys: its score, and its predictions apart."""
    predictions = {
        "throughput": option.throughput.median,
        "latency": option.latency.median,
        "memory_usage": option.memory.median,
    }
    return {"score": option.expected_utility, "predictions": predictions} | option.as_dict()


class Recommendation(Mapping[str, Any]):
    """Ranking of targets for one workload.

    A mapping with the keys ``primary_recommendation``, ``fallback_options``, ``explanation``,
    ``compatible_hardware``, ``all_scores`` and the query; :attr:`table` has the whole ranking.
    """

    def __init__(self, choice: Choice, query: Mapping[str, Any], attrs: Mapping[str, str]) -> None:
        self.choice, self.ranking = choice, choice.ranking
        ranking = choice.ranking
        names = [o.name for o in ranking.options]
        self._dict: dict[str, Any] = (
            dict(query)
            | {
                "primary_recommendation": names[0],
                "fallback_options": ranking.fallbacks,
                "explanation": ranking.explanation,
                "compatible_hardware": names,
                "incompatible_hardware": ranking.incompatible,
                "infeasible_hardware": {o.name: list(o.failures) for o in ranking.infeasible},
                "not_separable": ranking.inseparable if len(ranking.inseparable) > 1 else [],
                "all_scores": {o.name: _scores(o) for o in ranking.options},
                "p_feasible": {o.name: o.p_feasible for o in (*ranking.options, *ranking.infeasible)},
                "beats": {
                    a: {b: float(ranking.beats[i, j]) for j, b in enumerate(names) if j != i}
                    for i, a in enumerate(names)
                },
                "utility": ranking.utility.name,
                "risk": ranking.risk.name,
                "constraints": [str(c) for c in ranking.constraints],
                "value_of_perfect_information": ranking.evpi,
                "available_hardware": [*names, *(o.name for o in ranking.infeasible), *ranking.incompatible],
                "predicted_memory_mb": ranking.options[0].memory.median,
                "units": dict(RESULT_UNITS),
                "prediction_source": SOURCE,
            }
            | ({"best_per_hardware": choice.per_target} if choice.per_target else {})
            | ({"pareto_front": choice.front.rows()} if choice.searched else {})
            | ({"distributed": dict(ranking.options[0].candidate.details)} if choice.distributed else {})
            | dict(attrs)
        )

    def __getitem__(self, key: str) -> Any:
        return self._dict[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._dict)

    def __len__(self) -> int:
        return len(self._dict)

    def __repr__(self) -> str:
        return f"<Recommendation {self['primary_recommendation']}: {self['explanation']}>"

    @property
    def per_target(self) -> dict[str, str]:
        """Best option of each target, where the workload was searched over too; else empty."""
        return self.choice.per_target

    @property
    def front(self) -> Front:
        """Pareto front of cost, latency and throughput over all options, with the probability of being on it."""
        return self.choice.front

    @property
    def campaign(self) -> Campaign | None:
        """What was measured on the way to the choice, and the expected regret after each; None if nothing was."""
        return self.choice.campaign

    def next_benchmarks(self, by: str = "minute", **options: Any) -> list[Benchmark]:
        """What to measure next: see :func:`hwpredict.decision.information.next_benchmarks`."""
        from hwpredict.decision.information import next_benchmarks

        return next_benchmarks(self.ranking, by=by, **options)

    @property
    def table(self) -> pd.DataFrame:
        """One row per option, best first: expected utility, P(best), regret, P(feasible), medians and intervals.

        Infeasible options follow, in group 0, with the constraints that they do not meet in ``fails``.
        """
        import pandas as pd

        options = (*self.ranking.options, *self.ranking.infeasible)
        return pd.DataFrame([o.as_dict() for o in options]).set_index("name")

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionary, ready for JSON."""
        return self._dict
