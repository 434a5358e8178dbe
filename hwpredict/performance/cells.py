"""Cells: rows to predict that were validated against the catalog, the vocabulary and the posterior.

A target may name a platform alone. Its device is then unknown, not average: every draw takes one of the platform's
representative devices, the same one for all cells of that platform, so that comparisons within a draw make sense.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog import devices, models
from hwpredict.catalog.compatibility import incompatible
from hwpredict.errors import IncompatibleError, InvalidWorkloadError, unknown
from hwpredict.performance import hashing, plain, rows as r
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import Prediction, predict
from hwpredict.performance.prepare import prepare
from hwpredict.workload import PRECISIONS, Evidence, Family, Item, Mode, Platform, Target, Workload

#: How ``hwpredict detect`` calls a processor that the catalog has no product for.
_DETECTED = re.compile(r"@ [\d.]+ GHz, \d+ cores?$")
#: Runtime that a user of a platform means who names none.
DEFAULT_RUNTIME = {
    "cuda": "pytorch-eager",
    "rocm": "pytorch-eager",
    "mps": "pytorch-eager",
    "cpu": "pytorch-eager",
    "openvino": "openvino-sync",
    "webgpu": "transformers.js/onnxruntime-web webgpu",
    "webnn": "transformers.js/onnxruntime-web webnn",
    "qnn": "qnn_dlc",
    "tpu": "jax",
}
#: Item that a step of each family is counted in, when the caller does not say.
DEFAULT_ITEM = {"vision": "image", "audio": "sequence"}
DEFAULT_SEQUENCE_LENGTH = 128.0
#: Column beside the measurement schema: MB of one device that can be used, NaN for what its data sheet says.
USABLE = "usable_memory_mb"


@dataclass(frozen=True)
class Cells:
    """Predicted cells.

    Attributes
    ----------
    rows : dict of str to ndarray
        What was predicted, in the measurement schema.
    prediction : Prediction
        Draws; NaN where ``reasons`` says why the cell cannot run.
    reasons : list of str or None
    fits : ndarray, shape (cell,)
        Probability that peak memory stays within the device's; NaN where its size is unknown.
    capacity : ndarray, shape (cell,)
        MB of the device that can be used, NaN if unknown or not named.
    rooms : mapping of int to ndarray, shape (draw,)
        For a cell whose draws are of devices of different memory, MB of the device of each draw, NaN where unknown.
    """

    rows: r.Table
    prediction: Prediction
    reasons: list[str | None]
    fits: NDArray[np.float64]
    capacity: NDArray[np.float64]
    rooms: Mapping[int, NDArray[np.float64]] = field(default_factory=dict)


def resolve_target(text: str, *, n_devices: int = 1, runtime: str | None = None) -> Target:
    """A target from what a user writes: a platform ("cuda"), a device ("a100") or both ("openvino:core i7-8700").

    Raises
    ------
    UnknownNameError
        Neither a platform nor a device of the catalog.
    """
    written = str(text).strip()
    platforms = [str(p) for p in Platform]
    if written.casefold() in platforms:
        return Target(written.casefold(), None, runtime, None, n_devices, written)
    platform, _, name = written.partition(":")
    if name and platform.casefold() in platforms:
        return Target(platform.casefold(), _device(name, platform.casefold()).name, runtime, None, n_devices, written)
    device = _device(written)
    return Target(device.platforms[0], device.name, runtime, None, n_devices, written)


def _device(name: str, platform: str | None = None) -> devices.Device:
    """A device of the catalog, or a processor in the words of ``hwpredict detect``."""
    found = devices.match(name, platform or "cpu") if _DETECTED.search(name) else None
    return found or devices.find(name, platform)


def to_rows(pairs: Sequence[tuple[Workload, Target]]) -> r.Table:
    """Rows of the measurement schema for workloads on targets, with the defaults that were left unsaid filled in."""
    out = []
    for work, target in pairs:
        known = models.match(work.model)
        family = work.family or (known.family if known else None)
        item = work.item or DEFAULT_ITEM.get(family or "", "sequence")
        length = work.sequence_length
        if length is None and item != "image" and family != "audio":
            length = DEFAULT_SEQUENCE_LENGTH
        out.append({
            "model": work.model,
            "model_family": family,
            "parameters": work.parameters,
            "gmacs": work.gmacs,
            "activations_m": work.activations_m,
            "input_size": work.input_size,
            "sequence_length": None if item == "image" else length,
            "hardware": target.platform,
            "device": target.device,
            "n_devices": target.n_devices,
            "precision": work.precision,
            "runtime": target.runtime or DEFAULT_RUNTIME.get(target.platform),
            "runtime_version": target.runtime_version,
            "mode": work.mode,
            "batch_size": work.batch_size,
            "item": item,
        })  # fmt: skip
    usable = [np.nan if target.memory_mb is None else target.memory_mb for _, target in pairs]
    return r.table(out) | {USABLE: np.array(usable)}


def validate(rows: r.Table, posterior: Posterior, *, on_unknown: str = "error") -> None:
    """Refuse rows that make no sense, and (``on_unknown="error"``) names that nothing is known of.

    Raises
    ------
    InvalidWorkloadError
        No rows, a NaN or non-positive batch, a missing model or platform.
    UnknownNameError
        A name in no vocabulary, with the nearest ones.
    """
    if on_unknown not in ("error", "prior"):
        raise unknown("value of on_unknown", on_unknown, ("error", "prior"))
    if not r.length(rows):
        raise InvalidWorkloadError("there is nothing to predict: the table is empty; give at least one row")
    _refuse_nonsense(rows)
    for value in set(rows["hardware"].tolist()) - {str(p) for p in Platform}:
        raise unknown("platform", value, Platform, hint="A platform that is not listed is 'other'.")
    for column, words in (("mode", Mode), ("item", Item), ("model_family", Family)):
        for value in set(rows[column].tolist()) - {str(w) for w in words} - {""}:
            raise unknown(column, value, words)
    if on_unknown == "error":
        _refuse_unknown(rows, posterior)


def _refuse_nonsense(rows: r.Table) -> None:
    """Raise for the first missing name or impossible number."""
    for column in ("model", "hardware"):
        if (rows[column] == "").any():
            raise InvalidWorkloadError(f"row {int(np.flatnonzero(rows[column] == '')[0])} has no {column}")
    for column in ("batch_size", "sequence_length", "n_devices", "parameters", "gmacs", "activations_m"):
        values = rows[column]
        bad = (values <= 0) | np.isinf(values)
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InvalidWorkloadError(f"{column} is {values[row]:g} in row {row}: give a positive number")


def _refuse_unknown(rows: r.Table, posterior: Posterior) -> None:
    """Raise for the first precision, model or device that nothing is known of."""
    for value in set(rows["precision"].tolist()) - set(PRECISIONS) - {""}:
        raise unknown("precision", value, PRECISIONS)
    featured = np.isfinite(rows["parameters"]) | np.isfinite(rows["gmacs"]) | (rows["model_family"] != "")
    for value in sorted(set(rows["model"][~featured].tolist())):
        if models.match(value) is None and models.canonical(value) not in _vocabulary(posterior, "model"):
            hint = "Or give its features (parameters, gmacs, activations_m), its family, or on_unknown='prior'."
            raise unknown("model", value, models.known(), hint=hint)
    for platform, value in sorted(set(zip(rows["hardware"].tolist(), rows["device"].tolist(), strict=True))):
        if value and devices.match(value, platform) is None and value not in _vocabulary(posterior, "device"):
            raise unknown("device", value, devices.catalog(), hint="Or say on_unknown='prior'.")


def _vocabulary(posterior: Posterior, label: str) -> frozenset[str]:
    return frozenset(posterior.vocabulary.names[label])


def predict_cells(
    posterior: Posterior,
    rows: r.Table,
    *,
    draws: int = 400,
    seed: int = 0,
    on_unknown: str = "error",
    threads: int | None = None,
) -> Cells:
    """Validate and predict rows.

    Parameters
    ----------
    posterior : Posterior
    rows : dict of str to ndarray
        Measurement schema; an empty ``device`` stands for some device of the platform.
    draws, seed : int
    on_unknown : {"error", "prior"}
        Whether an unknown model, device, precision or runtime is refused or drawn from its population.
    threads : int, optional
        As in :func:`hwpredict.performance.predictive.predict`.

    Returns
    -------
    Cells
    """
    validate(rows, posterior, on_unknown=on_unknown)
    expanded, start, count = _expand(rows)
    raw = predict(posterior, expanded, draws=draws, seed=seed, threads=threads)
    capacity = _capacities(expanded)
    mixed = count > 1
    arrays = {name: getattr(raw, name) for name in ("latency", "throughput", "memory")}
    if mixed.any():
        arrays = {name: values[start] for name, values in arrays.items()}
    size = capacity[start]
    fits = np.where(np.isfinite(size), (arrays["memory"] <= size[:, None]).mean(axis=1), np.nan)
    rooms = {}
    for cell in np.flatnonzero(mixed).tolist():
        row = start[cell] + _device_of_draw(rows["hardware"][cell], int(count[cell]), draws, seed)
        for name, values in arrays.items():
            values[cell] = getattr(raw, name)[row, np.arange(draws)]
        rooms[cell] = capacity[row]
        fits[cell] = probability_of_fitting(arrays["memory"][cell], rooms[cell])
    reasons = [incompatible(h, p, m) for h, p, m in zip(rows["hardware"], rows["precision"], rows["mode"], strict=True)]
    blocked = np.array([reason is not None for reason in reasons])
    evidence = [raw.evidence[f] for f in start]
    evidence = [
        str(Evidence.PLATFORM) if m and e != Evidence.PRIOR else e for m, e in zip(mixed, evidence, strict=True)
    ]
    for values in arrays.values():
        values[blocked] = np.nan
    prediction = Prediction(
        **arrays,
        epistemic=raw.epistemic[start],
        shares=_mean_shares(raw.shares, start, count),
        evidence=evidence,
        n_measurements=np.where(mixed, 0, raw.n_measurements[start]),
        situation=raw.situation[start],
    )
    # one figure for a cell whose draws are of several devices only where all have the same
    least, most = np.minimum.reduceat(capacity, start), np.maximum.reduceat(capacity, start)
    return Cells(
        rows, prediction, reasons, np.where(blocked, np.nan, fits), np.where(least == most, least, np.nan), rooms
    )  # fmt: skip


def probability_of_fitting(memory: NDArray[Any], room: NDArray[Any]) -> float:
    """Share of the draws in which memory stays within its room.

    Parameters
    ----------
    memory, room : ndarray, shape (draw,)
        MB. Draws of devices whose memory nobody states do not count.

    Returns
    -------
    float
        NaN where that is so of more than half of them.
    """
    sized = np.isfinite(room)
    return float((memory[sized] <= room[sized]).mean()) if sized.mean() >= 0.5 else float("nan")


def share_draws(posterior: Posterior, rows: r.Table, *, draws: int = 400, seed: int = 0) -> NDArray[np.float64]:
    """Share of each time part in the step of each row, draw by draw.

    Apart from :func:`predict_cells`, whose fast path keeps the mean only: it is asked for the few options that are
    explained.

    Parameters
    ----------
    posterior : Posterior
    rows : dict of str to ndarray
        Valid rows, as for :func:`predict_cells`.
    draws, seed : int
        Those of the prediction: the draws are then joint with its.

    Returns
    -------
    ndarray, shape (row, time part, draw)
    """
    expanded, start, count = _expand(rows)
    p = prepare(posterior, expanded, draws=draws, seed=seed, calibrated=True, point=None)
    every = plain.share_draws(p, posterior.layout, draws).astype(float)
    out = every[start]
    for cell in np.flatnonzero(count > 1).tolist():
        row = start[cell] + _device_of_draw(rows["hardware"][cell], int(count[cell]), draws, seed)
        out[cell] = every[row, :, np.arange(draws)].T
    return out


def _device_of_draw(platform: str, devices_: int, draws: int, seed: int) -> NDArray[np.int64]:
    """Which of a platform's representative devices each draw is of, shape (draw,)."""
    which = hashing.uniforms(hashing.seeds([platform], f"{seed}|device"), draws)[0]
    return np.asarray(which * devices_, dtype=np.int64)


