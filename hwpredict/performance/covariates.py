"""From rows to what the model sees: numbers (work, rates) and labels (levels of pooling).

All catalog look-ups happen here, once per distinct name, so that fitting and predicting treat a name alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwpredict.catalog import devices, imputation, models
from hwpredict.performance import rows as r
from hwpredict.performance.runtimes import compiled, framework
from hwpredict.workload import PRECISIONS, Format

Array = NDArray[np.float64]

#: Batch of throughput-only rows that state none (MLPerf offline): a middling one; a pooled effect takes up the rest.
UNSTATED_BATCH = 16.0
#: Forward + backward of a training step relative to the forward pass (Kaplan et al. 2020, section 2.1).
TRAINING_FLOPS = 3.0
#: Bytes per parameter of gradient and Adam states in fp32 (Rajbhandari et al. 2020, ZeRO, section 3.1).
OPTIMIZER_BYTES = 12.0
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
    """

    numbers: dict[str, Array]
    labels: dict[str, NDArray[Any]]

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
    labels = _labels(rows)
    work = _work(rows, labels)
    rates = _rates(rows)
    labels |= rates.pop("labels")
    numbers = work | rates
    numbers["log_batch"] = np.log(_batch(rows)) - np.log(8.0)
    numbers["log_devices"] = np.log(_devices(rows))
    numbers["log_sharded"] = np.where(labels["sharded"] == "sharded", numbers["log_devices"], 0.0)
    # how many milliseconds of peak arithmetic a step is: small steps cannot fill a large device
    load = numbers["log_flops"] - numbers["log_peak"] - numbers["log_devices"] + np.log(1e3)
    numbers["log_load"] = np.clip(load, -8.0, 6.0)
    return Covariates(numbers, labels)


def _batch(rows: r.Table) -> Array:
    batch = rows["batch_size"]
    blind = np.isnan(batch) & np.isnan(rows["latency_ms"])
    return np.where(np.isnan(batch), np.where(blind, UNSTATED_BATCH, 1.0), batch)


def _devices(rows: r.Table) -> Array:
    return np.where(np.isnan(rows["n_devices"]), 1.0, np.maximum(rows["n_devices"], 1.0))


def _labels(rows: r.Table) -> dict[str, NDArray[Any]]:
    def text(values: list[str]) -> NDArray[Any]:
        return np.array(values, dtype=object)

    heads = text([n[:9] for n in rows["note"]])
    single = _devices(rows) == 1
    return {
        "platform": rows["hardware"],
        "precision": np.where(rows["precision"] == "", "unstated", rows["precision"]).astype(object),
        "mode": np.where(rows["mode"] == "", "inference", rows["mode"]).astype(object),
        "family": rows["model_family"],
        "model": text(r.by_unique(models.canonical, rows["model"])),
        "architecture": text(r.by_unique(models.architecture, rows["model"], rows["model_family"])),
        "phase": text(r.by_unique(r.phase, rows["item"], heads)),
        "item": np.where(rows["item"] == "", "unstated", rows["item"]).astype(object),
        "framework": text(r.by_unique(framework, rows["runtime"])),
        "compiled": text(["compiled" if c else "eager" for c in r.by_unique(compiled, rows["runtime"])]),
        "runtime": rows["runtime"],
        "version": rows["runtime_version"],
        "layout": rows["layout"],
        "source": rows["source"],
        "setting": text(r.by_unique(r.setting, rows["note"])),
        "size": rows["input_size"],
        "devices": np.where(single, "1", "many").astype(object),
        "blind_batch": np.where(np.isnan(rows["batch_size"]) & np.isnan(rows["latency_ms"]), rows["hardware"], ""),
    }


@cache
def _features(name: str) -> models.ModelFeatures | None:
    return models.match(name)


@cache
def _format(precision: str) -> Format:
    return PRECISIONS.get(precision) or PRECISIONS["fp32"]


