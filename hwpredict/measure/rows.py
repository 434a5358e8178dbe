"""From an outcome to a row of the measurement schema, with its provenance in further columns."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from hwpredict import __version__
from hwpredict.catalog import models
from hwpredict.measure import statistic
from hwpredict.measure.engines.engine import ENGINES
from hwpredict.measure.job import PROCESSOR
from hwpredict.measure.report import HardwareReport
from hwpredict.measure.runner import Outcome, Settings
from hwpredict.workload import OWN_SOURCE, Item, Mode

#: How rows name their source: predictions of what this benchmark would measure here say the same.
SOURCE = OWN_SOURCE


def device_name(report: HardwareReport, platform_name: str, device: str) -> str:
    """What rows call the device that a runtime ran on.

    Parameters
    ----------
    report : HardwareReport
    platform_name : str
    device : str
        The runtime's word for it: cpu, cuda, gpu …

    Returns
    -------
    str
        The processor's description, or the driver's name of the first accelerator of that kind; empty if not known.
    """
    if device == "cpu":
        return report.cpu.description
    found = report[platform_name].devices
    same = [d for d in found if d.details.get("openvino", device.upper()).startswith(device.upper())]
    return same[0].name if same else ""


def to_row(outcome: Outcome, report: HardwareReport, settings: Settings) -> dict[str, Any]:
    """Row of a cell that was measured.

    Parameters
    ----------
    outcome : Outcome
        With latencies.
    report : HardwareReport
        Of this machine.
    settings : Settings

    Returns
    -------
    dict
        Columns of the schema, and further ones that a store keeps in ``extra``: percentiles, number of steps, how
        well the median is known, threads, load of the machine, versions.
    """
    cell, result = outcome.cell, outcome.result
    known = models.features(cell.model)
    middle = statistic.median(result.latencies_ms)
    items = cell.batch_size * (cell.sequence_length or 1 if cell.item == Item.TOKEN_PREFILL else 1)
    whole = cell.item in (Item.IMAGE, Item.SEQUENCE)  # an item whose work the catalog states
    size = known.default_input_size if cell.item == Item.IMAGE else None
    cores = report.cpu.usable_cores
    known_well = isfinite(middle.relative)  # not after fewer steps than any interval takes
    notes = ["synthetic inputs, random weights"]
    if settings.timer == PROCESSOR:
        notes.append("processor time")
    if cell.precision == "int8":
        notes.append("static 8-bit quantisation (QDQ)")
    if cell.device == "cpu" and cores and settings.threads != cores:
        notes.append(f"threads={settings.threads}")  # a setting that predictions can be asked for
    return {
        "source": SOURCE,
        "source_path": f"hwpredict benchmark, version {__version__}",
        "measured": datetime.fromtimestamp(outcome.started, UTC).isoformat(timespec="seconds"),
        "model": cell.model,
        "model_family": known.family,
        "parameters": outcome.parameters or known.parameters,
        "gmacs": known.macs(cell.sequence_length) / 1e9 if whole else None,
        "input_size": str(size) if size else None,
        "sequence_length": cell.sequence_length,
        "hardware": cell.platform,
        "device": device_name(report, cell.platform, cell.device),
        "n_devices": 1,
        "precision": cell.precision,
        "runtime": ENGINES[cell.engine].runtime,
        "runtime_version": result.runtime_version,
        "mode": str(Mode.INFERENCE),
        "batch_size": cell.batch_size,
        "throughput": items * 1e3 / middle.value,
        "latency_ms": middle.value,
        "memory_mb": result.memory_mb,
        "item": cell.item,
        "note": "; ".join(notes),
        **statistic.percentiles(result.latencies_ms),
        "latency_median_low_ms": middle.low if known_well else None,
        "latency_median_high_ms": middle.high if known_well else None,
        "median_relative_precision": middle.relative if known_well else None,
        "median_precision_reached": middle.relative <= settings.target,
        "steps": len(result.latencies_ms),
        "effective_steps": middle.effective,
        "warmup_steps": result.warmup_steps,
        "load_seconds": result.load_seconds,
        "idle_memory_mb": result.idle_memory_mb,
        "threads": settings.threads if cell.device == "cpu" else None,
        "pinned_to": " ".join(map(str, settings.processors)) if cell.device == "cpu" else None,
        "timer": settings.timer,
        "cpu_share": result.cpu_share if cell.device == "cpu" else None,
        "load_average_before": outcome.load_average,
        "isa": " ".join(report.cpu.isa),
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "hwpredict": __version__,
        **{f"engine_{key}": value for key, value in result.details.items()},
    }
