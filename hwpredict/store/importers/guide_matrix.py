"""The guide's prediction matrix as JSON. It holds predictions, and they are kept as such: never as measurements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.words import family_of, item_of
from hwpredict.store.schema import METRICS

#: Key of a cell to metric.
_FIGURES = {
    "throughput": "throughput",
    "latency_mean": "latency_ms",
    "latency": "latency_ms",
    "memory_usage": "memory_mb",
}


def sniff(document: Document) -> bool:
    """Whether it has models with predictions."""
    given = document.json
    models = given.get("models") if isinstance(given, dict) else None
    if not isinstance(models, dict) or not models:
        return False
    return all(isinstance(entry, dict) and "predictions" in entry for entry in models.values())


def read(document: Document, reading: Reading) -> None:
    """One prediction per model, hardware, batch size and number format."""
    given = document.json
    for name, entry in given["models"].items():
        for hardware, batches in (entry.get("predictions") or {}).items():
            for batch, precisions in (batches or {}).items():
                for precision, cell in (precisions or {}).items():
                    location = f"models.{name}.predictions.{hardware}.{batch}.{precision}"
                    _read_cell(location, entry | {"name": entry.get("name") or name}, hardware, batch, precision,
                               cell, given, reading)  # fmt: skip
    if reading.predictions:
        reading.notes.append(f"predictions of {given.get('timestamp')}, not measured")


def _read_cell(
    location: str,
    entry: Mapping[str, Any],
    hardware: str,
    batch: str,
    precision: str,
    cell: Any,
    given: Mapping[str, Any],
    reading: Reading,
) -> None:
    figures: dict[str, list[float]] = {}
    for key, metric in _FIGURES.items():
        value = as_number(cell.get(key)) if isinstance(cell, dict) else None
        if value is not None and value > 0:
            figures.setdefault(f"{metric}_quantiles", _quantiles(cell, key, value))
    number = as_number(batch)
    if not figures or not number:
        reading.reject(
            location, f"none of {', '.join(METRICS)}" if number else f"batch {batch!r} is not a number", cell
        )
        return
    family = family_of(entry["name"], entry.get("category"))
    item = item_of(entry["name"], family)
    reading.predictions.append({
        "model": entry["name"],
        "model_family": family,
        "hardware": hardware,
        "precision": precision,
        "mode": given.get("mode") or "inference",
        "batch_size": number,
        "item": item,
        "source": reading.assumed.get("source"),
        "device": cell.get("device"),
        "posterior_fingerprint": given.get("posterior_fingerprint"),
        **figures,
    })  # fmt: skip


def _quantiles(cell: Mapping[str, Any], key: str, value: float) -> list[float]:
    """The figure, between the ends of its interval where the file has one."""
    span = cell.get(f"{key}_interval")
    if isinstance(span, list) and len(span) == 2 and all(as_number(end) for end in span):
        return [float(span[0]), value, float(span[1])]
    return [value]


FORMAT = Format("guide_matrix", "prediction matrix of the guide", sniff, read)
