"""``pytest-benchmark``: results whose ``extra_info`` or parameters say what was run, in the schema's columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number, rate
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.words import family_of, item_of
from hwpredict.store.schema import BY_NAME

#: Usual short names of parameters of a test.
_ALIASES = {"batch": "batch_size", "bs": "batch_size", "seq_len": "sequence_length", "seq_length": "sequence_length",
            "dtype": "precision", "platform": "hardware", "backend": "runtime", "model_name": "model"}  # fmt: skip
_STATISTICS = ("min", "max", "mean", "stddev", "iqr", "rounds", "iterations")


def sniff(document: Document) -> bool:
    """Whether it has the keys that pytest-benchmark writes."""
    given = document.json
    return isinstance(given, dict) and {"machine_info", "benchmarks"} <= set(given) and "commit_info" in given


def read(document: Document, reading: Reading) -> None:
    """One row per benchmark that says model and hardware."""
    given = document.json
    processor = (given["machine_info"].get("cpu") or {}).get("brand_raw")
    for number, entry in enumerate(given["benchmarks"]):
        location = f"benchmarks[{number}] {entry.get('fullname') or entry.get('name')}"
        _read_entry(location, entry, given, processor, reading)


def _read_entry(
    location: str, entry: Mapping[str, Any], given: Mapping[str, Any], processor: str | None, reading: Reading
) -> None:
    said = _said(entry)
    for column in ("model", "hardware"):
        if not said.get(column) and column not in reading.assumed:
            reading.reject(location, f"neither extra_info nor params says the {column}", entry)
            return
    stats = entry.get("stats") or {}
    typical = as_number(stats.get("median", stats.get("mean")))
    if typical is None:
        reading.reject(location, "no median and no mean among its stats", entry)
        return
    latency = reading.milliseconds(typical, "s")
    batch = as_number(said.get("batch_size")) or 1
    model = str(said.get("model") or reading.assumed["model"])
    family = family_of(model, said.get("model_family"))
    hardware = said.get("hardware") or reading.assumed.get("hardware")
    row = {
        "model_family": family,
        "item": item_of(model, family),
        "mode": "inference",
        "batch_size": batch,
        "latency_ms": latency,
        "throughput": rate(batch, latency),
        "device": processor if hardware == "cpu" else None,
        "measured": given.get("datetime"),
        "runtime_version": None,
        "test": entry.get("fullname") or entry.get("name"),
        "commit": (given.get("commit_info") or {}).get("id"),
        **{f"{name}_s" if name not in ("rounds", "iterations") else name: stats.get(name) for name in _STATISTICS},
    }
    reading.add(location, row | {name: value for name, value in said.items() if value is not None})


def _said(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Columns of the schema among the parameters and the extra information."""
    out: dict[str, Any] = {}
    for source in (entry.get("params") or {}, entry.get("extra_info") or {}):
        for name, value in source.items():
            column = _ALIASES.get(name, name)
            if column in BY_NAME or source is entry.get("extra_info"):
                out[column] = value
    return out


FORMAT = Format("pytest_benchmark", "results of pytest-benchmark", sniff, read)
