"""Benchmark tables of timm (``benchmark.py``): CSV or JSON, device and number format in the name of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hwpredict.catalog import devices
from hwpredict.store.importers.base import Format, Reading, as_number
from hwpredict.store.importers.document import Document
from hwpredict.workload import PRECISIONS

_NAME = re.compile(
    r"^(?:model_)?benchmark-(?:infer|train|both)-(?P<precision>[a-z0-9_]+)-(?P<layout>nchw|nhwc)"
    r"(?:-pt(?P<torch>\d+))?(?:-(?P<toolkit>cu\d+|rocm\d+|cpu|mps|xla))?(?:-(?P<rest>.+?))?\.(?:csv|json)$",
    re.IGNORECASE,
)
_PLATFORMS = {"cu": "cuda", "rocm": "rocm", "cpu": "cpu", "mps": "mps", "xla": "tpu"}


def sniff(document: Document) -> bool:
    """Whether the columns are those of ``benchmark.py``."""
    names = set(document.header) or set(document.records[0] if document.records else ())
    return "model" in names and bool(names & {"infer_samples_per_sec", "train_samples_per_sec"})


def read(document: Document, reading: Reading) -> None:
    """One row per model and mode."""
    common = _from_name(document.name)
    for column in ("hardware", "precision"):
        reading.need(
            column, common.get(column), "the name of the file (benchmark-infer-amp-nhwc-pt240-cu124-rtx3090.csv)"
        )
    for location, row in _rows(document):
        modes = [mode for mode in ("infer", "train") if f"{mode}_samples_per_sec" in row]
        for mode in modes:
            if as_number(row.get(f"{mode}_samples_per_sec")) is None:
                reading.reject(location, f"no {mode}_samples_per_sec: {row.get('error') or 'the run failed'}", row)
                continue
            reading.add(location, common | _measurement(row, mode, reading))


def _rows(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    if document.header:
        yield from document.table()
    else:
        yield from ((f"[{n}]", record) for n, record in enumerate(document.records))


def _measurement(row: dict[str, Any], mode: str, reading: Reading) -> dict[str, Any]:
    return {
        "model": row.get("model"),
        "model_family": "vision",
        "mode": "inference" if mode == "infer" else "training",
        "item": "image",
        "n_devices": 1,
        "input_size": _whole(row.get(f"{mode}_img_size")),
        "batch_size": row.get(f"{mode}_batch_size"),
        "throughput": row.get(f"{mode}_samples_per_sec"),
        "latency_ms": row.get(f"{mode}_step_time"),
        "parameters": reading.scaled(row.get("param_count"), 1e6, "parameters: millions → 1"),
        "gmacs": row.get("infer_gmacs"),
        "activations_m": row.get("infer_macts"),
    }


def _whole(value: Any) -> str | None:
    number = as_number(value)
    return None if number is None else f"{number:g}"


def _from_name(name: str) -> dict[str, Any]:
    """What the name of the file says of every row in it."""
    found = _NAME.match(name)
    if found is None:
        return {}
    rest = found["rest"] or ""
    compiled = rest.endswith("-dynamo") or rest == "dynamo"
    device = re.sub(r"-?dynamo$", "", rest).replace("_", "-")
    toolkit = (found["toolkit"] or "").lower()
    platform = _PLATFORMS.get(re.sub(r"\d+$", "", toolkit))
    if not toolkit and device:
        match = devices.match(device)
        platform = match.platforms[0] if match else None
    known = devices.match(device, platform) if device else None
    version = _version(found["torch"])
    precision = found["precision"].lower()
    return {
        "hardware": platform,
        "device": known.name if known and not known.derived else device or None,
        "precision": precision if precision in PRECISIONS else {"bfloat16": "bf16", "float16": "fp16"}.get(precision),
        "layout": found["layout"].lower(),
        "runtime": "pytorch-compile" if compiled else "pytorch-eager",
        "runtime_version": f"{version}+{toolkit}" if version and re.match(r"cu|rocm", toolkit) else version,
    }


def _version(digits: str | None) -> str | None:
    """Version from its digits: 2.4.0 of "240", and 1.12 of "112" (the patch level of PyTorch 1 was left out)."""
    if not digits:
        return None
    return f"1.{digits[1:]}" if digits[0] == "1" else ".".join(digits)


FORMAT = Format("timm", "benchmark table of timm", sniff, read)
