"""MLPerf Inference: summary logs of LoadGen, and the results that MLCommons collects as JSON.

A log says neither model nor machine. Both are in the path of a submission
(``<division>/<submitter>/results/<system>/<model>/<scenario>/performance/run_1/mlperf_log_summary.txt``) and in the
system's description (``<division>/<submitter>/systems/<system>.json``), which is read from there; for a log out of its
place the user says them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number, rate
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.words import digits, platform_of, precision_of

_SCENARIOS = ("Offline", "Server", "SingleStream", "MultiStream", "Interactive")
_LINE = re.compile(r"^\s*([^:]+?)\s*:\s*(.+?)\s*$")
#: The accuracy target behind a benchmark's name ("bert-99.9") changes the number format, not the model.
_TARGET = re.compile(r"-(99(?:\.9+)?)$")

#: Benchmark to model, family and item; the first whose name begins the benchmark's.
_MODELS: tuple[tuple[str, str, str, str], ...] = (
    ("resnet", "resnet50-v1.5", "vision", "image"),
    ("retinanet", "retinanet-resnext50", "vision", "image"),
    ("ssd-mobilenet", "ssd-mobilenet-v1", "vision", "image"),
    ("ssd-small", "ssd-mobilenet-v1", "vision", "image"),
    ("ssd-large", "ssd-resnet34", "vision", "image"),
    ("ssd-resnet34", "ssd-resnet34", "vision", "image"),
    ("mobilenet", "mobilenet_v1", "vision", "image"),
    ("3d-unet", "3d-unet", "vision", "image"),
    ("stable-diffusion-xl", "stable-diffusion-xl", "multimodal", "image"),
    ("bert", "bert-large-squad", "embedding", "sequence"),
    ("gptj", "gpt-j-6b", "text_generation", "token"),
    ("llama2-70b", "llama-2-70b-chat", "text_generation", "token"),
    ("llama3.1-405b", "llama-3.1-405b-instruct", "text_generation", "token"),
    ("llama3_1-405b", "llama-3.1-405b-instruct", "text_generation", "token"),
    ("llama3.1-8b", "llama-3.1-8b-instruct", "text_generation", "token"),
    ("mixtral-8x7b", "mixtral-8x7b-instruct", "text_generation", "token"),
    ("deepseek-r1", "deepseek-r1", "text_generation", "token"),
    ("whisper", "whisper-large-v3", "audio", "sequence"),
    ("rnnt", "rnnt", "audio", "sequence"),
    ("dlrm", "dlrm-v2", "recommendation", "item"),
)


def _is_log(document: Document) -> bool:
    return document.text is not None and "MLPerf Results Summary" in document.text[:2000]


def _is_system(given: Any) -> bool:
    return isinstance(given, dict) and {"accelerator_model_name", "host_processor_model_name", "submitter"} <= set(
        given
    )


def sniff(document: Document) -> bool:
    """Whether it is a log, a description of a system, or collected results."""
    first = document.records[0] if document.records else {}
    return _is_log(document) or _is_system(first) or {"Scenario", "Result", "MlperfModel"} <= set(first)


def read(document: Document, reading: Reading) -> None:
    """One row per valid run."""
    if _is_log(document):
        _read_log(document, reading)
    elif isinstance(document.json, dict):
        reading.refuse("it describes a system and holds no results: it is read where a log of the submission needs it")
    else:
        for number, record in enumerate(document.records):
            _read_collected(f"[{number}]", record, reading)


# --- logs -------------------------------------------------------------------------------------------------------------


def _read_log(document: Document, reading: Reading) -> None:
    lines = [(number, found) for number, line in enumerate(document.lines, 1) if (found := _LINE.match(line))]
    said: dict[str, str] = {}
    for _, found in lines:
        said.setdefault(found[1].strip(), found[2])
    where = {found[1].strip(): f"line {number}" for number, found in reversed(lines)}
    place = _place(document.path)
    model = place.get("model") or reading.assumed.get("model")
    if model is None:
        reading.refuse(
            "the log names no model ('SUT name' is the submitter's own word), and it does not lie in "
            "…/results/<system>/<model>/<scenario>/performance/…; add --set model=… --set hardware=… --set device=…"
        )
    scenario = said.get("Scenario", "")
    if scenario not in _SCENARIOS:
        reading.refuse(f"{where.get('Scenario', 'the log')}: unknown Scenario {scenario!r}")
    for key, right in (("Mode", "PerformanceOnly"), ("Result is", "VALID")):
        if said.get(key) != right:
            location = where.get(key, "the log")
            reading.reject(location, f"{key} is {said.get(key)!r}, not {right}", {"path": str(document.path), **said})
            return
    system = _system(document.path, place, reading)
    figures = _log_figures(said, scenario, reading)
    row = _benchmark(model) | system | figures
    if row.get("item") == "token" and "item" not in figures:  # the log counts samples: whole generations
        row["item"] = "sequence"
    note = f"MLPerf Inference, {scenario}, benchmark {model}; {row.pop('figures')}"
    if found_target := _TARGET.search(model):
        note += f"; accuracy target {found_target[1]}%"
    reading.need("hardware", row.get("hardware"), "the log")
    reading.add(where["Scenario"], place | row | {"note": note, "mode": "inference", "scenario": scenario})


def _place(path: Path) -> dict[str, str]:
    """What the path of a submission says."""
    parts = path.resolve().parts
    if "results" not in parts:
        return {}
    at = len(parts) - 1 - parts[::-1].index("results")
    after = parts[at + 1 : -1]
    if len(after) < 3 or after[2] not in _SCENARIOS:
        return {}
    return {"submitter": parts[at - 1], "division": parts[at - 2], "system": after[0], "model": after[1]}


def _system(path: Path, place: Mapping[str, str], reading: Reading) -> dict[str, Any]:
    """Device and software of the system that a submission describes."""
    if not place:
        return {}
    root = path.resolve()
    while root.name != "results":
        root = root.parent
    description = root.parent / "systems" / f"{place['system']}.json"
    if not description.is_file():
        reading.notes.append(f"no description of the system at systems/{place['system']}.json")
        return {}
    try:
        return _machine(json.loads(description.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        reading.refuse(f"the description of its system, {description}, cannot be read ({error})")


def _log_figures(said: Mapping[str, str], scenario: str, reading: Reading) -> dict[str, Any]:
    """Throughput and latency of a log, and how they are meant."""
    tokens = as_number(said.get("Tokens per second") or said.get("Completed tokens per second"))
    mean = reading.milliseconds(said.get("Mean latency (ns)"), "ns")
    p50 = reading.milliseconds(said.get("50.00 percentile latency (ns)"), "ns", "p50_ms")
    p90 = reading.milliseconds(said.get("90.00 percentile latency (ns)"), "ns", "p90_ms")
    extra = {"p50_ms": p50, "p90_ms": p90, "mean_ms": mean}
    if scenario in ("SingleStream", "MultiStream"):
        batch = digits(said.get("samples_per_query", "")) or 1
        figures = (
            f"latency=mean query latency of {batch} sample(s); p50={p50:.4g} p90={p90:.4g} ms" if p50 and p90 else ""
        )
        return extra | {
            "batch_size": batch, "latency_ms": mean, "throughput": rate(batch, mean), "figures": figures,
        }  # fmt: skip
    samples = next(
        (as_number(said[key]) for key in ("Samples per second", "Completed samples per second",
         "Scheduled samples per second") if key in said),
        None,
    )  # fmt: skip
    load = (
        "throughput=everything at once"
        if scenario == "Offline"
        else "server load (Poisson arrivals) under latency bound"
    )
    if tokens:
        mean_output = (
            f"output {tokens / samples:.0f} tokens on average, throughput=OUTPUT tokens/s; " if samples else ""
        )
        return extra | {"item": "token", "throughput": tokens, "figures": f"whole generation, {mean_output}{load}"}
    return extra | {"throughput": samples, "figures": load}


# --- collected results ------------------------------------------------------------------------------------------------


def _read_collected(location: str, record: Mapping[str, Any], reading: Reading) -> None:
    scenario, benchmark = str(record.get("Scenario")), str(record.get("MlperfModel") or record.get("Model"))
    result = as_number(record.get("Result"))
    if not result or record.get("errors") or record.get("inferred"):
        why = "inferred from another scenario" if record.get("inferred") else "no result, or errors in the run"
        reading.reject(location, why, record)
        return
    row = _benchmark(benchmark) | _machine(record)
    unit = str(record.get("Result_Units") or record.get("Units") or "")
    if scenario in ("SingleStream", "MultiStream") or unit.lower() in ("ms", "milliseconds", "latency (ms)"):
        batch = 8 if scenario == "MultiStream" else 1
        percentile = "p99" if scenario == "MultiStream" else "p90"
        row |= {"batch_size": batch, "latency_ms": result, "throughput": rate(batch, result)}
        figures = f"latency={percentile} per query of {batch} sample(s), the official metric"
    else:
        row["throughput"] = result
        figures = "throughput in the unit of the official metric"
        if row.get("item") == "token":
            figures += "; of language models it is OUTPUT tokens/s, whatever the unit says"
            if scenario == "Server" and str(record.get("version", "")) in ("v3.1", "v4.0"):
                row["item"], figures = "sequence", "throughput=completed queries/s"
    target = _TARGET.search(benchmark)
    version, division, submitter = (record.get(key) for key in ("version", "Division", "Organization"))
    note = f"whole generation, {figures}" if row.get("item") == "token" else figures
    reading.add(location, row | {
        "mode": "inference",
        "measured": version,
        "source_path": record.get("Location"),
        "scenario": scenario,
        "result_units": unit,
        "availability": record.get("Availability"),
        "uid": record.get("uid"),
        "note": f"{note}; MLPerf Inference {version} {division}, {submitter}, {scenario}, benchmark {benchmark}"
        + (f"; accuracy target {target[1]}%" if target else ""),
    })  # fmt: skip


# --- both -------------------------------------------------------------------------------------------------------------


def _benchmark(name: str) -> dict[str, Any]:
    """Model, family and item of a benchmark."""
    base = _TARGET.sub("", name)
    for prefix, model, family, item in _MODELS:
        if base.lower().startswith(prefix):
            return {"model": model, "model_family": family, "item": item}
    return {"model": base}


def _machine(system: Mapping[str, Any]) -> dict[str, Any]:
    """Device, count and software from a description; of a system without accelerators, its processors."""
    accelerator = str(system.get("accelerator_model_name") or "").strip()
    nodes = digits(str(system.get("number_of_nodes") or "1")) or 1
    framework = str(system.get("framework") or "").strip()
    if accelerator and accelerator.upper() not in ("N/A", "NONE", "-"):
        count = digits(str(system.get("accelerators_per_node") or "")) or 1
        return {
            "hardware": platform_of(accelerator) or "other",
            "device": accelerator,
            "n_devices": count * nodes,
            "runtime": framework.split(",")[0] or None,
            "runtime_version": framework or None,
            "precision": precision_of(system.get("weight_data_types")),
        }
    processor = re.sub(r"^\d+\s*x\s*", "", str(system.get("host_processor_model_name") or "").strip())
    sockets = digits(str(system.get("host_processors_per_node") or "")) or 1
    openvino = "openvino" in framework.lower()
    return {
        "hardware": "openvino" if openvino else "cpu",
        "device": processor or None,
        "n_devices": sockets * nodes,
        "runtime": framework.split(",")[0] or None,
        "runtime_version": framework or None,
        "precision": precision_of(system.get("weight_data_types")),
    }


FORMAT = Format("mlperf", "MLPerf Inference log or collected results", sniff, read)
