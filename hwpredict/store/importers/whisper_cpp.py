"""Bench tables of whisper.cpp (``scripts/bench-all.sh``): milliseconds of the encoder and of the decoder's phases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number, rate
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.markdown import Table, tables
from hwpredict.store.importers.words import GGML_BACKENDS, gguf_precision, without_quantisation
from hwpredict.workload import Platform

_COLUMNS = {"Config", "Model", "Enc."}
#: Encoder frames of one window of 30 s (Radford et al. 2022, section 2.2).
_FRAMES = 1500
#: What ``whisper-bench`` times: column, tokens or sequences of a call, batch, item, length, words for the note.
_PHASES: tuple[tuple[str, int, int, str, int | None, str], ...] = (
    ("Enc.", 1, 1, "sequence", _FRAMES, "encoder of one 30 s window"),
    ("Dec.", 1, 1, "token_decode", None, "one decoder token"),
    ("Bch5", 5, 5, "token_decode", None, "5-token batch decode; column is ms per token"),
    ("PP", 256, 1, "token_prefill", 256, "256-token decoder prompt; column is ms per token with 2 decimals (coarse)"),
)


def sniff(document: Document) -> bool:
    """Whether it has a table with the columns of the bench script."""
    return any(set(table.names) >= _COLUMNS for table in tables(document.lines))


def read(document: Document, reading: Reading) -> None:
    """One row per model and phase."""
    for table in tables(document.lines):
        if set(table.names) >= _COLUMNS:
            for line, cells in table.rows:
                _read_row(table, line, cells, reading)


def _read_row(table: Table, line: int, cells: Mapping[str, str], reading: Reading) -> None:
    common = _common(table, cells)
    for column, tokens, batch, item, length, words in _PHASES:
        if column not in cells:
            continue
        location, per_token = f"line {line}, {column}", as_number(cells[column])
        if not per_token:  # "ms" of a run that failed, or 0.00 below the resolution
            why = "below the resolution of the table" if per_token == 0 else "not a time"
            reading.reject(location, f"{column} is {cells[column]!r}: {why}", dict(cells))
            continue
        latency = per_token * tokens
        if tokens > 1:
            reading.conversions["latency_ms: ms per token → ms per call"] += 1
        settings = "; ".join(
            f"{label}={cells[name]}"
            for name, label in (("Config", "config"), ("Th", "threads"), ("FA", "flash_attn"))
            if cells.get(name)
        )
        quantised = gguf_precision(cells["Model"])
        reading.add(location, common | {
            "item": item,
            "batch_size": batch,
            "sequence_length": length,
            "latency_ms": latency,
            "throughput": rate(tokens, latency),
            "note": f"{words}; {settings}" + (f"; weights {cells['Model'].rpartition('-')[2]}" if quantised else ""),
        })  # fmt: skip


def _common(table: Table, cells: Mapping[str, str]) -> dict[str, Any]:
    words = cells["Config"].lower().split()
    platforms = [GGML_BACKENDS[word] for word in words if word in GGML_BACKENDS]
    gpu = next((p for p in platforms if p != Platform.CPU), None)
    return {
        "model": f"whisper-{without_quantisation(cells['Model'])}",
        "model_family": "audio",
        "hardware": str(gpu or Platform.CPU),
        "device": _device(cells[table.names[0]], gpu),
        "n_devices": 1,
        "precision": gguf_precision(cells["Model"]) or "fp16",
        "runtime": "whisper.cpp",
        "runtime_version": f"commit {cells['Commit']}" if cells.get("Commit") else None,
        "mode": "inference",
    }


def _device(text: str, gpu: Platform | None) -> str:
    """Name of the machine in the first column, Apple's chips with their maker."""
    return f"Apple {text}" if re.match(r"^M[1-9]\b", text) and gpu in (Platform.MPS, None) else text


FORMAT = Format("whisper_cpp", "bench table of whisper.cpp", sniff, read)