def _mean_shares(
    shares: NDArray[np.float64], start: NDArray[np.int64], count: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean shares of the devices that stand for each cell."""
    return np.add.reduceat(shares, start, axis=0) / count[:, None]


def _expand(rows: r.Table) -> tuple[r.Table, NDArray[np.int64], NDArray[np.int64]]:
    """Rows with a row per representative device where none is named; the first of each cell, and how many it has."""
    named = zip(rows["device"].tolist(), rows["hardware"].tolist(), strict=True)
    choices = [(name,) if name else devices.representatives(platform) or ("",) for name, platform in named]
    count = np.array([len(c) for c in choices], dtype=np.int64)
    expanded = r.take(rows, np.repeat(np.arange(len(count)), count))
    expanded["device"] = np.array([device for c in choices for device in c], dtype=object)
    return expanded, np.cumsum(count) - count, count


def _capacities(rows: r.Table) -> NDArray[np.float64]:
    """MB of one device of each row: what can be used of it, where that is known, else what its data sheet says."""
    listed = np.array([capacity(d, p) for d, p in zip(rows["device"], rows["hardware"], strict=True)])
    usable = rows.get(USABLE)
    return listed if usable is None else np.where(np.isnan(usable), listed, usable)


def capacity(device: str | None, platform: str, usable: float | None = None) -> float:
    """Memory of one device, MB: what can be used of it, else what its data sheet says; NaN if neither is known."""
    if usable is not None:
        return usable
    found = devices.match(device, platform) if device else None
    return found.memory_gb * 1e3 if found is not None and found.memory_gb else float("nan")


def refuse_incompatible(cells: Cells) -> None:
    """Raise for the first cell that cannot run.

    Raises
    ------
    IncompatibleError
    """
    for reason in cells.reasons:
        if reason is not None:
            raise IncompatibleError(reason)
