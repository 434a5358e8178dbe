"""``hwpredict predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwpredict.cli import options as o, output


def predict(
    model: o.Model,
    family: o.Family = None,
    batch_size: o.BatchSize = 1,
    seq_length: o.SequenceLength = None,
    mode: o.Mode = "inference",
    precision: o.Precision = "fp32",
    hardware: o.Hardware = None,
    item: o.Item = None,
    runtime: o.Runtime = None,
    n_devices: o.Devices = 1,
    posterior: o.Posterior = None,
    seed: o.Seed = 0,
    format: o.Format = "table",
    out: Annotated[Path | None, typer.Option("--output-file", "-o", help="Write the draws as netCDF.")] = None,
) -> None:
    """Predict throughput, latency and memory of a model on one or several targets."""
    from hwpredict.predictor import HardwareModelPredictor

    output.check_format(format)
    result = HardwareModelPredictor(posterior, seed=seed).predict_performance(
        model, family, hardware, batch_size, seq_length, mode, precision,
        item=item, runtime=runtime, n_devices=n_devices,
    )  # fmt: skip
    if out is not None:
        result.to_netcdf(out)
    entries = result["predictions"]
    if format == "json":
        output.dump_json(result.to_dict())
        return
    metrics = ("throughput", "latency", "memory_usage")
    if format == "csv":
        output.dump_csv([
            {"hardware": name, "evidence": e.get("evidence", ""), "incompatible": e.get("reason", "")}
            | {m: e.get(m) for m in metrics}
            | {
                f"{m}_{side}": e[f"{m}_interval"][i] if m in e else None
                for m in metrics
                for i, side in enumerate(("low", "high"))
            }
            for name, e in entries.items()
        ])  # fmt: skip
        return
    rows = []
    for name, e in entries.items():
        if not e["compatible"]:
            rows.append([name, "–", "–", "–", "–", "–", f"incompatible: {e['reason']}"])
            continue
        fits = "–" if e["p_fits"] is None else f"{e['p_fits']:.0%}"
        figures = [output.span(e[m], *e[f"{m}_interval"]) for m in metrics]
        rows.append([name, *figures, fits, f"{e['epistemic_share']:.0%}", e["evidence"]])
    columns = ("hardware", "items/s", "latency ms", "memory MB", "P(fits)", "epistemic", "evidence")
    output.table(f"{model}, {precision}, batch {batch_size}, {mode}: median [90 % interval]", columns, rows)
