"""Scores of all methods as one labelled dataset, its tables as Markdown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from harness.cache import Entry
from harness.tasks import Task
from hwpredict import __version__
from hwpredict.evaluate.scores import Cases, Scores, summarise
from rivals.table import METHODS, MODEL

Collected = Mapping[tuple[str, str, str], Sequence[tuple[Task, Entry]]]

ALL = "all"
#: Bins of the histogram of probability integral transforms.
PIT_BINS = 20
_UNITS = {"n": "1", "crps": "log units", "width90": "log units", "bias": "log units"}
_MEANING = {
    "n": "test rows",
    "medape": "median absolute percentage error of the predictive median",
    "mape": "mean absolute percentage error of the predictive median",
    "crps": "mean continuous ranked probability score of the log figure",
    "coverage50": "share of measurements inside the central 50 % interval",
    "coverage90": "share of measurements inside the central 90 % interval",
    "width90": "mean width of the 90 % interval",
    "bias": "median of log(measured / predicted median)",
}


def pooled(parts: Sequence[tuple[Task, Entry]]) -> tuple[Cases, dict[str, NDArray[Any]]]:
    """Cases of all parts in one, and what they are grouped by."""
    cases = [e.cases for _, e in parts]
    joined = Cases(*(np.concatenate([getattr(c, f.name) for c in cases]) for f in fields(Cases)))
    by: dict[str, list[NDArray[Any]]] = {"platform": [], "phase": [], "source": [], "part": []}
    for task, entry in parts:
        for name in ("platform", "phase", "source"):
            by[name].append(task.data.labels[name][entry.rows])
        by["part"].append(np.full(len(entry.rows), task.part, dtype=object))
    return joined, {name: np.concatenate(columns) for name, columns in by.items()}


def groups(by: Mapping[str, NDArray[Any]], least: int) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """(kind, name, members): all rows, then platforms, phases, both, sources; and the parts."""
    n = len(by["platform"])
    yield ALL, ALL, np.ones(n, dtype=bool)
    both = np.array([f"{p} {q}" for p, q in zip(by["platform"], by["phase"], strict=True)], dtype=object)
    columns = {"platform": by["platform"], "phase": by["phase"], "platform × phase": both, "source": by["source"]}
    for kind, column in (columns | {"part": by["part"]}).items():
        for name in sorted(set(column.tolist())):
            member = column == name
            if member.sum() >= (1 if kind == "part" else least):
                yield kind, f"{kind}: {name}", member


def dataset(collected: Collected, *, attrs: Mapping[str, Any], least: int = 100) -> xr.Dataset:
    """Scores by split, metric, group and predictor (method).

    Parameters
    ----------
    collected : mapping
        Output of :func:`harness.compare.collect`.
    attrs : mapping
        Title, data, caps: what a reader has to know of the run.
    least : int
        Fewest rows of a group.

    Returns
    -------
    xarray.Dataset
        Dims split, metric, group, predictor; ``pit`` has a dim ``bin`` more and holds the share of rows in each bin;
        ``cpu_seconds`` and ``train_rows`` have no group. NaN where a method was not run or a group is too small.
    """
    scored: dict[tuple[str, str, str, str], Scores] = {}
    pits: dict[tuple[str, str, str], NDArray[np.float64]] = {}
    kinds: dict[str, str] = {ALL: ALL}
    about: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for (split, metric, method), parts in collected.items():
        cases, by = pooled(parts)
        pits[split, metric, method] = np.histogram(cases.pit, np.linspace(0, 1, PIT_BINS + 1))[0] / len(cases.pit)
        about[split, metric, method] = [e.about for _, e in parts]
        for kind, name, member in groups(by, least):
            kinds[name] = kind
            scored[split, metric, name, method] = summarise(cases.take(member))
    splits = list(dict.fromkeys(k[0] for k in scored))
    metrics = list(dict.fromkeys(k[1] for k in scored))
    methods = [m for m in METHODS if any(k[3] == m for k in scored)]
    names = sorted(kinds, key=lambda g: (list(dict.fromkeys(kinds.values())).index(kinds[g]), g))
    coords = {"split": splits, "metric": metrics, "group": names, "predictor": methods}
    at = {dim: {v: i for i, v in enumerate(values)} for dim, values in coords.items()}
    shape = tuple(map(len, coords.values()))
    out = xr.Dataset(coords=coords | {"group_kind": ("group", [kinds[g] for g in names])})
    for f in fields(Scores):
        values = np.full(shape, np.nan, dtype=np.float32)
        for (split, metric, group, method), s in scored.items():
            values[at["split"][split], at["metric"][metric], at["group"][group], at["predictor"][method]] = getattr(
                s, f.name
            )
        out[f.name] = (tuple(coords), values, {"long_name": _MEANING[f.name], "units": _UNITS.get(f.name, "1")})
    few = (shape[0], shape[1], shape[3])
    pit, seconds, rows = np.full((*few, PIT_BINS), np.nan), np.full(few, np.nan), np.full(few, np.nan)
    for (split, metric, method), share in pits.items():
        i = (at["split"][split], at["metric"][metric], at["predictor"][method])
        pit[i] = share
        seconds[i] = sum(a["cpu_seconds"] for a in about[split, metric, method])
        rows[i] = max(a["train_rows"] for a in about[split, metric, method])
    dims = ("split", "metric", "predictor")
    out["pit"] = ((*dims, "bin"), pit.astype(np.float32), {"long_name": "share of measurements by predictive quantile"})
    out["cpu_seconds"] = (dims, seconds.astype(np.float32), {"units": "s", "long_name": "tuning, fit and prediction"})
    out["train_rows"] = (dims, rows.astype(np.float32), {"long_name": "training rows used, most of any part"})
    created = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    return out.assign_attrs({"created": created, "hwpredict": __version__} | dict(attrs))


def best_rival(scores: xr.Dataset) -> xr.DataArray:
    """Least CRPS of all methods but hwpredict; NaN where none was run."""
    rivals = [m for m in scores.predictor.values if m != MODEL]
    return scores.crps.sel(predictor=rivals).min("predictor") if rivals else scores.crps.isel(predictor=0) * np.nan


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; a bar within a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def percent(value: float) -> str:
    """A share as a percentage of two or three digits."""
    return "–" if not np.isfinite(value) else f"{value:.1%}" if value < 0.1 else f"{value:.0%}"


def number(value: float) -> str:
    """A score to three decimals."""
    return "–" if not np.isfinite(value) else f"{value:.3f}".lstrip("0") if value < 1 else f"{value:.2f}"


def share(value: float) -> str:
    """A coverage to two decimals."""
    return "–" if not np.isfinite(value) else f"{value:.2f}".lstrip("0") if value < 1 else "1.0"


def method_table(scores: xr.Dataset, split: str, metric: str, group: str = ALL) -> str:
    """Every method on one split and metric, best CRPS first."""
    s = scores.sel(split=split, metric=metric, group=group)
    s = s.isel(predictor=np.flatnonzero(np.isfinite(s.crps.values)))
    rows = []
    for method in s.predictor.values[np.argsort(s.crps.values)]:
        m = s.sel(predictor=method)
        name = f"**{method}**" if method == MODEL else str(method)
        rows.append([
            name, percent(float(m.medape)), number(float(m.crps)), share(float(m.coverage50)),
            share(float(m.coverage90)), f"{float(m.width90):.2f}", f"{int(m.train_rows)}",
            f"{float(m.cpu_seconds):.0f}",
        ])  # fmt: skip
    header = ["method", "medAPE", "CRPS (log)", "50 % covers", "90 % covers", "90 % width", "training rows", "CPU s"]
    return markdown(header, rows)
