"""``hwpredict benchmark``."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwpredict.cli import inputs, options as o, output

if TYPE_CHECKING:
    from hwpredict.evaluate.conditioning import Change
    from hwpredict.measure.plan import Cell
    from hwpredict.measure.runner import Outcome
    from hwpredict.measure.session import Session

#: Exit status of a program that Ctrl-C ended (128 + SIGINT).
INTERRUPTED = 130


def benchmark(
    models: Annotated[list[str], typer.Argument(help="Models of the catalog: bert-base-uncased gpt2 resnet50 …")],
    runtime: Annotated[
        list[str] | None,
        typer.Option(
            "--runtime", help="onnxruntime, openvino, torch, openvino:gpu, torch:cuda …; by default all installed."
        ),
    ] = None,
    batch_size: Annotated[list[str] | None, typer.Option("--batch-size", "-b", help="1,8,32 by default.")] = None,
    precision: Annotated[list[str] | None, typer.Option("--precision", help="fp32 (default), int8, bf16 …")] = None,
    item: Annotated[
        list[str] | None, typer.Option("--item", help="token_decode (default of a generator), token_prefill …")
    ] = None,
    seq_length: Annotated[
        int | None, typer.Option("--seq-length", help="Tokens of a sequence, prompt or context (default 128).")
    ] = None,
    threads: Annotated[int | None, typer.Option("--threads", help="All cores that may be used by default.")] = None,
    target: Annotated[
        float, typer.Option("--target", help="Step until the median is known to this share of itself (95 % interval).")
    ] = 0.02,
    max_seconds: Annotated[float, typer.Option("--max-seconds", help="… or for this long, per cell.")] = 10.0,
    timer: Annotated[
        str,
        typer.Option("--timer", help="wall; or processor (with --threads 1) on a machine that is shared."),
    ] = "wall",
    database: o.Store = None,
    store: Annotated[bool, typer.Option("--store/--no-store", help="Whether to keep the rows.")] = True,
    out: Annotated[Path | None, typer.Option("--output-file", "-o", help="Write the rows as Parquet too.")] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Condition the posterior on the rows, and show how.")
    ] = False,
    posterior: o.Posterior = None,
    posterior_out: Annotated[
        Path | None, typer.Option("--posterior-out", help="With --update: where to write the conditioned posterior.")
    ] = None,
    seed: o.Seed = None,
    format: o.Format = "table",
) -> None:
    """Measure models on this machine, with random weights and synthetic inputs, and store the figures."""
    from hwpredict.measure.detect import detect
    from hwpredict.measure.plan import plan
    from hwpredict.measure.session import benchmark as measure, default_settings
    from hwpredict.store import default_path

    output.check_format(format)
    sizes = output.whole_numbers("--batch-size", _split(batch_size) or ["1", "8", "32"])
    cells = plan(
        models,
        runtimes=_split(runtime),
        batch_sizes=sizes,
        precisions=_split(precision) or ["fp32"],
        items=_split(item),
        sequence_length=seq_length,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a scheduler's word for Ctrl-C
    report = detect(browser=False)
    settings = default_settings(
        report, threads=threads, target=target, max_seconds=max_seconds, timer=timer, seed=seed or 0
    )
    path = default_path(database) if store else None
    with _Bar(len(cells)) as bar:
        session = measure(cells, report, settings, database=path, progress=bar)
    if out is not None and session.rows:
        output.write_parquet(session.rows, out)
    changes = _conditioned(session.rows, posterior, posterior_out, seed) if update and session.rows else []
    _show(session, changes, format)
    if path is not None and session.rows:
        typer.echo(f"{len(session.rows)} rows are in {path}", err=True)
    if session.interrupted:
        typer.echo(f"interrupted: {session.left} cells were not measured", err=True)
        raise typer.Exit(INTERRUPTED)
    if not session.rows:
        raise typer.Exit(3)


def _split(values: list[str] | None) -> list[str] | None:
    """Values given with commas, several times, or both."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()] if values else None


class _Bar:
    """A progress bar on stderr, with the cell at hand."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Callable[[Cell | None, Outcome | None], None]:
        self._progress.start()
        return self._update

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def _update(self, cell: Cell | None, outcome: Outcome | None) -> None:
        self._progress.update(self._task, description=str(cell or ""), advance=0 if outcome is None else 1)


def _conditioned(rows: list[dict[str, Any]], path: Path | None, target: Path | None, seed: int | None) -> list[Change]:
    from hwpredict.evaluate.conditioning import condition

    after, changes = condition(inputs.predictor(posterior=path).posterior, rows, seed=seed or 0)
    if target is not None:
        after.save(target)
    return changes


def _precision(relative: float | None) -> str:
    return " ± ?" if relative is None else f" ± {relative:.1%}"


def _show(session: Session, changes: list[Change], format: str) -> None:
    if format == "json":
        output.dump_json({
            "measurements": session.rows,
            "not_measured": [{"cell": str(cell), "reason": reason} for cell, reason in session.failed],
            "update": [change.as_dict() for change in changes],
        })  # fmt: skip
        return
    if format == "csv":
        if session.rows:
            output.dump_csv(session.rows)
        return
    rows = [
        [
            str(r["model"]),
            f"{r['runtime']} {r['runtime_version']}",
            str(r["precision"]),
            str(r["batch_size"]),
            output.figure(r["latency_ms"]) + _precision(r["median_relative_precision"]),
            output.figure(r["latency_p95_ms"]),
            output.figure(r["throughput"]),
            "–" if r["memory_mb"] is None else output.figure(r["memory_mb"]),
            str(r["steps"]),
        ]
        for r in session.rows
    ]
    if rows:
        columns = ["model", "runtime", "precision", "batch", "median ms", "p95 ms", "items/s", "peak MB", "steps"]
        output.table("Measured here", columns, rows)
    for reason in dict.fromkeys(reason for _, reason in session.failed):
        print(f"Not measured: {', '.join(str(cell) for cell, why in session.failed if why == reason)}: {reason}")
    shown = [
        [c.cell, c.metric, output.figure(c.measured), output.span(*c.before), output.span(*c.after)] for c in changes
    ]
    if shown:
        columns = ["cell", "metric", "measured", "predicted before", "and after the update"]
        output.table("What the measurements change: median [90 % interval]", columns, shown)
