"""The guide's ``benchmark_dir``: raw results as JSON, by family, model and hardware.

The program that wrote this format loaded every model on the CPU and labelled the run with the hardware that was asked
for. Of the other labels only "cuda" leaves a trace when it is true, the peak of GPU memory; a cell without it, and a
cell of any other accelerator, is rejected unless the user vouches for it (``--set hardware=…``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number, median, rate
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.words import family_of, item_of

_CELL = re.compile(r"^batch_(\d+)(?:_seq_(\d+))?$")
_LATENCY = ("avg_latency", "latency_avg", "mean_latency", "average_latency")
_GPU_MEMORY = ("max_memory_allocated", "peak_memory_allocated", "memory_allocated_max")


def sniff(document: Document) -> bool:
    """Whether it has the keys of raw results."""
    given = document.json
    return isinstance(given, dict) and isinstance(given.get("benchmarks"), dict) and "system_info" in given


def read(document: Document, reading: Reading) -> None:
    """One row per model, hardware, batch size and sequence length."""
    given = document.json
    system = given["system_info"]
    details = given.get("hardware_details") or {}
    for location, family, model, hardware, entry in _entries(given["benchmarks"]):
        cells = entry.get("benchmark_results") or {}
        if not cells:
            reading.reject(location, f"no benchmark_results ({entry.get('error') or entry.get('status')})", entry)
        for name, cell in cells.items():
            _read_cell(f"{location}.{name}", family, model, hardware, name, cell, system, details, reading, given)


def _entries(benchmarks: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, Mapping[str, Any]]]:
    for family, models in benchmarks.items():
        for model, platforms in (models or {}).items():
            for hardware, entry in (platforms or {}).items():
                if isinstance(entry, dict):
                    yield f"benchmarks.{family}.{model}.{hardware}", family, model, hardware, entry


def _read_cell(
    location: str,
    family: str,
    model: str,
    hardware: str,
    name: str,
    cell: Mapping[str, Any],
    system: Mapping[str, Any],
    details: Mapping[str, Any],
    reading: Reading,
    given: Mapping[str, Any],
) -> None:
    shape = _CELL.match(name)
    if shape is None:
        reading.reject(location, f"{name!r} is not batch_<n>_seq_<n>", cell)
        return
    if cell.get("status") not in (None, "completed", "success"):
        reading.reject(location, f"the run failed: {str(cell.get('error') or cell.get('status'))[:120]}", cell)
        return
    seconds = _seconds(cell)
    batch = int(shape[1])
    latency = reading.milliseconds(seconds, "s")
    speed = as_number(cell.get("throughput")) or rate(batch, latency)
    if latency is None and speed is None:
        reading.reject(location, "neither avg_latency nor throughput", cell)
        return
    peak = next((cell[key] for key in _GPU_MEMORY if as_number(cell.get(key))), None)
    if hardware != "cpu" and "hardware" not in reading.assumed and not (hardware == "cuda" and peak):
        reading.reject(location, f"labelled {hardware}, but nothing shows that it did not run on the CPU", cell)
        return
    kind = family_of(model, {"text_embedding": "embedding"}.get(family, family))
    reading.add(location, {
        "model": model,
        "model_family": kind,
        "hardware": None if "hardware" in reading.assumed else hardware,
        "device": _device(hardware, system, details),
        "n_devices": 1,
        "precision": cell.get("precision") or "fp32",
        "runtime": "pytorch-eager",
        "mode": "inference",
        "measured": given.get("timestamp"),
        "item": item_of(model, kind),
        "batch_size": batch,
        "sequence_length": shape[2],
        "throughput": speed,
        "latency_ms": latency,
        "memory_mb": reading.megabytes(peak, "bytes") if peak else None,
        "note": f"labelled {hardware} by the program that wrote it; {len(cell.get('latencies') or [])} runs listed",
    })  # fmt: skip


def _seconds(cell: Mapping[str, Any]) -> float | None:
    """Time of one run in seconds: the median of the single runs where they are listed, else the mean."""
    values = [as_number(value) for value in (cell.get("latencies") or cell.get("raw_latencies") or [])]
    numbers = [value for value in values if value]
    if numbers:
        return median(numbers)
    return next((as_number(cell[key]) for key in _LATENCY if as_number(cell.get(key))), None)


def _device(hardware: str, system: Mapping[str, Any], details: Mapping[str, Any]) -> str | None:
    if hardware == "cuda":
        boards = system.get("cuda_devices") or []
        return boards[0].get("name") if boards and isinstance(boards[0], dict) else None
    named = (details.get("openvino_device_info") or {}).get("CPU")
    processor = str(system.get("processor") or "")
    return named or (processor if len(processor) > len("x86_64") else None)


FORMAT = Format("guide_results", "raw results of the guide's benchmark_dir", sniff, read)
