"""Reports of optimum-benchmark: ``benchmark.json``, or ``…_report.json`` with its ``…_config.json`` beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number, rate
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.words import family_of, item_of, platform_of, precision_of

#: Parts of a report that are measurements of a step; "load" and "warmup" are not.
_TARGETS = ("forward", "prefill", "decode", "per_token", "call", "train")
_SKIPPED = ("load", "load_model", "load_from_hub", "warmup", "overall", "first_iteration")
#: Of several counters of memory, the one that is nearest to "peak memory on the device".
_MEMORY = ("max_global_vram", "max_process_vram", "max_allocated", "max_ram")


_MAKES_IMAGES = ("text-to-image", "image-to-image", "inpainting")


def _is_config(value: Any) -> bool:
    return isinstance(value, dict) and "backend" in value and ("scenario" in value or "benchmark" in value)


def _is_report(value: Any) -> bool:
    parts = [value.get(t) for t in (*_TARGETS, "load")] if isinstance(value, dict) else []
    return any(isinstance(part, dict) and {"latency", "throughput"} <= set(part) for part in parts)


def sniff(document: Document) -> bool:
    """Whether it is a whole benchmark, a report or a configuration."""
    given = document.json
    if not isinstance(given, dict):
        return False
    whole = _is_config(given.get("config")) and "report" in given
    return whole or _is_report(given) or (_is_config(given) and "launcher" in given)


def read(document: Document, reading: Reading) -> None:
    """One row per part of the report."""
    given = document.json
    if _is_config(given):
        reading.refuse("it is a configuration and holds no results: import the benchmark_report.json beside it")
    config, report = (given["config"], given["report"]) if "report" in given else (_sibling(document, reading), given)
    common = _common(config)
    scenario = config.get("scenario") or config.get("benchmark") or {}
    shapes = scenario.get("input_shapes") or {}
    new_tokens = _new_tokens(scenario)
    skipped = [name for name in report if name in _SKIPPED and isinstance(report[name], dict)]
    if skipped:
        reading.notes.append(f"not kept, being no steps: {', '.join(skipped)}")
    for target in _TARGETS:
        part = report.get(target)
        if not isinstance(part, dict) or (target == "decode" and isinstance(report.get("per_token"), dict)):
            continue
        row = _part(target, part, shapes, new_tokens, reading)
        if row is None:
            reading.reject(target, f"{target} has neither latency nor throughput", part)
            continue
        item = row.pop("item", None) or _item(common)
        reading.add(target, common | {"item": item} | row)


def _sibling(document: Document, reading: Reading) -> dict[str, Any]:
    """Configuration that stands beside a report."""
    path = document.path
    for name in (path.name.replace("report", "config"), "benchmark_config.json", "experiment_config.json"):
        beside = path.with_name(name)
        if name != path.name and beside.is_file():
            return _load(beside, reading)
    reading.refuse(
        f"it has no key 'config', and no {path.name.replace('report', 'config')} stands beside it to say what was run"
    )


def _load(path: Path, reading: Reading) -> dict[str, Any]:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reading.refuse(f"its configuration {path.name} cannot be read ({error})")
    if not _is_config(config):
        reading.refuse(f"{path.name} has no keys 'backend' and 'scenario'")
    reading.notes.append(f"configuration from {path.name}")
    return dict(config)


def _common(config: Mapping[str, Any]) -> dict[str, Any]:
    backend, environment = config["backend"], config.get("environment") or {}
    name, device = str(backend.get("name") or ""), str(backend.get("device") or "")
    gpus = environment.get("gpu") or []
    gpu = gpus[0] if isinstance(gpus, list) and gpus else (gpus if isinstance(gpus, str) else None)
    on_gpu = device.startswith(("cuda", "gpu"))
    hardware = "openvino" if name == "openvino" else (platform_of(str(gpu)) or "cuda" if on_gpu else device or None)
    ids = str(backend.get("device_ids") or "")
    model = backend.get("model")
    family = _family(str(backend.get("task") or ""), str(model or ""))
    return {
        "model": model,
        "model_family": family,
        "hardware": hardware,
        "device": gpu if on_gpu else (environment.get("cpu") or "").strip() or None,
        "n_devices": (ids.count(",") + 1) if ids and on_gpu else 1,
        "precision": _precision(backend),
        "runtime": _runtime(name, backend),
        "runtime_version": _version(name, backend, environment),
        "task": backend.get("task"),
        "optimum_benchmark_version": environment.get("optimum_benchmark_version"),
        "cpu": environment.get("cpu"),
    }


def _precision(backend: Mapping[str, Any]) -> str | None:
    scheme = str(backend.get("quantization_scheme") or backend.get("quantize") or "")
    settings = backend.get("quantization_config") or {}
    bits = re.search(r"\d+", str(settings.get("bits") or scheme))
    if scheme in ("gptq", "awq", "bnb", "quanto") or bits:
        four = settings.get("load_in_4bit") or not settings.get("load_in_8bit")
        return f"int{bits[0]}" if bits else ("int4" if four else "int8")
    if backend.get("autocast_enabled") or backend.get("amp_autocast"):
        return "amp_bf16" if "bf" in str(backend.get("autocast_dtype") or backend.get("amp_dtype") or "") else "amp"
    return precision_of(backend.get("torch_dtype") or backend.get("dtype"))


def _runtime(name: str, backend: Mapping[str, Any]) -> str:
    if name == "pytorch":
        compiled = backend.get("torch_compile") or backend.get("torch_compile_target")
        attention = str(backend.get("attn_implementation") or "")
        text = "pytorch-compile" if compiled else "pytorch-eager"
        return f"{text}+{attention}" if attention.startswith("flash") else text
    provider = backend.get("provider")
    return f"{name}[{provider}]" if provider else name


def _version(name: str, backend: Mapping[str, Any], environment: Mapping[str, Any]) -> str | None:
    versions = [str(backend["version"])] if backend.get("version") else []
    if environment.get("transformers_version") and name in ("pytorch", "py-txi", "openvino", "onnxruntime"):
        versions.append(f"transformers {environment['transformers_version']}")
    return " ".join(versions) or None


def _family(task: str, model: str) -> str | None:
    if task in (*_MAKES_IMAGES, "image-text-to-text", "visual-question-answering"):
        return "multimodal"
    if task.startswith(("text-generation", "text2text")):
        return "text_generation"
    if task.startswith(("image", "object", "semantic", "depth")):
        return "vision"
    if "audio" in task or "speech" in task:
        return "audio"
    if task in (
        "feature-extraction",
        "fill-mask",
        "text-classification",
        "token-classification",
        "sentence-similarity",
    ):
        return "embedding"
    return family_of(model)


def _item(common: Mapping[str, Any]) -> str:
    if common["task"] in _MAKES_IMAGES:
        return "image"
    return item_of(str(common["model"]), common["model_family"])


def _new_tokens(scenario: Mapping[str, Any]) -> float | None:
    for key in ("generate_kwargs", "call_kwargs"):
        settings = scenario.get(key) or {}
        for name in ("max_new_tokens", "min_new_tokens"):
            if as_number(settings.get(name)) is not None:
                return as_number(settings[name])
    return as_number(scenario.get("new_tokens"))


def _part(
    target: str, part: Mapping[str, Any], shapes: Mapping[str, Any], new_tokens: float | None, reading: Reading
) -> dict[str, Any] | None:
    """A row from one part of a report."""
    latency, throughput = part.get("latency") or {}, part.get("throughput") or {}
    unit = str(latency.get("unit") or "s")
    step = reading.milliseconds(latency.get("p50", latency.get("mean")), unit)
    speed = as_number(throughput.get("value", None) if isinstance(throughput, dict) else throughput)
    if step is None and speed is None:
        return None
    batch, length = as_number(shapes.get("batch_size")), as_number(shapes.get("sequence_length"))
    row: dict[str, Any] = {
        "mode": "training" if target == "train" else "inference",
        "batch_size": batch,
        "sequence_length": length,
        "throughput": speed,
        "latency_ms": step,
        "memory_mb": _memory(part.get("memory"), reading),
        "repeats": latency.get("count"),
        **{f"latency_{p}_{unit}": latency.get(p) for p in ("mean", "p90", "p99", "stdev")},
    }
    if target == "prefill":
        row |= {"item": "token_prefill", "note": "one forward over the prompt"}
    elif target in ("decode", "per_token"):
        steps = (new_tokens - 1) if new_tokens and new_tokens > 1 else None
        if target == "decode":
            row["latency_ms"] = step / steps if step and steps else (batch * 1e3 / speed if batch and speed else None)
            reading.conversions["latency_ms: whole decode phase → one step"] += 1
        context = length + (new_tokens or 0) / 2 if length else None
        row |= {
            "item": "token_decode",
            "sequence_length": round(context) if context else None,
            "throughput": speed or rate(batch, row["latency_ms"]),
            "note": "decode phase; latency=per token step; sequence_length=prompt+half of the new tokens",
        }
    elif target == "train":
        row["latency_ms"] = None  # of the whole run, not of a step
    elif shapes.get("height") and shapes.get("width"):
        row |= {"input_size": f"{shapes['height']}x{shapes['width']}", "sequence_length": None}
    return row


def _memory(memory: Any, reading: Reading) -> float | None:
    if not isinstance(memory, dict):
        return None
    for counter in _MEMORY:
        if as_number(memory.get(counter)) is not None:
            return reading.megabytes(memory[counter], str(memory.get("unit") or "MB"))
    return None


FORMAT = Format("optimum_benchmark", "report of optimum-benchmark", sniff, read)
