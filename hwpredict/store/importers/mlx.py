"""MLX: what ``mlx_lm.benchmark`` and ``mlx_lm.generate`` print, and tables of runs made from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hwpredict.store.importers.base import Format, Reading, as_number, rate
from hwpredict.store.importers.document import Document
from hwpredict.store.importers.markdown import Table, tables
from hwpredict.workload import PRECISIONS

_TIMING = re.compile(r"^Timing with prompt_tokens=(\d+), generation_tokens=(\d+), batch_size=(\d+)\.")
_TRIAL = re.compile(r"^(Trial \d+|Averages):\s+prompt_tps=([\d.]+), generation_tps=([\d.]+), peak_memory=([\d.]+)")
_PROMPT = re.compile(r"^Prompt: (\d+) tokens, ([\d.]+) tokens-per-sec")
_GENERATION = re.compile(r"^Generation: (\d+) tokens, ([\d.]+) tokens-per-sec")
_PEAK = re.compile(r"^Peak memory: ([\d.]+) GB")
_COMMAND = re.compile(r"mlx_lm[. ](?:benchmark|generate)\b.*?--model[ =](\S+)")
_DEVICE = re.compile(r"^\**Device\**:\s*([^|]+)")
_DATE = re.compile(r"^\**Date\**:\s*(\S+)")
_BITS = re.compile(r"(?<![a-z0-9])(?:(mxfp4|bf16|fp16)|([2-8])-?bit)(?![a-z0-9])", re.IGNORECASE)


def _is_table(table: Table) -> bool:
    return {"Prompt tps", "Generation tps"} <= set(table.names)


def sniff(document: Document) -> bool:
    """Whether it has lines that mlx-lm prints, or a table of them."""
    if any(_TRIAL.match(line) or _PEAK.match(line) for line in document.lines):
        return True
    return any(_is_table(table) for table in tables(document.lines))


def read(document: Document, reading: Reading) -> None:
    """Two rows per run: the prompt, and the decode steps."""
    model = next((found[1] for line in document.lines if (found := _COMMAND.search(line))), None)
    common = {
        "hardware": "mps",
        "device": _first(_DEVICE, document.lines),
        "measured": _first(_DATE, document.lines),
        "n_devices": 1,
        "model_family": "text_generation",
        "runtime": "mlx-lm",
        "mode": "inference",
    }
    found_tables = [table for table in tables(document.lines) if _is_table(table)]
    if found_tables:
        _read_tables(found_tables, common, reading)
        return
    reading.need("model", model, "the output (a line with `mlx_lm.benchmark --model NAME`)")
    model = model or reading.assumed["model"]
    for location, run in _printed(document.lines):
        _add(location, common | {"model": model, "precision": _precision(model)}, run, reading)


def _first(pattern: re.Pattern[str], lines: list[str]) -> str | None:
    return next((found[1].strip() for line in lines if (found := pattern.match(line))), None)


def _precision(model: str) -> str | None:
    found = _BITS.search(model)
    if found is None:
        return None
    name = (found[1] or f"int{found[2]}").lower()
    return name if name in PRECISIONS else None


def _printed(lines: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Runs as mlx-lm prints them; averages only where the single trials are not there."""
    shape: dict[str, Any] = {}
    trials = any(line.startswith("Trial") for line in lines)
    for number, line in enumerate(lines, 1):
        if found := _TIMING.match(line):
            shape = {"prompt": float(found[1]), "generated": float(found[2]), "batch": float(found[3])}
        elif (found := _TRIAL.match(line)) and (found[1] != "Averages" or not trials):
            yield f"line {number}", shape | {
                "prompt_tps": float(found[2]), "tps": float(found[3]), "peak_gb": float(found[4]), "run": found[1],
            }  # fmt: skip
        elif found := _PROMPT.match(line):
            shape = {"prompt": float(found[1]), "prompt_tps": float(found[2]), "batch": 1.0}
        elif found := _GENERATION.match(line):
            shape |= {"generated": float(found[1]), "tps": float(found[2])}
        elif (found := _PEAK.match(line)) and "tps" in shape:
            yield f"line {number}", shape | {"peak_gb": float(found[1])}


def _read_tables(found: list[Table], common: Mapping[str, Any], reading: Reading) -> None:
    """Runs one by one where a table of them follows, else their summary."""
    prompts: dict[str, str] = {}
    single = {table.headings[-1] for table in found if "Run" in table.names and table.headings}
    for table in found:
        for line, cells in table.rows:
            model = cells.get("Model") or (table.headings[-1] if table.headings else "")
            if "Prompt Tokens" in cells:
                prompts[model] = cells["Prompt Tokens"]
            if "Model" in cells and model in single:
                reading.notes.append(f"line {line} is a summary of runs that are listed")
                continue
            run = {
                "prompt": _tokens(prompts.get(model, "")),
                "prompt_tps": _number(cells["Prompt tps"]),
                "tps": _number(cells["Generation tps"]),
                "peak_gb": _number(cells.get("Peak Memory (GB)", "")),
                "batch": 1.0,
                "run": cells.get("Run"),
            }
            if not run["tps"]:
                reading.reject(f"line {line}", "no Generation tps", cells)
                continue
            _add(f"line {line}", {**common, "model": model, "precision": _precision(model)}, run, reading)


def _number(text: str) -> float | None:
    return as_number(re.split(r"\s*±\s*", text)[0])


def _tokens(text: str) -> float | None:
    found = re.match(r"([\d.]+)\s*(K?)", text, re.IGNORECASE)
    return float(found[1]) * (1000 if found[2] else 1) if found else None


def _add(location: str, common: Mapping[str, Any], run: Mapping[str, Any], reading: Reading) -> None:
    memory = reading.megabytes(run.get("peak_gb"), "GB")
    prompt, batch = run.get("prompt"), run.get("batch") or 1.0
    row = {**common, "batch_size": batch, "memory_mb": memory, "run": run.get("run")}
    if run.get("prompt_tps") and prompt:
        reading.add(f"{location}, prompt", row | {
            "item": "token_prefill",
            "sequence_length": round(prompt),
            "throughput": run["prompt_tps"],
            "latency_ms": batch * prompt * 1e3 / run["prompt_tps"],
            "note": "latency=whole prompt; memory=peak of the run",
        })  # fmt: skip
    half = (run.get("generated") or 0) / 2
    reading.add(f"{location}, generation", row | {
        "item": "token_decode",
        "sequence_length": round(prompt + half) if prompt else None,
        "throughput": run["tps"],
        "latency_ms": rate(batch, run["tps"]),
        "note": "latency=per token step; sequence_length=prompt+half of the new tokens; memory=peak of the run",
    })  # fmt: skip


FORMAT = Format("mlx", "output or table of mlx-lm", sniff, read)