def _work(rows: r.Table, labels: dict[str, NDArray[Any]]) -> dict[str, Array]:
    """FLOPs, activation, weight, KV and communication bytes of one step of the whole batch, as natural logs."""
    n = r.length(rows)
    batch, devices_ = _batch(rows), _devices(rows)
    phase = labels["phase"]
    features = r.by_unique(_features, rows["model"])
    prompt = np.array(r.by_unique(r.prompt_tokens, rows["note"]))
    prompt = np.where(np.isnan(prompt), rows["sequence_length"], prompt)
    prompt = np.where(np.isnan(prompt) | (prompt <= 0), r.DEFAULT_PROMPT, prompt)
    context = np.where(np.isnan(rows["sequence_length"]), r.DEFAULT_CONTEXT, np.maximum(rows["sequence_length"], 1))
    pixels = np.array(r.by_unique(r.pixels, rows["input_size"]))
    formats = r.by_unique(_format, labels["precision"])
    active_note = np.array(r.by_unique(r.active_parameters, rows["note"]))

    macs, acts, total, active = (np.full(n, np.nan) for _ in range(4))
    kv, layers, hidden = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    sequence = np.where(np.isnan(rows["sequence_length"]), np.nan, rows["sequence_length"])

    @cache
    def forward(index_model: str, seq: float, size: float) -> tuple[float, float]:
        f = _features(index_model)
        if f is None:
            return (np.nan, np.nan)
        s = None if np.isnan(seq) else seq
        p = None if np.isnan(size) else round(size)
        return f.macs(s, p), f.activations(s, p)

    @cache
    def step(index_model: str, length: float) -> float:
        f = _features(index_model)
        return f.macs_per_token(length) if f is not None else np.nan

    for i, f in enumerate(features):
        if f is not None:
            total[i], active[i] = f.parameters, f.active_parameters
            layers[i], hidden[i] = f.layers or np.nan, f.hidden or np.nan
            kv[i] = f.kv_bytes_per_token_fp16 or np.nan
        name = rows["model"][i]
        if phase[i] == r.FORWARD:
            size = pixels[i]
            macs[i], acts[i] = forward(name, sequence[i], size) if f is not None else (np.nan, np.nan)
        elif phase[i] == r.PREFILL:
            macs[i], acts[i] = forward(name, prompt[i], np.nan) if f is not None else (np.nan, np.nan)
        else:
            macs[i] = step(name, context[i])

    given = rows["parameters"]
    ratio = np.where(total > 0, active / total, np.nan)
    moe = np.array(r.by_unique(imputation.active_fraction, rows["model"]))
    total = np.where(given > 0, given, total)
    ratio = np.where(np.isnan(ratio), moe, ratio)
    ratio = np.where(active_note > 0, active_note / total, ratio)
    ratio = np.clip(np.where(np.isnan(ratio), 1.0, ratio), 1e-3, 1.0)

    no_size = np.isnan(total)
    total = np.where(no_size, np.array(r.by_unique(imputation.parameters, rows["model_family"])), total)
    llm = (phase == r.DECODE) | (phase == r.GENERATE)
    dense = total * ratio
    by_parameters = np.where(llm, dense, np.where(phase == r.PREFILL, dense * prompt, np.nan))
    macs = np.where(np.isnan(macs) | (macs <= 0), by_parameters, macs)
    stated = (rows["gmacs"] > 0) & ~llm
    macs = np.where(stated, rows["gmacs"] * 1e9, macs)
    acts = np.where(rows["activations_m"] > 0, rows["activations_m"] * 1e6, acts)

    no_macs = np.isnan(macs) | (macs <= 0)
    size = np.where(np.isnan(sequence), pixels, sequence)
    guess_macs = imputation.log_macs(rows["model_family"], np.log(total), size)
    log_macs = np.where(no_macs, guess_macs, np.log(np.where(no_macs, 1.0, macs)))
    # a transformer of P parameters has about 12·layers·hidden² of them; 32 layers is typical of an LLM
    width = np.where(np.isnan(layers * hidden), 32 * np.sqrt(dense / 384), layers * hidden)
    tokens = np.where(phase == r.PREFILL, prompt, 1.0)
    token_acts = np.where(phase == r.FORWARD, np.nan, tokens * width * 16)
    acts = np.where(np.isnan(acts) | (acts <= 0), token_acts, acts)
    no_acts = np.isnan(acts)
    guess_acts = imputation.log_activations(rows["model_family"], log_macs, np.log(total), size)
    log_acts = np.where(no_acts, guess_acts, np.log(np.where(no_acts, 1.0, np.maximum(acts, 1.0))))

    wbits = np.array([f.weight_bits for f in formats])
    abits = np.array([f.activation_bits for f in formats])
    training = labels["mode"] == "training"
    once = np.where(phase == r.PREFILL, 1.0, 1 - (1 - ratio) ** (batch * np.where(llm, 1.0, 64.0)))
    touched = np.where(ratio < 1, np.where(llm, np.maximum(once, ratio), 1.0), 1.0)
    per_token = np.where(np.isnan(kv), 4 * width * 0.3, kv)
    cache_bytes = per_token * batch * np.where(phase == r.FORWARD, 0.0, np.where(llm, context, prompt))
    messages = np.where(training, 4.0 * total, 2.0 * width * 2 * batch * np.where(phase == r.PREFILL, prompt, 1.0))
    parallel = (devices_ > 1) & (training | (phase != r.FORWARD))

    with np.errstate(divide="ignore"):
        numbers = {
            "log_flops": np.log(2 * np.where(training, TRAINING_FLOPS, 1.0) * batch) + log_macs,
            "log_macs_item": log_macs,
            "log_activation_bytes": log_acts + np.log(batch * abits / 8 * np.where(training, TRAINING_FLOPS, 1.0)),
            "log_weight_bytes": np.log(total * wbits / 8 * touched * np.where(training, 4.0, 1.0)),
            "log_resident_bytes": np.log(total * wbits / 8),
            "log_state_bytes": np.log(np.where(training, total * OPTIMIZER_BYTES, 0.0)),
            "log_kv_bytes": np.log(np.where(training, 0.0, cache_bytes)),
            "log_comm_bytes": np.log(np.where(parallel, messages, 0.0)),
            "log_depth": np.where(np.isnan(layers), 0.0, 0.5 * np.log(np.maximum(layers, 1) / 32)),
            "log_parameters": np.log(total),
        }
    numbers["log_intensity"] = (log_macs - log_acts) - 5.0
    numbers["log_length"] = np.where(phase == r.PREFILL, np.log(prompt), np.log(context)) - np.log(512.0)
    # throughput = items / step; latency = span · step (a whole generate() is a span of many decode steps)
    generated = np.array(r.by_unique(r.generated_tokens, rows["note"]))
    numbers["log_items"] = np.log(np.where(phase == r.PREFILL, prompt, 1.0) * batch)
    numbers["log_span"] = np.where(phase == r.GENERATE, np.log(np.where(np.isnan(generated), context, generated)), 0.0)
    labels["sharded"] = np.where(training | (phase == r.FORWARD), "replicated", "sharded").astype(object)
    labels["no_macs"] = np.where(no_macs, labels["model"], "").astype(object)
    labels["no_acts"] = np.where(no_acts, labels["model"], "").astype(object)
    labels["no_size"] = np.where(no_size, labels["model"], "").astype(object)
    return numbers


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


@cache
def _rate(name: str, platform: str, precision: str) -> _Rate:
    device = devices.match(name, platform) if name else None
    missing = float("nan")
    if device is None:
        return _Rate(
            name, f"unknown {platform}", "unknown", "unknown", missing, missing, np.log(DEFAULT_INTERCONNECT), missing
        )
    peak = device.peak(_format(precision).compute)
    return _Rate(
        device.name,
        device.architecture or f"unknown {platform}",
        device.segment or "unknown",
        peak[1] if peak else "unknown",
        float(np.log(peak[0])) if peak else missing,
        float(np.log(device.bandwidth_gb_s * 1e9)) if device.bandwidth_gb_s else missing,
        float(np.log(device.interconnect_gb_s or DEFAULT_INTERCONNECT)),
        float(np.log(device.memory_gb * 1e3)) if device.memory_gb else missing,
    )


def _rates(rows: r.Table) -> dict[str, Any]:
    rates = r.by_unique(_rate, rows["device"], rows["hardware"], rows["precision"])
    peak = np.array([x.log_peak for x in rates])
    bandwidth = np.array([x.log_bandwidth for x in rates])
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
