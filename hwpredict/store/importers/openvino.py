"""OpenVINO: what ``benchmark_app`` prints, its report as CSV or JSON, and the official table of results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.words import digits, family_of, item_of, precision_of

_OFFICIAL = {"Network model", "Platform name", "Release"}
_SECTIONS = ("Command line parameters", "Configuration setup", "Execution results")
_INFO = re.compile(r"^\[\s*INFO\s*\]\s*(.*)$")
_STEP = re.compile(r"inference (a?synchronously)(?:.*?(\d+) inference requests)?")
#: Names that converters give to a graph and that say nothing of the model.
_NAMELESS = re.compile(
    r"^(?:model\d*|main_graph|torch[-_]jit(?:[-_]export)?|tf_function.*|tensorflow.*|graph\d*)$", re.I
)
_PRECISIONS = {"int8": "int8", "fp16": "fp16", "fp32": "fp32", "int4": "int4", "bf16": "bf16"}
_ENGINE = re.compile(r"\s*(CPU-only|iGPU-only|NPU-only|dGPU|CPU\+iGPU|GPU)$", re.IGNORECASE)
#: throughput and latency of the official table are separate runs.
_SEPARATE = "throughput = best throughput-mode (many streams), latency = separate latency-mode run (NOT reciprocal)"


def _is_log(document: Document) -> bool:
    return bool(document.text and "Throughput:" in document.text and re.search(r"\[Step \d+/11\]", document.text))


def sniff(document: Document) -> bool:
    """Whether it is the output or a report of ``benchmark_app``, or the official table."""
    if set(document.header) >= _OFFICIAL or _is_log(document):
        return True
    given = document.json
    if isinstance(given, dict) and "execution_results" in given:
        return True
    return bool(document.lines) and any(line.strip() in _SECTIONS for line in document.lines[:3])


def read(document: Document, reading: Reading) -> None:
    """One row of a run, or one per number format of the table."""
    if set(document.header) >= _OFFICIAL:
        _read_official(document, reading)
    elif _is_log(document):
        _read_log(document, reading)
    else:
        _read_report(document, reading)


# --- benchmark_app ----------------------------------------------------------------------------------------------------


def _read_log(document: Document, reading: Reading) -> None:
    said: dict[str, str] = {}
    lines: dict[str, str] = {}
    for number, line in enumerate(document.lines, 1):
        found = _INFO.match(line.strip())
        text = found[1] if found else line.strip()
        if step := _STEP.search(text):
            said["requests"] = step[2] or "1"
            said["api"] = "async" if step[1].startswith("a") else "sync"
        elif "benchmark_app" in text and " -m " in text:
            said |= _options(text)
        elif text.startswith("Build ."):
            said["build"] = text
        elif ":" in text:
            key, _, value = text.partition(":")
            said.setdefault(key.strip().lower(), value.strip())
            lines.setdefault(key.strip().lower(), f"line {number}")
    devices = re.findall(r"[A-Z]+", said.get("execution devices", ""))
    if devices:
        said["target device"] = devices[0]
    latency_key = next((key for key in ("median", "average") if key in said), None)
    _add_run(
        lines.get("throughput", "the output"),
        said,
        throughput=as_number(re.sub(r"\s*FPS.*", "", said.get("throughput", ""))),
        latency=as_number(re.sub(r"\s*ms.*", "", said[latency_key])) if latency_key else None,
        reading=reading,
    )


def _options(command: str) -> dict[str, str]:
    """What a command line says: model, device, batch."""
    names = {
        "-m": "path",
        "-d": "target device",
        "-b": "batch size",
        "-api": "api",
        "-hint": "hint",
        "-nireq": "requests",
    }
    words = command.split()
    return {names[w]: words[i + 1] for i, w in enumerate(words[:-1]) if w in names}


def _read_report(document: Document, reading: Reading) -> None:
    said: dict[str, str] = {}
    if isinstance(document.json, dict):
        for section in ("cmd_options", "configuration_setup", "execution_results"):
            values = document.json.get(section) or {}
            said |= {str(k).lower().replace("_", " "): str(v) for k, v in values.items() if not isinstance(v, dict)}
    else:
        for line in document.lines:
            key, separator, value = line.partition(";")
            if separator and value.strip():
                said[key.strip().lower()] = value.strip()
    for short, name in (("m", "path"), ("d", "target device"), ("b", "batch size"), ("model", "path")):
        if short in said:
            said.setdefault(name, said[short])
    if "error" in said:
        reading.reject("error", said["error"], said)
        return
    said.setdefault("requests", said.get("number of parallel infer requests", ""))
    keys = ("latency (ms)", "latency median", "median latency", "median latency (ms)", "avg latency", "latency avg")
    latency = next((as_number(said[key]) for key in keys if key in said), None)
    throughput = as_number(said.get("throughput"))
    _add_run("Execution results", said, throughput=throughput, latency=latency, reading=reading)


def _add_run(
    location: str, said: Mapping[str, str], *, throughput: float | None, latency: float | None, reading: Reading
) -> None:
    if throughput is None and latency is None:
        reading.reject(location, "neither a throughput nor a latency: the run failed", dict(said))
        return
    model = _model(said)
    reading.need("model", model, "the output, whose graph has no name of its own,")
    model = model or reading.assumed["model"]
    requests = digits(said.get("requests", ""))
    synchronous = said.get("api") == "sync" or requests == 1
    family = family_of(model)
    build = said.get("build") or said.get("openvino")
    reading.add(location, {
        "model": model,
        "model_family": family,
        "hardware": "openvino",
        "n_devices": 1,
        "precision": precision_of(said.get("inference_precision_hint") or said.get("precision")),
        "runtime": "openvino-sync" if synchronous else "openvino-async",
        "runtime_version": (re.search(r"\d{4}\.\d+(?:\.\d+)?", build) or [None])[0] if build else None,
        "mode": "inference",
        "item": item_of(model, family),
        "batch_size": digits(said.get("model batch size") or said.get("batch size") or "") or 1,
        "throughput": throughput,
        "latency_ms": latency,
        "target_device": said.get("target device"),
        "requests": requests,
        "note": f"engine={said.get('target device', 'unstated')}; infer requests={requests or 'unstated'}; "
        f"hint={said.get('performance_hint') or said.get('hint') or 'unstated'}"
        + ("" if synchronous else "; latency of one of the requests in flight"),
    })  # fmt: skip


def _model(said: Mapping[str, str]) -> str | None:
    path = said.get("path", "").replace("\\", "/").rsplit("/", 1)[-1]
    candidates = (said.get("model name"), re.sub(r"\.(?:xml|onnx|pdmodel|pb|blob|tflite)$", "", path),
                  said.get("topology"), said.get("network_name"))  # fmt: skip
    return next((name for name in candidates if name and not _NAMELESS.match(name)), None)


# --- the official table -----------------------------------------------------------------------------------------------


def _figures(row: Mapping[str, str]) -> Iterator[tuple[str, str | None, str | None]]:
    """Number format with its throughput and latency, whichever are given."""
    by_fold = {re.sub(r"[-_ ]", "", name).lower(): value for name, value in row.items()}
    for name, precision in _PRECISIONS.items():
        throughput, latency = by_fold.get(f"throughput{name}"), by_fold.get(f"latency{name}")
        if throughput or latency:
            yield precision, throughput or None, latency or None


def _read_official(document: Document, reading: Reading) -> None:
    for location, row in document.table():
        model = row.get("Network model", "")
        if model in ("begin_rec", "end_rec", ""):  # markers between models
            continue
        units = {row.get("UOM_T") or "FPS", row.get("UOM_L") or "msec."}
        if units - {"FPS", "msec.", "msec", "ms"}:
            reading.reject(location, f"units are {', '.join(sorted(units))}, not FPS and msec.", row)
            continue
        figures = list(_figures(row))
        if not figures:
            reading.reject(location, "no throughput and no latency in any number format", row)
        for precision, throughput, latency in figures:
            family = family_of(model)
            reading.add(f"{location}, {precision}", _platform(row.get("Platform name", "")) | {
                "model": model,
                "model_family": family,
                "hardware": "openvino",
                "n_devices": 1,
                "precision": precision,
                "runtime": "openvino",
                "runtime_version": row.get("Release", "").removeprefix("OV-"),
                "mode": "inference",
                "item": item_of(model, family),
                "batch_size": 1,
                "throughput": throughput,
                "latency_ms": latency,
                "sockets": row.get("Sockets"),
            })  # fmt: skip


def _platform(text: str) -> dict[str, Any]:
    plain = " ".join(re.sub(r"[®™]|\(R\)|\(TM\)", " ", text).split())
    found = _ENGINE.search(plain)
    engine = found[1].removesuffix("-only") if found else None
    device = _ENGINE.sub("", plain)
    return {
        "device": f"{device} ({engine})" if engine and engine not in ("CPU", "dGPU") else device,
        "note": f"{_SEPARATE}; engine={engine or 'unstated'}",
    }


FORMAT = Format("openvino", "output of OpenVINO's benchmark_app or its official table", sniff, read)
