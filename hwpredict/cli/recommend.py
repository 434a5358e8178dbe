"""``hwpredict recommend``."""

from __future__ import annotations

from typing import Annotated

import typer

from hwpredict.cli import inputs, options as o, output


def recommend(
    model: o.Model = None,
    model_name: o.ModelName = None,
    model_config: o.ModelConfig = None,
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
    utility: Annotated[str | None, typer.Option("--utility", help="throughput (default) or latency.")] = None,
    on_unknown: o.OnUnknown = "error",
    posterior: o.Posterior = None,
    database: o.Database = None,
    benchmark_dir: o.BenchmarkDir = None,
    config: o.Config = None,
    seed: o.Seed = None,
    format: o.Format = "table",
) -> None:
    """Rank hardware for a model by expected utility."""
    output.check_format(format)
    result = inputs.predictor(
        posterior=posterior, database=database, benchmark_dir=benchmark_dir, config=config, seed=seed
    ).predict_optimal_hardware(
        inputs.model(model, model_name, model_config), family, batch_size, seq_length, mode, precision, hardware,
        utility=utility, item=item, runtime=runtime, n_devices=n_devices, on_unknown=on_unknown,
        input_size=input_size, parameters=inputs.count(parameters), gmacs=gmacs, activations_m=activations,
    )  # fmt: skip
    ranking = result.ranking
    if format == "json":
        output.dump_json(result.to_dict())
        return
    if format == "csv":
        output.dump_csv([option.as_dict() for option in ranking.options])
        return
    rows = [
        [
            option.name,
            output.span(option.throughput.median, option.throughput.low, option.throughput.high),
            output.span(option.latency.median, option.latency.low, option.latency.high),
            output.span(option.memory.median, option.memory.low, option.memory.high),
            output.share(option.p_fits),
            f"{option.p_best:.0%}",
            f"{option.expected_regret:.2f}",
            option.evidence,
        ]
        for option in ranking.options
    ]
    columns = ("hardware", "items/s", "latency ms", "memory MB", "P(fits)", "P(best)", "regret", "evidence")
    title = f"{output.workload(result)}: median [90 % interval], by {ranking.utility.name}"
    output.table(title, columns, rows)
    print(f"Recommendation: {ranking.explanation}")
    for name, reason in ranking.incompatible.items():
        print(f"Not possible: {name}: {reason}")
