"""``hwpredict recommend``."""

from __future__ import annotations

from typing import Annotated

import typer

from hwpredict.cli import options as o, output


def recommend(
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
    utility: Annotated[str, typer.Option("--utility", help="throughput or latency.")] = "throughput",
    posterior: o.Posterior = None,
    seed: o.Seed = 0,
    format: o.Format = "table",
) -> None:
    """Rank hardware for a model by expected utility."""
    from hwpredict.predictor import HardwareModelPredictor

    output.check_format(format)
    result = HardwareModelPredictor(posterior, seed=seed).predict_optimal_hardware(
        model, family, batch_size, seq_length, mode, precision, hardware,
        utility=utility, item=item, runtime=runtime, n_devices=n_devices,
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
            "–" if option.p_fits != option.p_fits else f"{option.p_fits:.0%}",
            f"{option.p_best:.0%}",
            f"{option.expected_regret:.2f}",
            option.evidence,
        ]
        for option in ranking.options
    ]
    columns = ("hardware", "items/s", "latency ms", "memory MB", "P(fits)", "P(best)", "regret", "evidence")
    title = f"{model}, {precision}, batch {batch_size}, {mode}: median [90 % interval], by {ranking.utility.name}"
    output.table(title, columns, rows)
    print(f"Recommendation: {ranking.explanation}")
    for name, reason in ranking.incompatible.items():
        print(f"Not possible: {name}: {reason}")
