"""``vllm bench``: results of ``serve`` (also several in a file), ``latency`` and ``throughput``, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number, median
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.words import digits, platform_of, precision_of

_SERVE = {"request_throughput", "output_throughput", "completed"}
_LATENCY = {"avg_latency", "latencies", "percentiles"}
_THROUGHPUT = {"elapsed_time", "num_requests", "total_num_tokens", "tokens_per_second"}
#: Keys under which people note the machine (``--metadata gpu=… tp=…``).
_DEVICE = ("device", "gpu", "gpu_name", "gpu_model", "accelerator")
_COUNT = ("n_devices", "tp", "tensor_parallel_size", "tensor_parallel", "num_gpus", "gpu_count")


def sniff(document: Document) -> bool:
    """Whether it has the keys of one of the three."""
    names = set(document.records[0]) if document.records else set()
    return names >= _SERVE or names >= _LATENCY or names >= _THROUGHPUT


def read(document: Document, reading: Reading) -> None:
    """Two rows of a serving run, one of the others."""
    for number, record in enumerate(document.records):
        location = f"[{number}]" if len(document.records) > 1 else "the result"
        if set(record) >= _SERVE:
            _read_serve(location, record, reading)
        elif set(record) >= _LATENCY:
            _read_latency(location, record, reading)
        elif set(record) >= _THROUGHPUT:
            _read_throughput(location, record, reading)
        else:
            reading.reject(location, "not the result of a benchmark: its keys are others", record)


def _common(record: Mapping[str, Any], reading: Reading) -> dict[str, Any]:
    device = next((str(record[key]) for key in _DEVICE if record.get(key)), None)
    hardware = record.get("hardware") or (platform_of(device) if device else None)
    model = record.get("model_id") or record.get("model")
    reading.need("model", model, "the result (key 'model_id')")
    reading.need("hardware", hardware, "the result (vllm bench … --metadata gpu='NVIDIA L4' tp=1 would)")
    count = next((digits(str(record[key])) for key in _COUNT if record.get(key)), None)
    return {
        "model": model,
        "model_family": "text_generation",
        "hardware": hardware,
        "device": device,
        "n_devices": count,
        "precision": precision_of(record.get("precision") or record.get("dtype")),
        "runtime": record.get("backend") or "vllm",
        "runtime_version": record.get("version") or record.get("vllm_version"),
        "measured": record.get("date"),
        "mode": "inference",
    }


def _read_serve(location: str, record: Mapping[str, Any], reading: Reading) -> None:
    completed = as_number(record.get("completed"))
    if not completed:
        reading.reject(location, "no request was completed", record)
        return
    common = _common(record, reading)
    users = as_number(record.get("max_concurrency"))
    prompt = (as_number(record.get("total_input_tokens")) or 0) / completed
    output = (as_number(record.get("total_output_tokens")) or 0) / completed
    load = (
        f"closed loop, concurrency={users:.0f} (upper bound of the running batch)" if users
        else f"open loop, request rate={record.get('request_rate')}/s, running batch unknown"
    )  # fmt: skip
    said = f"{load}; in {prompt:.0f} out {output:.0f}; completed {completed:.0f} of {record.get('num_prompts')}"
    kept = {key: record[key] for key in record if key.startswith(("mean_", "median_", "p99_", "std_"))}
    kept |= {
        key: record.get(key) for key in ("request_rate", "request_throughput", "duration", "total_token_throughput")
    }
    common |= {"batch_size": users}
    decode = record.get("median_tpot_ms", record.get("mean_tpot_ms"))
    reading.add(f"{location}, decode", common | kept | {
        "item": "token_decode",
        "sequence_length": round(prompt + output / 2) or None,
        "throughput": record.get("output_throughput"),
        "latency_ms": decode,
        "note": f"{'median' if 'median_tpot_ms' in record else 'mean'} TPOT (prefill of others interleaved); "
        f"throughput=output tok/s of the run; {said}",
    })  # fmt: skip
    first = record.get("median_ttft_ms", record.get("mean_ttft_ms"))
    if as_number(first):
        reading.add(f"{location}, prefill", common | kept | {
            "item": "token_prefill",
            "sequence_length": round(prompt) or None,
            "latency_ms": first,
            "note": f"TTFT incl. queueing; {said}",
        })  # fmt: skip


def _read_latency(location: str, record: Mapping[str, Any], reading: Reading) -> None:
    common = _common(record, reading)
    reading.need("batch_size", record.get("batch_size"), "the result of `vllm bench latency`")
    values = [v for v in (record.get("latencies") or []) if isinstance(v, int | float)]
    typical = median([float(v) for v in values]) or as_number(record.get("avg_latency"))
    output = as_number(record.get("output_len"))
    batch = as_number(record.get("batch_size") or reading.assumed.get("batch_size"))
    latency = reading.milliseconds(typical, "s")
    given = as_number(record.get("input_len"))
    said = f"output {output:.0f} tokens, throughput=OUTPUT tokens/s" if output else "output length not stated"
    said = f"input {given:.0f} {said}" if given and output else said
    reading.add(location, common | {
        "item": "token",
        "batch_size": batch,
        "latency_ms": latency,
        "throughput": batch * output * 1e3 / latency if batch and output and latency else None,
        "repeats": len(values) or None,
        "note": f"whole generate() of a batch; {said}",
    })  # fmt: skip


def _read_throughput(location: str, record: Mapping[str, Any], reading: Reading) -> None:
    common = _common(record, reading)
    reading.add(location, common | {
        "item": "token",
        "throughput": record.get("tokens_per_second"),
        "requests_per_second": record.get("requests_per_second"),
        "num_requests": record.get("num_requests"),
        "note": "whole generation of all requests at once; throughput=input+output tokens/s",
    })  # fmt: skip


FORMAT = Format("vllm", "result of vllm bench", sniff, read)
