"""``llama-bench`` of llama.cpp: JSON, lines of JSON, CSV, and the Markdown table that it prints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number, rate
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.markdown import Table, tables
from hwpredict.store.importers.words import GGML_BACKENDS, gguf_precision, without_quantisation

_KEYS = {"model_filename", "n_prompt", "n_gen", "avg_ts"}
_COLUMNS = {"model", "size", "params", "backend", "test", "t/s"}
_TEST = re.compile(r"^(?:pp(\d+))?\+?(?:tg(\d+))?(?: @ d(\d+))?$")
_DEVICE = re.compile(r"^\s*Device \d+: (.+?)(?:, compute capability.*|, gfx\w+.*|, VMM.*)?$")
_BUILD = re.compile(r"^build: (\w+) \((\d+)\)")
_SIZES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
#: A file that says it has 16 bits a weight, and has far fewer, holds its experts in MXFP4.
_MXFP4_BITS = 8.0


def sniff(document: Document) -> bool:
    """Whether it has the keys or the table of ``llama-bench``."""
    if document.records:
        return set(document.records[0]) >= _KEYS
    if set(document.header) >= _KEYS:
        return True
    return any(set(table.names) >= _COLUMNS for table in tables(document.lines))


def read(document: Document, reading: Reading) -> None:
    """One row per test."""
    records: Iterator[tuple[str, Mapping[str, Any]]]
    if document.records:
        records = ((f"[{n}]", record) for n, record in enumerate(document.records))
    elif document.header and set(document.header) >= _KEYS:
        records = document.table()
    else:
        _read_markdown(document, reading)
        return
    for location, record in records:
        speed = as_number(record.get("avg_ts"))
        if not speed:
            reading.reject(location, "no avg_ts: the test failed", record)
            continue
        reading.add(location, _common(record) | _test(
            as_number(record.get("n_prompt")) or 0, as_number(record.get("n_gen")) or 0,
            as_number(record.get("n_depth")) or 0, speed, _settings(record),
        ))  # fmt: skip


def _common(record: Mapping[str, Any]) -> dict[str, Any]:
    file = str(record["model_filename"]).replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".gguf")
    file = re.sub(r"-0*\d+-of-0*\d+$", "", file)
    parameters, size = as_number(record.get("model_n_params")), as_number(record.get("model_size"))
    hardware, device, count = _target(record)
    commit, number = record.get("build_commit"), record.get("build_number")
    return {
        "model": without_quantisation(file),
        "model_family": "text_generation",
        "parameters": parameters,
        "precision": _precision(str(record.get("model_type") or file), size, parameters),
        "hardware": hardware,
        "device": device,
        "n_devices": count,
        "runtime": f"llama.cpp-{str(record.get('backends') or 'cpu').lower().split(',')[0]}",
        "runtime_version": f"{commit} ({number})" if commit else None,
        "measured": record.get("test_time"),
        "mode": "inference",
        "batch_size": 1,
        "gguf": file,
        "model_type": record.get("model_type"),
        "model_size_bytes": record.get("model_size"),
        "stddev_ts": record.get("stddev_ts"),
        "cpu_info": record.get("cpu_info"),
    }


def _target(record: Mapping[str, Any]) -> tuple[str | None, str | None, int]:
    """Platform, device and count; a model with no layer on the GPU runs on the CPU."""
    backends = [b.strip().lower() for b in str(record.get("backends") or "CPU").split(",")]
    platforms = [GGML_BACKENDS[b] for b in backends if b in GGML_BACKENDS]
    gpu = next((str(p) for p in platforms if p != "cpu"), None)
    layers = as_number(record.get("n_gpu_layers"))
    if gpu is None or layers == 0:
        return "cpu" if platforms or layers == 0 else None, record.get("cpu_info"), 1
    boards = [board.strip() for board in str(record.get("gpu_info") or "").split(",") if board.strip()]
    count = 1 if record.get("split_mode") == "none" else max(len(boards), 1)
    return gpu, boards[0] if boards else None, count


def _precision(kind: str, size: float | None, parameters: float | None) -> str | None:
    precision = gguf_precision(kind)
    if precision in ("fp16", "bf16") and size and parameters and size * 8 / parameters < _MXFP4_BITS:
        return "mxfp4"
    return precision


def _settings(record: Mapping[str, Any]) -> str:
    on = str(record.get("flash_attn")).lower() in ("true", "1", "on")
    said = {
        "threads": record.get("n_threads"),
        "flash_attn": 1 if on else 0,
        "ngl": record.get("n_gpu_layers"),
        "ubatch": record.get("n_ubatch"),
        "type_k": record.get("type_k"),
    }
    return "; ".join(f"{name}={value}" for name, value in said.items() if value not in (None, ""))


def _test(prompt: float, generated: float, depth: float, speed: float, settings: str) -> dict[str, Any]:
    """What a test measures: a prompt, decode steps, or both after another."""
    behind = f" @ d{depth:.0f}" if depth else ""
    if prompt and generated:
        return {
            "item": "token",
            "sequence_length": round(depth + prompt + generated),
            "throughput": speed,
            "latency_ms": (prompt + generated) * 1e3 / speed,
            "note": f"whole generate, input {prompt:.0f} output {generated:.0f} tokens{behind}; {settings}",
        }
    if prompt:
        return {
            "item": "token_prefill",
            "sequence_length": round(prompt),
            "throughput": speed,
            "latency_ms": prompt * 1e3 / speed,
            "note": f"prefill pp{prompt:.0f}{behind}; latency=whole prompt; {settings}",
        }
    return {
        "item": "token_decode",
        "sequence_length": round(depth + generated / 2) or 1,
        "throughput": speed,
        "latency_ms": rate(1, speed),
        "note": f"decode tg{generated:.0f}{behind}; latency=per token; sequence_length=depth+half of the new tokens; "
        f"{settings}",
    }


def _read_markdown(document: Document, reading: Reading) -> None:
    devices = [found[1] for line in document.lines if (found := _DEVICE.match(line))]
    build = next((found for line in document.lines if (found := _BUILD.match(line))), None)
    version = f"{build[1]} ({build[2]})" if build else None
    for table in tables(document.lines):
        if set(table.names) >= _COLUMNS:
            _read_table(table, devices, version, reading)


def _read_table(table: Table, devices: list[str], version: str | None, reading: Reading) -> None:
    for line, cells in table.rows:
        location = f"line {line}"
        test = _TEST.match(cells["test"].replace("\\@", "@"))
        speed = as_number(re.split(r"\s*(?:±|\+/-)\s*", cells["t/s"])[0])
        if test is None or not any(test.groups()[:2]) or not speed:
            reading.reject(location, "its test is not pp… or tg…, or it has no speed", cells)
            continue
        backend = cells["backend"].lower().split(",")[0].strip()
        layers = as_number(cells.get("ngl"))
        hardware = "cpu" if layers == 0 else GGML_BACKENDS.get(backend)
        fields = {"threads": "threads", "fa": "flash_attn", "n_ubatch": "ubatch", "type_k": "type_k", "ngl": "ngl"}
        settings = "; ".join(f"{label}={cells[name]}" for name, label in fields.items() if cells.get(name))
        prompt, generated, depth = (float(group or 0) for group in test.groups())
        reading.add(location, {
            "model": _name(cells["model"]),
            "model_family": "text_generation",
            "parameters": _parameters(cells["params"], reading),
            "precision": gguf_precision(cells["model"]),
            "hardware": str(hardware) if hardware else None,
            "device": devices[0] if devices and layers != 0 else None,
            "n_devices": max(len(devices), 1),
            "runtime": f"llama.cpp-{backend}",
            "runtime_version": version,
            "mode": "inference",
            "batch_size": 1,
            "model_type": cells["model"],
            "file_size": cells["size"],
        } | _test(prompt, generated, depth, speed, settings))  # fmt: skip


def _name(kind: str) -> str:
    """Model of a table, which states no file: llama-7B of "llama 7B Q4_0"."""
    words = re.sub(r"\s*-\s*(?:Small|Medium|Large)$", "", kind).split()
    return "-".join(word for word in words if gguf_precision(word) is None)


def _parameters(text: str, reading: Reading) -> float | None:
    found = re.match(r"([\d.]+)\s*([KMBT])$", text.strip())
    if found is None:
        return None
    return reading.scaled(found[1], _SIZES[found[2]], f"parameters: {found[2]} → 1")


FORMAT = Format("llama_bench", "llama-bench of llama.cpp", sniff, read)
