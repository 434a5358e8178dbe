"""``hwpredict recommend``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwpredict.cli import inputs, options as o, output
from hwpredict.errors import InfeasibleError, InvalidWorkloadError

if TYPE_CHECKING:
    from hwpredict.decision.choose import Measure
    from hwpredict.decision.recommend import Option
    from hwpredict.results import Recommendation

#: Benchmarks that ``--next-benchmark`` lists, and points of the Pareto front.
LISTED = 10


def recommend(
    model: o.Model = None,
    model_name: o.ModelName = None,
    model_config: o.ModelConfig = None,
    family: o.Family = None,
    parameters: o.Parameters = None,
    gmacs: o.Gmacs = None,
    activations: o.Activations = None,
    batch_size: o.JointBatchSize = None,
    seq_length: o.SequenceLength = None,
    input_size: o.InputSize = None,
    mode: o.Mode = "inference",
    precision: o.Precision = "fp32",
    hardware: o.Hardware = None,
    browser: o.Browser = None,
    item: o.Item = None,
    runtime: o.Runtime = None,
    n_devices: o.Devices = 1,
    utility: Annotated[
        str | None,
        typer.Option(
            "--utility",
            help="throughput (default), latency, throughput_per_dollar, throughput_per_watt, throughput_per_gram, "
            "cost, memory, guide, or arithmetic: 'log(throughput) - 0.3 * log(price)'.",
        ),
    ] = None,
    risk: Annotated[
        str | None, typer.Option("--risk", help="neutral (default), exponential:1, crra:2, cvar:0.1, quantile:0.1.")
    ] = None,
    constraint: Annotated[
        list[str] | None,
        typer.Option("--constraint", help="'latency <= 20 ms with probability 0.95'; several allowed."),
    ] = None,
    price: Annotated[
        list[str] | None, typer.Option("--price", help="a100=1.79: USD per device-hour; several allowed.")
    ] = None,
    power: Annotated[list[str] | None, typer.Option("--power", help="a100=330: W per device; several allowed.")] = None,
    grid: Annotated[str | None, typer.Option("--grid", help="Country of the electricity, or its g CO2/kWh.")] = None,
    optimize: Annotated[
        str | None, typer.Option("--optimize", help="Search over batch-size, precision or both: batch-size,precision.")
    ] = None,
    next_benchmark: Annotated[
        bool, typer.Option("--next-benchmark", help="What to measure next, by value of information.")
    ] = False,
    per: Annotated[str, typer.Option("--per", help="Rank benchmarks per minute, dollar or benchmark.")] = "minute",
    distributed: Annotated[
        bool, typer.Option("--distributed", help="Plan for several devices; the batch is that of all together.")
    ] = False,
    gpu_count: Annotated[int | None, typer.Option("--gpu-count", help="Devices at most (default 8).")] = None,
    optimizer: Annotated[
        str, typer.Option("--optimizer", help="adamw, adamw_8bit, sgd_momentum … (distributed training).")
    ] = "adamw",
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Measure on this machine what is worth most, learn from it, until settled."),
    ] = False,
    settled: Annotated[
        float, typer.Option("--settled", help="Expected regret below which a choice counts as settled.")
    ] = 0.05,
    on_unknown: o.OnUnknown = "error",
    posterior: o.Posterior = None,
    database: o.Database = None,
    benchmark_dir: o.BenchmarkDir = None,
    config: o.Config = None,
    seed: o.Seed = None,
    format: o.Format = "table",
) -> None:
    """Rank hardware for a model by expected utility under constraints."""
    output.check_format(format)
    predictor = inputs.predictor(
        posterior=posterior, database=database, benchmark_dir=benchmark_dir, config=config, seed=seed
    )
    bench, hardware = _here(hardware, database) if measure else (None, hardware)
    try:
        result = predictor.predict_optimal_hardware(
            inputs.model(model, model_name, model_config), family, batch_size, seq_length, mode, precision, hardware,
            utility=utility, risk=risk, constraints=constraint or None, prices=_figures("price", price),
            power=_figures("power", power), grid=grid, optimize=optimize, is_distributed=distributed,
            gpu_count=gpu_count, optimizer=optimizer, browser=browser, item=item, runtime=runtime,
            n_devices=n_devices, on_unknown=on_unknown, input_size=input_size, parameters=inputs.count(parameters),
            gmacs=gmacs, activations_m=activations, measure=bench, settled=settled,
        )  # fmt: skip
    except InfeasibleError as error:
        _report_infeasible(error, format)
        raise
    if next_benchmark:
        _benchmarks(result, per, format)
    elif format == "json":
        output.dump_json(result.to_dict())
    elif format == "csv":
        output.dump_csv([option.as_dict() for option in (*result.ranking.options, *result.ranking.infeasible)])
    else:
        _print(result)


def _here(hardware: list[str] | None, database: str | None) -> tuple[Measure, list[Any]]:
    """What measures on this machine, and what is chosen from: what was named, else what is here."""
    from hwpredict.decision.here import benchmark_here
    from hwpredict.measure.detect import detect
    from hwpredict.measure.session import default_settings

    report = detect(browser=False)
    told = benchmark_here(
        report, default_settings(report), database=database, progress=lambda text: typer.echo(text, err=True)
    )  # fmt: skip
    return told, list(hardware) if hardware else list(report.targets())


def _figures(what: str, given: list[str] | None) -> dict[str, float] | None:
    """``["a100=1.79"]`` as a mapping."""
    if not given:
        return None
    out = {}
    for text in given:
        name, equals, value = text.rpartition("=")
        try:
            out[name.strip()] = float(value)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise InvalidWorkloadError(f"--{what} {text!r}: write <device>=<number>, e.g. a100=1.79")
    return out


def _report_infeasible(error: InfeasibleError, format: str) -> None:
    """What each option reaches, before the error is reported."""
    if format == "json":
        output.dump_json({"primary_recommendation": None, "reason": str(error), "options": error.options})
    elif format == "csv":
        output.dump_csv(error.options)
    else:
        # the values of an option are typed as objects, as they are numbers and texts
        rows = [
            [
                str(x["name"]), f"{x['p_feasible']:.0%}", _fits(float(x["p_fits"])),  # type: ignore[arg-type]
                output.figure(float(x["memory"])), str(x.get("fails", "")),  # type: ignore[arg-type]
            ]
            for x in error.options
        ]  # fmt: skip
        columns = ("option", "P(feasible)", "P(fits)", "memory MB", "fails")
        output.table("No option meets the constraints", columns, rows)


def _fits(chance: float) -> str:
    """P(fits) as every table shows it: a device whose memory nobody states is not one that does not fit."""
    return "unknown" if math.isnan(chance) else output.share(chance)


def _row(option: Option) -> list[str]:
    first = "–" if not option.group else f"{option.p_best:.0%}"
    regret = "–" if not option.group else f"{option.expected_regret:.2g}"
    return [
        option.name,
        output.span(option.throughput.median, option.throughput.low, option.throughput.high),
        output.span(option.latency.median, option.latency.low, option.latency.high),
        output.span(option.memory.median, option.memory.low, option.memory.high),
        _fits(option.p_fits),
        output.share(option.p_feasible),
        f"{option.expected_utility:.3g} ± {option.monte_carlo_error:.1g}",
        first,
        regret,
        option.evidence,
    ]


_COLUMNS = (
    "option", "items/s", "latency ms", "memory MB", "P(fits)", "P(feasible)", "utility", "P(best)", "regret", "evidence"
)  # fmt: skip


def _print(result: Recommendation) -> None:
    ranking = result.ranking
    title = f"{output.workload(result)}: median [90 % interval], by {ranking.utility.name}, {ranking.risk.name}"
    shown = ranking.options
    if result.choice.searched:  # the best of each target; the rest is in json and csv
        keep = set(result.per_target.values())
        shown = [option for option in shown if option.name in keep]
        title += f"; best of {len(ranking.options)} options for each target"
    output.table(title, _COLUMNS, [_row(option) for option in (*shown, *ranking.infeasible[:LISTED])])
    print(f"Recommendation: {ranking.explanation}")
    if (campaign := result.campaign) is not None:
        steps = ", ".join(f"{n} ({r:.2g})" for n, r in zip(campaign.measured, campaign.regret[1:], strict=False))
        print(f"Measured, with the expected regret after it: {steps or 'nothing'}; {campaign.reason}.")
    if ranking.fallbacks:
        print(f"Fallback (hedges best): {', '.join(ranking.fallbacks)}")
    if result.choice.searched and not result.choice.distributed:
        front = result.front
        columns = ("Pareto front", "P(on front)", *(q.replace("_", " ") for q in front.quantities))
        rows = [
            [x["name"], f"{x['p_on_front']:.0%}", *(output.figure(x[f"{q}_median"]) for q in front.quantities)]
            for x in front.rows()[:LISTED]
        ]
        output.table("Options that no other beats in everything", columns, rows)
    for name, reason in ranking.incompatible.items():
        print(f"Not possible: {name}: {reason}")


def _benchmarks(result: Recommendation, per: str, format: str) -> None:
    """What to measure next."""
    from hwpredict.decision.information import advice

    found = result.next_benchmarks(by=per)
    if format == "json":
        evpi = result.ranking.evpi
        output.dump_json({"evpi": evpi, "benchmarks": [b.as_dict() for b in found]})
    elif format == "csv":
        output.dump_csv([b.as_dict() for b in found])
    else:
        rows = [
            [
                b.name, f"{b.evsi:.3g} ± {b.standard_error:.1g}", f"{b.p_settles:.0%}", f"{b.expected_regret:.2g}",
                f"{b.minutes:.0f}", output.figure(b.dollars),
            ]
            for b in found[:LISTED]
        ]  # fmt: skip
        columns = ("measure", "EVSI", "P(settles)", "regret after", "minutes", "USD")
        title = f"{output.workload(result)}: next benchmark per {per}; EVPI {result.ranking.evpi:.3g}"
        output.table(title, columns, rows)
        print(advice(found, output.workload(result)))
