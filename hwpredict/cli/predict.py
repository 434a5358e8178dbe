"""``hwpredict predict``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hwpredict.cli import inputs, options as o, output
from hwpredict.errors import InvalidWorkloadError

METRICS = ("throughput", "latency", "memory")


def predict(
    model: o.Model = None,
    model_name: o.ModelName = None,
    model_config: o.ModelConfig = None,
    workloads: o.Workloads = None,
    family: o.Family = None,
    parameters: o.Parameters = None,
    gmacs: o.Gmacs = None,
    activations: o.Activations = None,
    batch_size: o.BatchSize = 1,
    seq_length: o.SequenceLength = None,
    input_size: o.InputSize = None,
    mode: o.Mode = "inference",
    precision: o.Precision = "fp32",
    hardware: o.Hardware = None,
    item: o.Item = None,
    runtime: o.Runtime = None,
    n_devices: o.Devices = 1,
    on_unknown: o.OnUnknown = "error",
    posterior: o.Posterior = None,
    database: o.DatabaseToKeepIn = None,
    benchmark_dir: o.BenchmarkDir = None,
    config: o.Config = None,
    seed: o.Seed = None,
    format: o.Format = "table",
    out: Annotated[Path | None, typer.Option("--output-file", "-o", help="Write the draws as netCDF.")] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Keep the predictions in the database, for `hwpredict evaluate`.")
    ] = False,
) -> None:
    """Predict throughput, latency and memory of a model on one or several targets, or of a table of rows."""
    output.check_format(format)
    inputs.check_folder(out)
    predictor = inputs.predictor(
        posterior=posterior,
        database=o.measured(database, may_be_new=store),
        benchmark_dir=benchmark_dir,
        config=config,
        seed=seed,
    )
    asked = inputs.model(model, model_name, model_config)
    kept_in = inputs.store(database) if store else None
    if workloads is not None:
        if asked is not None or family is not None or hardware:
            raise InvalidWorkloadError("--workloads says the models and the hardware: leave the others out")
        from hwpredict.results import summaries

        cells = predictor.cells(inputs.rows(workloads), on_unknown=on_unknown)
        predictor.keep(cells, kept_in)
        title, rows = str(workloads), summaries(cells)
        answer: Any = rows
        if out is not None:
            predictor.dataset(cells).to_netcdf(out)
    else:
        result = predictor.predict_performance(
            asked, family, hardware, batch_size, seq_length, mode, precision,
            item=item, runtime=runtime, n_devices=n_devices, on_unknown=on_unknown,
            input_size=input_size, parameters=inputs.count(parameters), gmacs=gmacs, activations_m=activations,
            store=kept_in,
        )  # fmt: skip
        title, rows, answer = output.workload(result), result.summaries(), result.to_dict()
        if out is not None:
            result.to_netcdf(out)
    if format == "json":
        output.dump_json(answer)
    elif format == "csv":
        output.dump_csv(rows)
    else:
        show(title, rows, named=workloads is not None)


def show(title: str, rows: Sequence[Mapping[str, Any]], *, named: bool) -> None:
    """Print predictions as a table; ``named`` where the rows are of several workloads."""
    lines = []
    for row in rows:
        what = [row["model"], row["precision"] or "–", output.figure(row["batch_size"])] if named else []
        where = row["device"] or row["platform"] if named else row["hardware"]
        if row["incompatible"]:
            lines.append([where, *what, *["–"] * 5, f"incompatible: {row['incompatible']}"])
            continue
        figures = [output.span(row[m], row[f"{m}_low"], row[f"{m}_high"]) for m in METRICS]
        lines.append([where, *what, *figures, output.share(row["p_fits"]), output.share(row["epistemic_share"]),
                      row["evidence"]])  # fmt: skip
    what = ["model", "precision", "batch"] if named else []
    columns = ["hardware", *what, "items/s", "latency ms", "memory MB", "P(fits)", "epistemic", "evidence"]
    output.table(f"{title}: median [90 % interval]", columns, lines)
