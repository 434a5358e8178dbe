"""From rows to what the model sees: numbers (work, rates) and labels (levels of pooling).

All catalog look-ups happen here, once per distinct name, so that fitting and predicting treat a name alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog import devices, imputation, models, tasks
from hwpredict.performance import harness, meters, notes, rows as r, units
from hwpredict.performance.costs import log_seconds
from hwpredict.performance.runtimes import compiled, framework
from hwpredict.performance.steps import USUAL_LENGTH, batch, devices_used, format_of, step_work
from hwpredict.workload import Item

Array = NDArray[np.float64]

#: Items that do not say what throughput counts.
ODD_ITEMS = ("", Item.WORKLOAD)
#: Items that all harnesses mean the same by: one input of the network's own size.
PICTURES = ("image", "clip", "item")
#: Frameworks that give each device some layers, so that a token passes through one device after the other: several hold
#: a larger model, and are no faster (llama.cpp's ``--split-mode layer``, its default).
IN_TURN = frozenset({"llama.cpp"})
#: Tokens of a prompt that these frameworks let a device take at once (llama.cpp's ``--ubatch-size``).
PIECE = 512.0
#: Frameworks that compute fp32 in tf32 on GPUs that can, unless told otherwise: TensorFlow since 2.4 (NVIDIA's builds
#: since 1.15), TensorRT since 7.2, ONNX Runtime's provider for CUDA (``use_tf32``). PyTorch does so for convolutions
#: (``torch.backends.cudnn.allow_tf32``); the containers that some harnesses run in, everywhere
#: (``TORCH_ALLOW_TF32_CUBLAS_OVERRIDE``).
TENSOR_FLOAT = frozenset({"tensorflow", "tensorrt", "onnxruntime"})
TENSOR_FLOAT_HARNESSES = frozenset({"lambda"})
TENSOR_FLOAT_CONVOLUTIONS = frozenset({"pytorch"})
#: Cores of a processor that draw all of its memory bandwidth: one in so many.
SATURATING = 4.0
#: Log milliseconds of peak arithmetic beyond which more of it fills a device no better, and less of it no worse.
FULL = 4.0
#: Level of processors that run WebAssembly.
WASM = "wasm"
#: GB/s assumed between devices where the catalog does not know the interconnect: PCIe 3.0 x16 both ways.
DEFAULT_INTERCONNECT = 32.0


@dataclass(frozen=True, slots=True)
class Covariates:
    """What the model knows of each row.

    Attributes
    ----------
    numbers : dict of str to ndarray, shape (row,)
        Natural logs of work and rates, and slope covariates; NaN where a catalog has no figure.
    labels : dict of str to ndarray of str, shape (row,)
        Level names; ``""`` where a label does not apply.
    runs : Runs
        Rows that differ in their batch size only: their labels are equal.
    """

    numbers: dict[str, Array]
    labels: dict[str, NDArray[Any]]
    runs: r.Runs

    def __len__(self) -> int:
        return len(self.labels["platform"])


def covariates(rows: r.Table) -> Covariates:
    """Look the rows up in the catalog and derive work, rates and labels.

    Parameters
    ----------
    rows : dict of str to ndarray
        Output of :func:`hwpredict.performance.rows.table`.

    Returns
    -------
    Covariates
    """
    runs = r.runs(rows)
    once = r.take(rows, runs.first)
    once["note_head"] = np.array([n[: harness.HEAD] for n in once["note"]], dtype=object)
    named = (once[name] for name in ("model", "note_head", "source"))
    once["model"] = np.array(r.by_unique(harness.network, *named), dtype=object)
    families = r.by_unique(tasks.family, once["model"], once["model_family"])
    once["model_family"] = np.array(families, dtype=object)
    counts = r.by_unique(
        units.counted, *(once[n] for n in ("item", "source", "mode", "model", "model_family", "runtime"))
    )
    once["item"] = np.array([unit.item for unit in counts], dtype=object)
    once["per_input"] = np.array([unit.per_input for unit in counts])
    labels = _labels(once)
    threads = np.array(r.by_unique(notes.threads, once["note"]))
    threads = np.where(once["hardware"] == "cpu", np.where(labels["platform"] == WASM, 1.0, threads), np.nan)
    rates = _rates(once, _computed(labels), threads)
    labels |= rates.pop("labels")
    work = step_work(rows, once, labels, rates["log_capacity"], runs)
    # a recogniser's few tokens of text are not what language models are asked
    heard = (labels["phase"] == notes.PREFILL) & (labels["family"] == "audio")
    cold = np.array(r.by_unique(notes.cold, labels["phase"], once["note"]), dtype=bool)
    labels["phase"] = np.where(heard, notes.PROMPT, np.where(cold, notes.COLD, labels["phase"])).astype(object)
    total = np.array(r.by_unique(meters.of_all_devices, once["note"]))
    rates["log_devices"] = np.log(devices_used(once))
    rates["log_memory_devices"] = np.where(total, 0.0, rates["log_devices"])
    rates["log_context"] = meters.log_context(once, labels["meter"], rates["log_capacity"])
    labels = runs.spread(labels)
    numbers = work | runs.spread(rates)
    numbers["log_batch"] = np.log(batch(rows)) - np.log(8.0)
    # efficiency stops changing somewhere: slopes act within a factor of seven or so of the middle
    numbers["batch_slope"] = 2 * np.tanh(numbers["log_batch"] / 2)
    numbers["length_slope"] = 2 * np.tanh(numbers["log_length"] / 2)
    sharded = labels["sharded"] == "sharded"
    in_turn = sharded & np.isin(labels["framework"], list(IN_TURN))
    numbers["log_parallel"] = np.where(in_turn, _log_pipelined(numbers, labels["phase"]), numbers["log_devices"])
    numbers["log_sharded"] = np.where(sharded, numbers["log_parallel"], 0.0)
    numbers["log_memory_sharded"] = np.where(sharded, numbers["log_memory_devices"], 0.0)
    # seconds that the arithmetic of a step takes at the peak of all devices together
    numbers["log_at_peak"] = numbers["log_flops"] - numbers["log_peak"] - numbers["log_devices"]
    # how many milliseconds of it a pass is: small ones cannot fill a large device
    load = numbers["log_at_peak"] - numbers["log_denoised"] - numbers["log_queue"] + np.log(1e3)
    numbers["log_load"] = FULL * np.tanh(load / FULL)
    numbers["log_peak_centred"] = numbers["log_peak"] - np.log(imputation.PEAK)
    numbers["log_bandwidth_centred"] = numbers["log_bandwidth"] - np.log(imputation.BANDWIDTH)
    # a microcontroller reads its weights from flash
    numbers["log_resident_bytes"] = np.where(labels["segment"] == "mcu", -np.inf, numbers["log_resident_bytes"])
    numbers["log_items"] = numbers["log_items"] - _log_longer(rows, once["note"], numbers, labels["phase"], runs)
    return Covariates(numbers, labels, runs)


def _log_pipelined(numbers: dict[str, Array], phase: NDArray[Any]) -> Array:
    """How much faster devices are that take turns than one of them, log, shape (row,).

    A prompt passes through them in pieces one behind the other, so that n devices need C + n - 1 of n C turns for C
    pieces; a token that is written is one piece.
    """
    tokens = np.exp(numbers["log_length"]) * USUAL_LENGTH
    pieces = np.where(phase == notes.PREFILL, np.maximum(tokens / PIECE, 1.0), 1.0)
    return numbers["log_devices"] + np.log(pieces) - np.log(pieces + np.exp(numbers["log_devices"]) - 1)


def _log_longer(
    rows: r.Table, note: NDArray[Any], numbers: dict[str, Array], phase: NDArray[Any], runs: r.Runs
) -> Array:
    """How many times as long as its own phase a row's throughput takes, log, shape (row,).

    Where throughput is that of whole requests and latency that of one phase, the time of reading all prompts and
    writing all answers, before any effect, is held against that of the step. ``note`` is that of each run.
    """
    read, written = np.array(r.by_unique(notes.whole_requests, note)).reshape(-1, 2).T
    out = np.zeros(len(runs.of_row))
    whole = np.flatnonzero(np.isfinite(read)[runs.of_row])
    if not len(whole):
        return out
    run = runs.of_row[whole]
    mine, read, written = r.take(rows, whole), read[run], written[run]
    silent = np.full(len(whole), "", dtype=object)

    def time(item: str, length: Array) -> Array:
        told = {"item": np.full(len(whole), item, dtype=object), "sequence_length": length, "note": silent}
        return log_seconds(covariates(mine | told).numbers)

    request = np.logaddexp(time("token_prefill", read), np.log(written) + time("token_decode", read + written / 2))
    steps = np.where(phase[whole] == notes.DECODE, np.log(written), 0.0)
    out[whole] = request - steps - log_seconds({name: column[whole] for name, column in numbers.items()})
    return out


def _labels(rows: r.Table) -> dict[str, NDArray[Any]]:
    def text(values: list[str]) -> NDArray[Any]:
        return np.array(values, dtype=object)

    heads = text([n[:9] for n in rows["note"]])
    # what a recommender counts is what it scores, one input
    scored = rows["model_family"] == "recommendation"
    unnamed = np.isin(rows["item"], ODD_ITEMS)
    odd, picture = unnamed & ~scored, np.isin(rows["item"], PICTURES) | (unnamed & scored)
    single, training = devices_used(rows) == 1, rows["mode"] == "training"
    # a language model whose precision nobody states runs as it was published
    language = (rows["model_family"] == "text_generation") & (rows["hardware"] != "cpu")
    stated = ("precision", "model", "note", "source")
    checkpoint = np.where(language, "bf16", "").astype(object)
    meter = text(r.by_unique(meters.meter, rows["source"], rows["hardware"], rows["note"]))
    kind = text(r.by_unique(models.architecture, rows["model"], rows["model_family"]))
    phase = text(r.by_unique(notes.phase, rows["item"], heads, rows["model_family"], rows["mode"], kind))
    of_text, writing = ~(odd | picture), np.isin(phase, (notes.DECODE, notes.GENERATE))
    # WebAssembly runs on one core, whatever the processor has
    interpreted = (rows["hardware"] == "cpu") & np.array([WASM in runtime for runtime in rows["runtime"]], dtype=bool)
    return {
        "platform": np.where(interpreted, WASM, rows["hardware"]).astype(object),
        "precision": text(r.by_unique(harness.precision, *(rows[n] for n in stated), checkpoint)),
        "mode": np.where(rows["mode"] == "", "inference", rows["mode"]).astype(object),
        "trained": np.where(training, "trained", "").astype(object),
        "served": np.where(training, "", "served").astype(object),
        "family": rows["model_family"],
        "model": text(r.by_unique(models.canonical, rows["model"])),
        "architecture": kind,
        "phase": phase,
        # training keeps its activations, prefill and forward passes those of a few layers, decoding of one token
        "lived": np.where(training, "training", phase).astype(object),
        "item": np.where(rows["item"] == "", "unstated", rows["item"]).astype(object),
        "framework": text(r.by_unique(framework, rows["runtime"])),
        "compiled": text(["compiled" if c else "eager" for c in r.by_unique(compiled, rows["runtime"])]),
        "runtime": rows["runtime"],
        "version": rows["runtime_version"],
        "layout": rows["layout"],
        "source": rows["source"],
        "harness": text(r.by_unique(harness.identity, rows["source"], rows["note_head"])),
        "meter": meter,
        "filling": np.where(meters.filled(rows), rows["source"], "").astype(object),
        # drivers of some boards do not show what the accelerator holds; who names no harness asks what it holds
        "shown": np.where((meter == meters.SHOWN) & (rows["source"] != r.UNSTATED), meters.SHOWN, "").astype(object),
        "setting": text(r.by_unique(notes.setting, rows["note"])),
        # who names no harness has some machine or other
        "machine": np.where(
            rows["source"] == r.UNSTATED, r.UNSTATED, text(r.by_unique(notes.machine, rows["note"]))
        ).astype(object),
        "size": rows["input_size"],
        "picture": np.where(picture, "picture", "").astype(object),
        "text": np.where(of_text, "text", "").astype(object),
        "written": np.where(of_text & writing, "written", "").astype(object),
        "read": np.where(of_text & ~writing, "read", "").astype(object),
        # how well a framework reads and writes texts, beside how well it does all else
        "text_phase": np.where(np.isin(phase, (notes.PREFILL, notes.DECODE)), phase, "").astype(object),
        "not_picture": np.where(picture, "", "other").astype(object),
        # a throughput in units of its model's own: mel frames, audio samples, predictions …
        "odd": np.where(odd, "odd", "").astype(object),
        "odd_unit": np.where(odd, rows["model"], "").astype(object),
        # the second device costs more than those after it: what one device need not do at all
        "several": np.where(single, "", "several").astype(object),
        "blind_batch": np.where(np.isnan(rows["batch_size"]) & np.isnan(rows["latency_ms"]), rows["hardware"], ""),
    }


@dataclass(frozen=True, slots=True)
class _Rate:
    device: str
    generation: str
    segment: str
    unit: str
    log_peak: float
    log_bandwidth: float
    log_interconnect: float
    log_capacity: float
    log_cores: float


def _computed(labels: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Number format of each row's arithmetic: of fp32 on NVIDIA's GPUs tf32 where a framework takes it by default."""
    formats = np.array([f.compute for f in r.by_unique(format_of, labels["precision"])], dtype=object)
    everywhere = np.isin(labels["framework"], list(TENSOR_FLOAT))
    everywhere |= np.isin(labels["harness"], list(TENSOR_FLOAT_HARNESSES))
    convolutions = np.isin(labels["framework"], list(TENSOR_FLOAT_CONVOLUTIONS)) & (labels["family"] == "vision")
    shortened = (labels["platform"] == "cuda") & (formats == "fp32") & (everywhere | convolutions)
    # WebAssembly's vectors hold four numbers of 32 bits, whatever the processor has
    return np.where(labels["platform"] == WASM, "fp32", np.where(shortened, "tf32", formats)).astype(object)


