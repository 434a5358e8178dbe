"""``hwpredict evaluate``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwpredict.cli import options as o, output

if TYPE_CHECKING:
    from hwpredict.evaluate.monitor import Group, Report


def evaluate(
    database: o.Store = None,
    posterior: Annotated[
        str | None, typer.Option("--posterior", help="Only predictions of this posterior, by its fingerprint.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option("--by", help="platform, family, device, time or evidence; several allowed, all by default."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also measurements that were there before the prediction.")
    ] = False,
    together: Annotated[
        bool, typer.Option("--together", help="All posteriors as one, by the last prediction before each measurement.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Keep the scores in the store.")] = True,
    wait: o.Wait = 5.0,
    format: o.Format = "table",
) -> None:
    """Hold stored predictions against the measurements that came in since, and say whether to refit."""
    from hwpredict.evaluate.monitor import GROUPINGS, evaluate as evaluate_pairs
    from hwpredict.store import default_store, open_store

    output.check_format(format)
    path = default_store(database)
    new = not o.is_there(path)  # to be refused, not made
    with open_store(path, read_only=not keep or new, wait=wait) as store:
        pairs = store.predicted(posterior, out_of_sample=not everything)
        reports = evaluate_pairs(pairs, by=tuple(by or GROUPINGS), together=together)
        if keep:
            rows = [g.as_dict() | {"posterior_fingerprint": r.posterior} for r in reports for g in r.groups]
            store.add_validations(rows)  # type: ignore[union-attr]  # what can be kept in is a database
    if format == "json":
        output.dump_json([_as_dict(report) for report in reports])
    elif format == "csv":
        output.dump_csv([{"posterior": r.posterior} | g.as_dict() for r in reports for g in r.groups])
    else:
        for report in reports:
            _show(report)


def _as_dict(report: Report) -> dict[str, Any]:
    return {
        "posterior": report.posterior,
        "refit": report.refit,
        "advice": report.advice,
        "pit": {metric: counts.tolist() for metric, counts in report.pit.items()},
        "groups": [group.as_dict() for group in report.groups],
    }


def _show(report: Report) -> None:
    columns = ("", "metric", "n", "devices", "50 %", "90 %", "CRPS", "error", "bias", "PIT", "bias z", "spread z")
    output.table(f"Predictions of {report.posterior}", columns, [_line(group) for group in report.groups])
    for metric, counts in report.pit.items():
        if counts.sum():
            typer.echo(f"PIT of {metric} in tenths: {' '.join(map(str, counts.tolist()))}")
    typer.echo(f"{report.advice[0].upper()}{report.advice[1:]}.")


def _line(group: Group) -> list[str]:
    name = "all" if group.grouping == "all" else f"{group.grouping}: {group.member}"
    bias = math.expm1(group.bias)
    return [
        name, group.metric, f"{group.n:,}", str(group.clusters), output.share(group.coverage50),
        output.share(group.coverage90), f"{group.crps:.3f}", f"{group.medape:.0%}", f"{bias:+.0%}",
        _number(group.pit_mean, ".2f"), _number(group.bias_z, "+.1f"),
        _number(group.spread_z, "+.1f") + (" refit" if group.refit else ""),
    ]  # fmt: skip


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)
