"""Qualcomm AI Hub Models: ``perf.yaml``, in its present form and the one before 2025."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number, rate
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.words import family_of

#: What the file calls its number formats.
_PRECISIONS = {"w8a8": "int8", "w16a16": "w16a16", "w8a16": "w8a16", "w4a16": "w4a16", "w4": "w4a16", "mixed": None}
_MIXED = {"w8a8_mixed_int16", "w8a16_mixed_fp16", "w8a16_mixed_int16"}
_BOARD = re.compile(r"\s*(?:\(Proxy\)|CRD|QRD|ADP|EVK|MTP|Vision Kit|\(Family\))\s*$")
_UNITS = {"NPU": "qnn", "CPU": "cpu", "GPU": "other"}
_RUNTIMES = {"onnx": "onnxruntime", "torchscript_onnx_tflite": "tflite", "torchscript_onnx_qnn": "qnn_dlc",
             "torchscript_onnx": "onnxruntime", "precompiled_qnn_onnx": "onnxruntime-qnn"}  # fmt: skip


def sniff(document: Document) -> bool:
    """Whether it is a ``perf.yaml``, by its keys."""
    given = document.yaml
    if not isinstance(given, dict):
        return False
    return "precisions" in given or ("models" in given and "aggregated" in given)


def read(document: Document, reading: Reading) -> None:
    """One row per component, device and runtime; of a language model two."""
    for location, model, precision, device, runtime, job in _jobs(document, reading):
        if not isinstance(job, dict):
            continue
        status = job.get("job_status")
        if status not in (None, "Passed"):
            reading.reject(location, f"the job ended as {status}", job)
            continue
        base = _common(model, precision, device, runtime, job)
        if isinstance(job.get("llm_metrics"), list):
            for entry in job["llm_metrics"]:
                _read_llm(location, base, entry, reading)
        else:
            _read_job(location, base, job, reading)


def _jobs(document: Document, reading: Reading) -> Iterator[tuple[str, str, str, str, str, Any]]:
    """Location, model, number format, device, runtime and job of every measurement in the file."""
    given = document.yaml
    folder = document.path.resolve().parent
    name = folder.name if folder.parent.name == "models" and document.name == "perf.yaml" else ""
    for precision, section in (given.get("precisions") or {}).items():
        components = (section or {}).get("components") or {}
        for component, entry in components.items():
            model = _model(name, str(component), len(components))
            for device, runtimes in ((entry or {}).get("performance_metrics") or {}).items():
                for runtime, job in (runtimes or {}).items():
                    location = f"precisions.{precision}.{component}.{device}.{runtime}"
                    yield location, model, str(precision), str(device), str(runtime), job
    models = given.get("models") or []
    for entry in models:
        model = _model(name, str(entry.get("name")), len(models))
        for number, metrics in enumerate(entry.get("performance_metrics") or []):
            device = str((metrics.get("reference_device_info") or {}).get("name") or "")
            for runtime, job in metrics.items():
                if isinstance(job, dict) and ("inference_time" in job or "job_status" in job):
                    location = f"models.{entry.get('name')}.performance_metrics[{number}].{runtime}"
                    yield location, model, "float", device, str(runtime), _modern(job, reading)


def _modern(job: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    """A job of the older form, in microseconds and bytes, in the words of the present one."""
    out = dict(job)
    time = reading.milliseconds(job.get("inference_time"), "us")
    span = job.get("estimated_peak_memory_range") or {}
    out["inference_time_milliseconds"] = time
    out["estimated_peak_memory_range_mb"] = {
        end: reading.megabytes(span.get(end), "bytes") for end in ("min", "max") if end in span
    }
    return out


def _model(folder: str, component: str, count: int) -> str:
    """The model's folder in the repository where the file lies in it, with the component if there are several."""
    if not folder:
        return component
    return folder if count == 1 else f"{folder}/{component}"


def _common(model: str, precision: str, device: str, runtime: str, job: Mapping[str, Any]) -> dict[str, Any]:
    unit = str(job.get("primary_compute_unit") or "NPU").upper()
    board, device = device, _plain(device)
    versions = job.get("tool_versions") or {}
    layers = job.get("layer_counts") or {}
    counts = "/".join(str(layers.get(part, 0)) for part in ("npu", "gpu", "cpu"))
    family = family_of(model)
    return {
        "model": model,
        "model_family": family,
        "hardware": _UNITS.get(unit, "qnn"),
        "device": device,
        "n_devices": 1,
        "precision": _precision(precision, unit),
        "runtime": _RUNTIMES.get(runtime, runtime),
        "runtime_version": " ".join(f"{tool} {str(v).split('_')[0]}" for tool, v in versions.items()) or None,
        "mode": "inference",
        "batch_size": 1,
        "job_id": job.get("job_id"),
        "note": f"board={board}; unit={unit}; path={runtime}; raw_precision={precision}; layers npu/gpu/cpu={counts}",
    }


def _plain(device: str) -> str:
    while (shorter := _BOARD.sub("", device)) != device:
        device = shorter
    return device


def _precision(name: str, unit: str) -> str | None:
    """The NPU computes "float" in 16 bits, the CPU in 32."""
    if name == "float":
        return "fp32" if unit == "CPU" else "fp16"
    return name if name in _MIXED else _PRECISIONS.get(name)


def _read_job(location: str, base: Mapping[str, Any], job: Mapping[str, Any], reading: Reading) -> None:
    latency = as_number(job.get("inference_time_milliseconds"))
    if not latency:
        reading.reject(location, "no inference time", job)
        return
    span = job.get("estimated_peak_memory_range_mb") or {}
    peak = as_number(span.get("max"))
    reading.add(location, {
        **base,
        "item": {"audio": "clip", "text_generation": "sequence", "embedding": "sequence"}.get(
            str(base["model_family"]), "image"
        ),
        "latency_ms": latency,
        "throughput": rate(1, latency),
        "memory_mb": peak or None,
        "memory_min_mb": span.get("min"),
    })  # fmt: skip


def _read_llm(location: str, base: Mapping[str, Any], entry: Mapping[str, Any], reading: Reading) -> None:
    """Decode speed at a context length, and the range of times to the first token."""
    context = as_number(entry.get("context_length"))
    speed = as_number(entry.get("tokens_per_second"))
    where = f"{location}.context_length {context:.0f}" if context else location
    if not speed:
        reading.reject(where, "no tokens_per_second", entry)
        return
    llm = {**base, "model_family": "text_generation"}
    reading.add(f"{where}, decode", llm | {
        "item": "token_decode",
        "sequence_length": context,
        "throughput": speed,
        "latency_ms": rate(1, speed),
    })  # fmt: skip
    first = (entry.get("time_to_first_token_range_milliseconds") or {}).get("max")
    if as_number(first):
        reading.add(f"{where}, prefill", llm | {
            "item": "token_prefill",
            "sequence_length": context,
            "latency_ms": first,
            "note": f"{base['note']}; time to first token at full context (end of the range)",
        })  # fmt: skip


FORMAT = Format("qai_hub", "perf.yaml of Qualcomm AI Hub Models", sniff, read)