@cache
def _rate(name: str, platform: str, compute: str) -> _Rate:
    device = devices.match(name, platform) if name else None
    missing = float("nan")
    if device is None:
        return _Rate(
            name,
            f"unknown {platform}",
            "unknown",
            "unknown",
            missing,
            missing,
            np.log(DEFAULT_INTERCONNECT),
            missing,
            0.0,
        )
    peak = device.peak(compute)
    return _Rate(
        device.name,
        device.architecture or f"unknown {platform}",
        device.segment or "unknown",
        peak[1] if peak else "unknown",
        float(np.log(peak[0])) if peak else missing,
        float(np.log(device.bandwidth_gb_s * 1e9)) if device.bandwidth_gb_s else missing,
        float(np.log(device.interconnect_gb_s or DEFAULT_INTERCONNECT)),
        float(np.log(device.memory_gb * 1e3)) if device.memory_gb else missing,
        float(np.log(device.cores or 1)),
    )


def _rates(rows: r.Table, computed: NDArray[Any], threads: Array) -> dict[str, Any]:
    rates = r.by_unique(_rate, rows["device"], rows["hardware"], computed)
    # the share of the cores that work, and of the bandwidth that these draw
    busy = np.fmin(np.nan_to_num(np.log(threads) - np.array([x.log_cores for x in rates])), 0.0)
    peak = np.array([x.log_peak for x in rates]) + busy
    bandwidth = np.array([x.log_bandwidth for x in rates]) + np.fmin(busy + np.log(SATURATING), 0.0)
    no_peak, no_bandwidth = np.isnan(peak), np.isnan(bandwidth)
    device = np.array([x.device for x in rates], dtype=object)
    return {
        "log_peak": np.where(no_peak, np.log(imputation.PEAK), peak),
        "log_bandwidth": np.where(no_bandwidth, np.log(imputation.BANDWIDTH), bandwidth),
        "log_interconnect": np.array([x.log_interconnect for x in rates]) + np.log(1e9),
        "log_capacity": np.array([x.log_capacity for x in rates]),
        "labels": {
            "device": device,
            "generation": np.array([x.generation for x in rates], dtype=object),
            "segment": np.array([x.segment for x in rates], dtype=object),
            "unit": np.array([x.unit for x in rates], dtype=object),
            "no_peak": np.where(no_peak, device, "").astype(object),
            "no_bandwidth": np.where(no_bandwidth, device, "").astype(object),
            "no_sheet": np.where(no_peak & no_bandwidth, rows["hardware"], "").astype(object),
        },
    }
