"""The matrix as an xarray Dataset: names, dimensions, units, attributes and coordinates, in one table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwpredict import __version__
from hwpredict.errors import InvalidWorkloadError
from hwpredict.matrix.block import EVIDENCE_FLAGS, compute_block, compute_blocks
from hwpredict.matrix.grid import CELL_DIMS, Grid
from hwpredict.matrix.plan import BLOCK_CELLS, Plan, block_shape, blocks
from hwpredict.performance.cells import capacity, to_rows
from hwpredict.performance.notes import FORWARD
from hwpredict.performance.parts import TIME_PARTS
from hwpredict.performance.posterior import Posterior

if TYPE_CHECKING:
    import xarray as xr

#: Value of the attribute by which a file is known to hold a matrix, and its version.
FEATURE = "hwpredict prediction matrix 1"


@dataclass(frozen=True, slots=True)
class Variable:
    """One data variable.

    Attributes
    ----------
    name, dtype, units, long_name : str
    extra : str
        Dimension after those of the cell, empty if there is none.
    attrs : mapping
        Further attributes.
    """

    name: str
    dtype: str
    units: str
    long_name: str
    extra: str = ""
    attrs: Mapping[str, Any] | None = None

    def attributes(self) -> dict[str, Any]:
        """CF attributes of the variable."""
        return {"long_name": self.long_name, "units": self.units} | dict(self.attrs or {})


_METRICS = (
    ("throughput", "s-1", "items per second, all devices together"),
    ("latency", "ms", "time of one step of the whole batch"),
    ("memory", "Mbyte", "peak memory on one device"),
    ("speedup", "1", "throughput relative to that of the baseline hardware"),
)
VARIABLES: tuple[Variable, ...] = (
    *(
        Variable(
            name,
            "float32",
            units,
            f"predicted {text} (median)",
            attrs={"ancillary_variables": f"{name}_quantile evidence"},
        )
        for name, units, text in _METRICS
    ),
    *(
        Variable(f"{name}_quantile", "float32", units, f"predictive quantiles of {text}", "quantile")
        for name, units, text in _METRICS
    ),
    Variable("p_fits", "float32", "1", "probability that peak memory fits the device"),
    Variable("p_best", "float32", "1", "probability that this hardware has the highest throughput of all that fit"),
    Variable("epistemic_share", "float32", "1", "share of log-latency variance that more data would remove"),
    Variable("n_measurements", "int32", "1", "measurements of this model, device and precision"),
    Variable(
        "evidence",
        "int8",
        "1",
        "how the prediction is supported, weakest first",
        attrs={"flag_values": np.arange(len(EVIDENCE_FLAGS), dtype=np.int8), "flag_meanings": " ".join(EVIDENCE_FLAGS)},
    ),
    Variable("time_share", "float32", "1", "mean share of each part in the time of a step", "part"),
    *(Variable(f"{n}_draw", "float32", u, f"predictive draws of {text}", "draw") for n, u, text in _METRICS[:3]),
)

#: Attributes of coordinates, and of what depends on them alone.
COORDINATES: dict[str, dict[str, Any]] = {
    "model": {"long_name": "model"},
    "hardware": {"long_name": "platform or device, as it was named"},
    "precision": {"long_name": "number format"},
    "batch_size": {"long_name": "items in a step", "units": "1"},
    "sequence_length": {
        "long_name": "tokens of a sequence",
        "units": "1",
        "comment": "a forward pass of images or audio does not vary along it",
    },
    "phase": {"long_name": "phase of a generation"},
    "quantile": {"long_name": "probability of the quantile", "units": "1"},
    "part": {"long_name": "part of the time of a step"},
    "draw": {"long_name": "predictive draw", "units": "1"},
    "family": {"long_name": "family of the model"},
    "model_family": {"long_name": "families of the models, each once"},
    "item": {"long_name": "what is counted"},
    "platform": {"long_name": "platform"},
    "device": {"long_name": "device, empty if not named"},
    "runtime": {"long_name": "software"},
    "capacity": {"long_name": "memory of the device", "units": "Mbyte"},
    "mode": {"long_name": "inference or training"},
    "n_devices": {"long_name": "devices that work together", "units": "1"},
    "incompatible": {"long_name": "why it cannot run, empty if it can"},
    "inapplicable": {"long_name": "why the model has no such phase, empty if it has"},
}


def selected(plan: Plan) -> list[Variable]:
    """Variables that a plan computes."""
    skip = set() if plan.grid.baseline is not None else {"speedup", "speedup_quantile"}
    return [v for v in VARIABLES if v.name not in skip and (plan.keep_draws or v.extra != "draw")]


def variable_dims(variable: Variable, grid: Grid) -> tuple[str, ...]:
    """Dimension names of a variable."""
    return (*grid.dims, variable.extra) if variable.extra else grid.dims


def extra_sizes(plan: Plan) -> dict[str, int]:
    """Lengths of the dimensions after those of the cell; 1 for none."""
    return {"": 1, "quantile": len(plan.quantiles), "part": len(TIME_PARTS), "draw": plan.draws}


def text(values: Iterable[str]) -> NDArray[Any]:
    """Labels in the form that survives netCDF: fixed-width unicode."""
    return np.array(list(values), dtype=str)


def coordinates(plan: Plan) -> xr.Dataset:
    """Dataset of the coordinates and of what depends on them alone (why something cannot run).

    Returns
    -------
    xarray.Dataset
        ``incompatible`` (model_family, hardware, precision): the reason, empty if it runs. With phases also
        ``inapplicable`` (model, phase).
    """
    import xarray as xr

    g = plan.grid
    phases = g.phases or (FORWARD,)
    head = to_rows([
        (g.workload(m, g.precisions[0], g.sequence_lengths[0], f), g.targets[0]) for m in g.models for f in phases
    ])  # fmt: skip
    tail = to_rows([(g.workload(g.models[0], g.precisions[0], g.sequence_lengths[0], FORWARD), t) for t in g.targets])
    item = text(head["item"].tolist()).reshape(len(g.models), len(phases))
    coords: dict[str, Any] = {
        "model": ("model", text(m.name for m in g.models)),
        "hardware": ("hardware", text(t.name for t in g.targets)),
        "precision": ("precision", text(g.precisions)),
        "batch_size": ("batch_size", np.array(g.batch_sizes, np.int64)),
        "sequence_length": ("sequence_length", np.array(g.sequence_lengths, np.int64)),
        "quantile": ("quantile", np.array(plan.quantiles)),
        "part": ("part", text(TIME_PARTS)),
        "family": ("model", text(head["model_family"].reshape(item.shape)[:, 0].tolist())),
        "platform": ("hardware", text(t.platform for t in g.targets)),
        "device": ("hardware", text(t.device or "" for t in g.targets)),
        "runtime": ("hardware", text(tail["runtime"].tolist())),
        "capacity": ("hardware", np.array([capacity(t.device, t.platform, t.memory_mb) for t in g.targets])),
        "mode": ((), np.array(g.mode)),
        "n_devices": ((), np.int64(g.targets[0].n_devices)),
        "item": (("model", "phase"), item) if g.phases else ("model", item[:, 0]),
    }
    if g.phases:
        coords["phase"] = ("phase", text(g.phases))
    if plan.keep_draws:
        coords["draw"] = ("draw", np.arange(plan.draws))
    coords["model_family"] = ("model_family", text(g.families))
    reasons = text(g.blocked(f, t, p) for f in g.families for t in g.targets for p in g.precisions)
    shape = (len(g.families), len(g.targets), len(g.precisions))
    data: dict[str, Any] = {"incompatible": (("model_family", "hardware", "precision"), reasons.reshape(shape))}
    if g.phases:
        absent = text(g.inapplicable(m, f) for m in g.models for f in g.phases).reshape(len(g.models), -1)
        data["inapplicable"] = (("model", "phase"), absent)
    return describe(xr.Dataset(data, coords))


def describe(data: xr.Dataset) -> xr.Dataset:
    """Give every variable and coordinate its attributes."""
    known = {v.name: v.attributes() for v in VARIABLES} | COORDINATES
    for name in data.variables:
        if name in known:
            data[name].attrs = dict(known[str(name)])
    return data


def attributes(plan: Plan, posterior: Posterior) -> dict[str, Any]:
    """Provenance: CF and ACDD names where there are any."""
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    out = {
        "Conventions": "CF-1.11",
        "title": "Predicted throughput, latency and memory of deep-learning models on hardware",
        "source": f"hwpredict {__version__}, posterior {posterior.fingerprint}",
        "history": f"{now} hwpredict {__version__} matrix",
        "references": "models/MODEL_CARD.md of hwpredict",
        "comment": "throughput = items · concurrency / latency in every draw; quantiles are posterior predictive",
        "hwpredict_format": FEATURE,
        "hwpredict_version": __version__,
        "posterior_fingerprint": posterior.fingerprint,
        "posterior_created": str(posterior.attrs.get("created", "unknown")),
        "created": now,
        "seed": plan.seed,
        "draws": plan.draws,
    }
    if plan.grid.baseline is not None:
        out["baseline"] = plan.grid.targets[plan.grid.baseline].name
    return out


def assemble(plan: Plan, posterior: Posterior, arrays: Mapping[str, Any]) -> xr.Dataset:
    """Dataset of a plan from the arrays of all its cells."""
    out = coordinates(plan)
    for v in selected(plan):
        out[v.name] = (variable_dims(v, plan.grid), arrays[v.name], v.attributes())
    out.attrs = attributes(plan, posterior)
    order = [v.name for v in selected(plan)]
    return out[[*order, *(n for n in out.data_vars if n not in order)]]


def compute(plan: Plan, posterior: Posterior, limit: int = BLOCK_CELLS) -> xr.Dataset:
    """Predict a whole plan in memory.

    Parameters
    ----------
    plan : Plan
    posterior : Posterior
    limit : int
        Cells predicted at a time; the figures do not depend on it.

    Returns
    -------
    xarray.Dataset
    """
    plan.check(posterior)
    sizes = extra_sizes(plan)
    arrays = {
        v.name: np.empty(plan.grid.shape + ((sizes[v.extra],) if v.extra else ()), v.dtype) for v in selected(plan)
    }
    every = list(blocks(plan.grid, block_shape(plan.grid, limit)))
    for block, found in zip(every, compute_blocks(posterior, plan, every), strict=True):
        for name, values in found.items():
            arrays[name][block] = values
    return assemble(plan, posterior, arrays)


def compute_lazily(plan: Plan, posterior: Posterior, limit: int = BLOCK_CELLS) -> xr.Dataset:
    """A plan as a Dataset of dask arrays: a block is predicted when it is looked at.

    Needs the extra ``dask``. The figures are those of :func:`compute`, bit for bit.
    """
    import dask
    import dask.array as da

    plan.check(posterior)
    sizes, chosen = extra_sizes(plan), selected(plan)
    task = dask.delayed(compute_block, pure=True)
    shared = dask.delayed(posterior)
    step = block_shape(plan.grid, limit)
    grid_of_blocks = tuple(-(-n // k) for n, k in zip(plan.grid.shape, step, strict=True))
    results = [(b, task(shared, plan, b)) for b in blocks(plan.grid, step)]
    arrays: dict[str, Any] = {}
    for v in chosen:
        pieces = np.empty((*grid_of_blocks, *((1,) if v.extra else ())), dtype=object)
        for position, (block, result) in enumerate(results):
            shape = tuple(s.stop - s.start for s in block) + ((sizes[v.extra],) if v.extra else ())
            piece = da.from_delayed(result[v.name], shape, v.dtype)
            at = tuple(int(i) for i in np.unravel_index(position, grid_of_blocks))
            pieces[(*at, 0) if v.extra else at] = piece
        arrays[v.name] = da.block(pieces.tolist())
    return assemble(plan, posterior, arrays)


def check_matrix(data: xr.Dataset) -> xr.Dataset:
    """``data`` if it is a prediction matrix.

    Raises
    ------
    InvalidWorkloadError
    """
    missing = [d for d in CELL_DIMS if d not in data.dims] + [
        n for n in ("throughput", "latency", "memory") if n not in data
    ]
    if missing:
        raise InvalidWorkloadError(
            f"this Dataset is no prediction matrix: it has no {', '.join(missing)}; "
            "give what create_hardware_prediction_matrix or `hwpredict matrix` made"
        )
    return data


def evidence(data: xr.Dataset) -> xr.DataArray:
    """Evidence of each cell as words: measured, device, platform, prior; ``none`` where nothing runs."""
    out = data["evidence"].copy(data=np.array(EVIDENCE_FLAGS)[data["evidence"].to_numpy()])
    out.attrs = {"long_name": data["evidence"].attrs["long_name"]}
    return out


def cannot_run(data: xr.Dataset) -> list[tuple[str, str, str, str]]:
    """What cannot run, with the reason, each reason once per hardware and precision.

    Returns
    -------
    list of (str, str, str, str)
        Hardware, precision, families ("all" or some, separated by commas), reason.
    """
    if "incompatible" not in data:
        return []
    table = data["incompatible"].transpose("hardware", "precision", "model_family")
    families = table["model_family"].to_numpy().tolist()
    out = []
    for h, by_precision in zip(table["hardware"].to_numpy().tolist(), table.to_numpy().tolist(), strict=True):
        for p, reasons in zip(table["precision"].to_numpy().tolist(), by_precision, strict=True):
            for reason in dict.fromkeys(r for r in reasons if r):
                mine = [f for f, r in zip(families, reasons, strict=True) if r == reason]
                out.append((h, p, "all" if len(mine) == len(families) else ", ".join(mine), reason))
    return out
