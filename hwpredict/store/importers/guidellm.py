"""GuideLLM: a report with one entry per load."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number
from hwpredict.store.importers.document import Document


def sniff(document: Document) -> bool:
    """Whether its benchmarks have GuideLLM's metrics."""
    given = document.json
    entries = given.get("benchmarks") if isinstance(given, dict) else None
    if not isinstance(entries, list) or not entries or not isinstance(entries[0], dict):
        return False
    metrics = entries[0].get("metrics")
    return isinstance(metrics, dict) and "time_to_first_token_ms" in metrics


def read(document: Document, reading: Reading) -> None:
    """Two rows per load."""
    reading.need("hardware", None, "the report, which knows the server only by its address,")
    for number, entry in enumerate(document.json["benchmarks"]):
        _read_entry(f"benchmarks[{number}]", entry, reading, document.json)


def _read_entry(location: str, entry: Mapping[str, Any], reading: Reading, report: Mapping[str, Any]) -> None:
    metrics = entry.get("metrics") or {}
    speed, step = _statistic(metrics, "output_tokens_per_second", "mean"), _statistic(metrics, "inter_token_latency_ms")
    model = _model(entry, report)
    reading.need("model", model, f"{location} (neither 'worker' nor 'config')")
    if not speed and not step:
        reading.reject(location, "no request was successful", {"model": model, "args": entry.get("args")})
        return
    strategy = (entry.get("config") or entry.get("args") or {}).get("strategy") or {}
    users = as_number(strategy.get("max_concurrency") or strategy.get("streams"))
    running = _statistic(metrics, "request_concurrency", "mean")
    prompt, output = (
        _statistic(metrics, "prompt_token_count", "mean"),
        _statistic(metrics, "output_token_count", "mean"),
    )
    kind = strategy.get("type_") or strategy.get("type") or "unstated"
    if kind == "synchronous":
        users = 1.0
    batch = users or (max(round(running), 1) if running else None)
    batched = "concurrency" if users else "mean requests in flight, rounded"
    said = f"load={kind}; batch_size={batched}; in {prompt or 0:.0f} out {output or 0:.0f}"
    start = as_number(entry.get("start_time") or (entry.get("run_stats") or {}).get("start_time"))
    common = {
        "model": model,
        "model_family": "text_generation",
        "runtime": "vllm" if "vllm" in str(entry.get("worker") or "").lower() else None,
        "measured": datetime.fromtimestamp(start, UTC).isoformat(timespec="seconds") if start else None,
        "mode": "inference",
        "batch_size": batch,
        "request_rate": strategy.get("rate"),
        "requests_per_second": _statistic(metrics, "requests_per_second", "mean"),
        "request_concurrency": running,
    }
    half = (output or 0) / 2
    reading.add(f"{location}, decode", common | {
        "item": "token_decode",
        "sequence_length": round(prompt + half) if prompt else None,
        "throughput": speed,
        "latency_ms": step,
        "note": f"median inter-token latency (prefill interleaved); throughput=output tok/s of the run; {said}",
    })  # fmt: skip
    first = _statistic(metrics, "time_to_first_token_ms")
    if first:
        reading.add(f"{location}, prefill", common | {
            "item": "token_prefill",
            "sequence_length": round(prompt) if prompt else None,
            "latency_ms": first,
            "note": f"TTFT incl. queueing; {said}",
        })  # fmt: skip


def _statistic(metrics: Mapping[str, Any], name: str, statistic: str = "median") -> float | None:
    """A statistic over the successful requests."""
    values = (metrics.get(name) or {}).get("successful") or {}
    return as_number(values.get(statistic))


def _model(entry: Mapping[str, Any], report: Mapping[str, Any]) -> str | None:
    worker, config = entry.get("worker") or {}, entry.get("config") or {}
    backend: Any = config.get("backend") if isinstance(config.get("backend"), dict) else {}
    for given in (worker.get("backend_model"), backend.get("model"), config.get("model"),
                  (report.get("args") or {}).get("model")):  # fmt: skip
        if given:
            return str(given)
    found = re.search(r"model=([^\s,'\"]+)", str(config.get("backend") or ""))
    return found[1] if found else None


FORMAT = Format("guidellm", "report of GuideLLM", sniff, read)
