"""How memory was read, and what is known of it where nobody read it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.performance import rows as r
from hwpredict.performance.runtimes import framework
from hwpredict.workload import OWN_SOURCE

if TYPE_CHECKING:
    from hwpredict.performance.covariates import Covariates

#: How memory was read, by what notes say: what the whole device holds, what an allocator handed out, what a process
#: holds in the host's memory, what of an accelerator's memory its driver shows, a microcontroller's plan.
DEVICE, ALLOCATED, RESIDENT, SHOWN, PLANNED = "device", "allocated", "resident", "shown", "planned"
#: MB that a runtime and its context add to what is read so.
CONTEXT_MB = {DEVICE: 1000.0, ALLOCATED: 30.0, RESIDENT: 300.0, SHOWN: 15.0, PLANNED: 0.03}
#: The child process of ``hwpredict benchmark`` on a processor: what it takes with the runtime imported and no model
#: loaded, MB (``idle_memory_mb`` of its rows; onnxruntime 1.32, OpenVINO 2026.4, PyTorch 2.15).
CHILD = "child"
CHILD_MB = {"onnxruntime": 53.0, "openvino": 68.0, "pytorch": 560.0}
#: Share of a small device's memory that a runtime and its context take at most.
CONTEXT_SHARE = 0.05
_METERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"nvidia-smi|pynvml|nvml|device memory in use|VRAM"), DEVICE),
    (re.compile(r"\bRSS\b|max RAM"), RESIDENT),
    (re.compile(r"device buffers|mlx peak|max_memory_allocated"), ALLOCATED),
    (re.compile(r"mem_min_mb="), SHOWN),
    (re.compile(r"total_ram="), PLANNED),
)
#: The same of tables whose rows do not say it, from their documentation.
_METER_OF = {
    "gpumemnet_timm": DEVICE,
    "gpu_insights": DEVICE,
    "lambda": DEVICE,
    "openmmlab": ALLOCATED,
    "timm": DEVICE,
    "axera_ax_samples": SHOWN,
}
#: What who names no harness is told, where that is not what the whole device holds.
_USUAL = {"cpu": RESIDENT, "mps": RESIDENT, "openvino": RESIDENT, "qnn": SHOWN, "other": SHOWN}
_OF_ALL_DEVICES = re.compile(r"memory=sum of .*all devices")


@cache
def meter(source: str, platform: str, note: str) -> str:
    """How a row's memory was read; a level of its own for a harness that does not say.

    Who asks without naming a harness asks for what is usually read on the platform.
    """
    if source == OWN_SOURCE and platform in ("cpu", "openvino"):
        return CHILD
    known = next((label for pattern, label in _METERS if pattern.search(note)), "") or _METER_OF.get(source, "")
    if known:
        return known
    if source in ("", r.UNSTATED):
        return _USUAL.get(platform, DEVICE)
    return f"that of {source}"


#: Harnesses that measured training whose batches were chosen to fill the device, and the share that is filled anyhow.
_FILLING, _FILLED_SHARE = frozenset({"lambda"}), 0.15


def filled(rows: r.Table) -> NDArray[np.bool_]:
    """Whether the batch of each row was chosen to fill the device."""
    here: NDArray[np.bool_] = np.isin(rows["source"], list(_FILLING)) & (rows["mode"] == "training")
    return here


def _usual_context_mb(meter_: str, runtime: str) -> float:
    if meter_ == CHILD:
        return CHILD_MB.get(framework(runtime), CONTEXT_MB[RESIDENT])
    return CONTEXT_MB.get(meter_, CONTEXT_MB[DEVICE])


def log_context(rows: r.Table, meter_: NDArray[Any], log_capacity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log MB of a runtime and its context, or of what is filled anyhow.

    Parameters
    ----------
    rows : dict of str to ndarray
    meter_ : ndarray of str, shape (row,)
        Output of :func:`meter`.
    log_capacity : ndarray, shape (row,)
        Log MB of the device, NaN where unknown.

    Returns
    -------
    ndarray, shape (row,)
    """
    usual = np.log(r.by_unique(_usual_context_mb, meter_, rows["runtime"]))
    at_most = np.log(CONTEXT_SHARE) + np.where(np.isnan(log_capacity), np.inf, log_capacity)
    full = np.log(_FILLED_SHARE) + log_capacity
    out: NDArray[np.float64] = np.where(filled(rows) & np.isfinite(full), full, np.minimum(usual, at_most))
    return out


@cache
def of_all_devices(note: str) -> bool:
    """Whether a row's memory is the sum over its devices, not that of one."""
    return bool(_OF_ALL_DEVICES.search(note))


#: Harnesses whose training runs cut a preset batch in two steps until it fits the device.
_DECAYING = frozenset({"timm"})
#: Batches that such runs start from; one that ran says no more than that it fits.
_PRESETS = (256.0, 512.0, 1024.0, 2048.0)
#: Bytes per parameter of fp32 weights, gradients and momentum: timm's benchmark trains by SGD with momentum.
_TRAINED_BYTES = 12.0


def log_memory_left(rows: r.Table, x: Covariates) -> NDArray[np.float64]:
    """Log MB that a full device had left for the activations of a training run, NaN where nothing tells.

    A batch that is left after failures fits the device and the one before it did not: its memory lies between the
    capacity times the ratio of the two (3/4 or 2/3) and the capacity. An interval of a third is narrower than the noise
    of memory figures, so that its geometric middle stands for it.

    The batch is the outcome and the memory is given, so that a model of memory given the batch would be best explained
    by a constant. What is left of the memory after weights, gradients, momentum and the context is therefore held
    against the activations alone. Inference says nothing of the kind: it fails on tensors of 2³¹ elements, whatever the
    memory (on 96 GB it would seem to take six times as much as on 24 GB).

    Parameters
    ----------
    rows : dict of str to ndarray
    x : Covariates

    Returns
    -------
    ndarray, shape (row,)
    """
    batch = rows["batch_size"]
    decayed = (
        np.isin(rows["source"], list(_DECAYING))
        & (rows["mode"] == "training")
        & (batch > 1)
        & ~np.isin(batch, _PRESETS)
        & np.isnan(rows["memory_mb"])
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(np.log2(batch) % 1 == 0, 1.5, 4 / 3)
        full = np.exp(x.numbers["log_capacity"]) / np.sqrt(ratio)
        left = full - CONTEXT_MB[DEVICE] - _TRAINED_BYTES * np.exp(x.numbers["log_parameters"]) / 1e6
        return np.where(decayed & (left > full / 4), np.log(left), np.nan)
