"""ONNX Runtime: what ``onnxruntime_perf_test`` prints, and the CSV of its ``transformers.benchmark``."""

from __future__ import annotations

import re
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.words import PROVIDERS, digits, family_of, item_of, precision_of

_CSV = {"engine", "providers", "model_name", "average_latency_ms", "QPS"}
_LINE = re.compile(r"^(Average inference time cost|Number of inferences per second|Peak working set size|"
                   r"P(?:50|90|95|99) Latency|Total inference requests):\s*([\d.eE+-]+)\s*(\w*)")  # fmt: skip
_PROVIDER = re.compile(r"(?:using|-e)\s+(\w+?)(?:ExecutionProvider)?\b", re.IGNORECASE)


def sniff(document: Document) -> bool:
    """Whether it is the output of the test, or the table of the script."""
    if set(document.header) >= _CSV:
        return True
    return bool(document.text and "Average inference time cost:" in document.text)


def read(document: Document, reading: Reading) -> None:
    """One row of a run, or one per row of the table."""
    if set(document.header) >= _CSV:
        for location, row in document.table():
            if row.get("engine") != "engine":  # the script appends, with a header each time
                _read_row(location, row, reading)
    else:
        _read_output(document, reading)


def _read_row(location: str, row: dict[str, str], reading: Reading) -> None:
    if as_number(row.get("average_latency_ms")) is None:
        reading.reject(location, "no average_latency_ms: the run failed", row)
        return
    engine, device = row["engine"], row.get("device", "")
    providers = row.get("providers", "").lower()
    provider = next((p for p in PROVIDERS if providers.startswith(p)), None)
    hardware = PROVIDERS[provider] if provider else ("cpu" if device == "cpu" else "cuda")
    model = row["model_name"]
    reading.add(location, {
        "model": model,
        "model_family": family_of(model),
        "hardware": str(hardware),
        "n_devices": 1,
        "precision": precision_of(row.get("precision")),
        "runtime": f"onnxruntime[{row['providers'].split(',')[0]}]" if engine.startswith("onnx") else engine,
        "runtime_version": row.get("version"),
        "measured": row.get("datetime"),
        "mode": "inference",
        "item": "sequence",
        "batch_size": row.get("batch_size"),
        "sequence_length": row.get("sequence_length"),
        "throughput": row.get("QPS"),
        "latency_ms": row.get("average_latency_ms"),
        "note": f"threads={row.get('threads')}; optimizer={row.get('optimizer')}; io_binding={row.get('io_binding')}; "
        f"inputs={row.get('inputs')}",
        **{name: row.get(name) for name in ("test_times", "latency_variance", "latency_90_percentile",
                                            "latency_99_percentile", "custom_layer_num")},
    })  # fmt: skip


def _read_output(document: Document, reading: Reading) -> None:
    said: dict[str, tuple[float, str]] = {}
    location = "the output"
    for number, line in enumerate(document.lines, 1):
        if found := _LINE.match(line.strip()):
            said.setdefault(found[1], (float(found[2]), found[3]))
            if found[1].startswith("Average"):
                location = f"line {number}"
    command = next((line for line in document.lines if "onnxruntime_perf_test" in line), "")
    model = _model(command)
    reading.need("model", model, "the output (no command line `onnxruntime_perf_test … model.onnx` in it)")
    model = model or reading.assumed["model"]
    found_provider = _PROVIDER.search(command) or next(
        (found for line in document.lines if (found := re.match(r"using (\w+?)ExecutionProvider", line))), None
    )
    name = found_provider[1].lower() if found_provider else ("cpu" if command else "")
    hardware = str(PROVIDERS[name]) if name in PROVIDERS else ("other" if name else None)
    reading.need("hardware", hardware, "the output (no command line with `-e PROVIDER` in it)")
    hardware = hardware or reading.assumed["hardware"]
    latency, unit = said["Average inference time cost"]
    batch = digits(reading.assumed.get("batch_size", "")) or 1
    speed = said.get("Number of inferences per second", (None, ""))[0]
    memory, memory_unit = said.get("Peak working set size", (None, ""))
    host = reading.megabytes(memory, memory_unit or "bytes", "peak_working_set_mb")
    family = family_of(model)
    concurrent = re.search(r"\s-c\s+(\d+)", command)
    reading.add(location, {
        "model": model,
        "model_family": family,
        "hardware": hardware,
        "n_devices": 1,
        "runtime": f"onnxruntime[{name or 'unstated'}]",
        "mode": "inference",
        "item": item_of(model, family),
        "batch_size": batch,
        "throughput": speed * batch if speed else None,
        "latency_ms": reading.milliseconds(latency, unit or "ms"),
        "memory_mb": host if hardware == "cpu" else None,  # of a GPU it is the memory of the host
        "peak_working_set_mb": host,
        **{f"{key.split()[0].lower()}_ms": reading.milliseconds(value, u or "s", f"{key.split()[0].lower()}_ms")
           for key, (value, u) in said.items() if key.endswith("Latency")},
        "note": f"concurrent runs={concurrent[1] if concurrent else 1}; command={command.strip()[:200] or 'unstated'}",
    })  # fmt: skip


def _model(command: str) -> str | None:
    """Model of a command line: the file's name, or its folder's where the file is just "model.onnx"."""
    found = re.search(r"([^\s\"']+)\.(?:onnx|ort)\b", command)
    if found is None:
        return None
    parts: list[Any] = re.split(r"[\\/]", found[1])
    name = parts[-1] if parts[-1].lower() not in ("model", "model_optimized") else (parts[-2] if len(parts) > 1 else "")
    return name.removeprefix("test_") or None


FORMAT = Format("onnxruntime", "output of onnxruntime_perf_test or of its transformers benchmark", sniff, read)
