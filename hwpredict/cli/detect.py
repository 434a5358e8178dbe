"""``hwpredict detect``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hwpredict.cli import inputs, options as o, output

if TYPE_CHECKING:
    from hwpredict.decision.recommend import Ranking


def detect(
    model: Annotated[str | None, typer.Option("--model", help="Recommend among what is found for this model.")] = None,
    model_config: o.ModelConfig = None,
    family: o.Family = None,
    batch_size: o.BatchSize = 1,
    seq_length: o.SequenceLength = None,
    mode: o.Mode = "inference",
    precision: o.Precision = "fp32",
    item: o.Item = None,
    runtime: o.Runtime = None,
    utility: Annotated[str | None, typer.Option("--utility", help="throughput (default) or latency.")] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Ask a headless browser for WebGPU and WebNN.")
    ] = True,
    posterior: o.Posterior = None,
    database: o.Database = None,
    benchmark_dir: o.BenchmarkDir = None,
    config: o.Config = None,
    seed: o.Seed = None,
    format: o.Format = "table",
) -> None:
    """Say what this machine has, platform by platform; with --model, recommend among it."""
    output.check_format(format)
    predictor = inputs.predictor(
        posterior=posterior, database=database, benchmark_dir=benchmark_dir, config=config, seed=seed
    )
    report = predictor.detect_hardware(browser=browser)
    result = None
    if model is not None or model_config is not None or family is not None:
        result = predictor.predict_optimal_hardware(
            inputs.model(model, None, model_config), family, batch_size, seq_length, mode, precision, report.targets(),
            utility=utility, item=item, runtime=runtime,
        )  # fmt: skip
    if format == "json":
        found = report.as_dict()
        output.dump_json(found if result is None else found | {"recommendation": result.to_dict()})
        return
    if format == "csv":
        output.dump_csv([
            {
                "platform": p.platform,
                "status": str(p.status),
                "device": d.name if d else "",
                "catalog": d.catalog.name if d and d.catalog else "",
                "memory_mb": d.memory_mb if d else None,
                "reason": p.reason,
            }
            for p in report.platforms
            for d in p.devices or (None,)
        ])  # fmt: skip
        return
    rows = []
    for p in report.platforms:
        for d in p.devices or (None,):
            known = d.catalog if d else None
            match = "–" if d is None else "not in the catalog" if known is None else known.name
            memory = "–" if d is None or d.memory_mb is None else output.figure(d.memory_mb / 1e3)
            rows.append([p.platform, str(p.status), d.name if d else "–", memory, match, p.reason])
    output.table("This machine", ("platform", "status", "device", "GB", "catalog", "why"), rows)
    print(f"Processor: {_processor(report.cpu.as_dict())}")
    for s in report.software:
        print(f"{s.name}: {s.reason or f'{s.version}, {", ".join(s.backends)}'}")
    if result is not None:
        for device in report.unmatched():
            typer.echo(f"hwpredict: {device.name} ({device.platform}) is not in the catalog and left out", err=True)
        _ranking(result.ranking, output.workload(result))


def _ranking(ranking: Ranking, what: str) -> None:
    rows = [
        [
            option.name,
            *(output.span(i.median, i.low, i.high) for i in (option.throughput, option.latency, option.memory)),
            "–" if option.p_fits != option.p_fits else f"{option.p_fits:.0%}",
            f"{option.p_best:.0%}",
            option.evidence,
        ]
        for option in ranking.options
    ]
    columns = ("hardware", "items/s", "latency ms", "memory MB", "P(fits)", "P(best)", "evidence")
    output.table(f"{what}, on this machine: median [90 % interval], by {ranking.utility.name}", columns, rows)
    print(f"Recommendation: {ranking.explanation}")
    for name, reason in ranking.incompatible.items():
        print(f"Not possible: {name}: {reason}")


def _processor(cpu: dict[str, object]) -> str:
    named = (
        ("cores", "cores"),
        ("threads", "threads"),
        ("usable_threads", "usable threads"),
        ("memory_mb", "MB memory"),
        ("memory_limit_mb", "MB allowed by the control group"),
        ("cpu_limit", "processors allowed by the control group"),
    )
    said = [str(cpu["description"]), *(f"{cpu[key]:,.6g} {label}" for key, label in named if cpu[key] is not None)]
    isa = cpu["isa"]
    return ", ".join([*said, *(isa if isinstance(isa, list) else ())])
