"""``hwpredict db``: stats, check, export, vacuum, upgrade, correct, retract and reinstate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hwpredict.cli import options as o, output
from hwpredict.errors import InvalidWorkloadError

app = typer.Typer(
    name="db",
    help="Look after the store of measurements.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
RowId = Annotated[str, typer.Argument(help="Address of a measurement (column row_id).")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the correction.")]


@app.command("stats")
def stats(database: o.Store = None, format: o.Format = "table") -> None:
    """Size of the store, and what is measured on each platform."""
    from hwpredict.store import default_store, open_store

    output.check_format(format)
    with open_store(default_store(database)) as store:
        figures = store.stats()
        coverage = store.coverage().drop(columns="last_import")
    if format == "json":
        output.dump_json(figures | {"coverage": _records(coverage)})
        return
    if format == "csv":
        output.dump_csv(_records(coverage))
        return
    output.table("Store", ("", ""), [[key, _said(value)] for key, value in figures.items()])
    columns = (
        "hardware", "family", "mode", "rows", "models", "devices", "sources", "throughput", "latency_ms", "memory_mb",
    )  # fmt: skip
    output.table("Measured", columns, [[_said(r[c]) for c in columns] for r in _records(coverage)])


@app.command("check")
def check(
    database: o.Store = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Doubted rows to show of each kind.")] = 3,
    format: o.Format = "table",
) -> None:
    """Check that the store is sound, and explain which measurements are doubted; they are kept and used."""
    from hwpredict.store import default_store, open_store
    from hwpredict.store.screens import SCREENS

    output.check_format(format)
    with open_store(default_store(database)) as store:
        problems, flagged, total = store.problems(), store.flagged(), store.count()
    if format == "json":
        output.dump_json({
            "problems": problems,
            "measurements": total,
            "screens": [
                {"screen": s.name, "impossible": s.impossible, "meaning": s.meaning,
                 "rows": int((flagged["screen"] == s.name).sum())} for s in SCREENS
            ],
            "flagged": _records(flagged),
        })  # fmt: skip
    elif format == "csv":
        columns = ("row_id", "run_id", "harness", "screen", "explanation")
        output.dump_csv([dict.fromkeys(columns)] if flagged.empty else _records(flagged))
    else:
        for problem in problems:
            typer.echo(f"problem: {problem}")
        typer.echo("The store is sound." if not problems else "The store is not sound.")
        typer.echo(f"{total:,} measurements, {flagged['row_id'].nunique():,} of them doubted.")
        for screen in SCREENS:
            rows = flagged[flagged["screen"] == screen.name]
            if rows.empty:
                continue
            kind = "cannot be right" if screen.impossible else "suspicious"
            typer.echo(f"\n{screen.name}: {len(rows):,} rows, {kind}. {screen.meaning[0].upper()}{screen.meaning[1:]}.")
            counts = rows["harness"].value_counts().head(8)
            harnesses = ", ".join(f"{str(name) or '(unnamed)'} ({n:,})" for name, n in counts.items())
            typer.echo(f"  in {harnesses}")
            for row in _records(rows.groupby("harness").head(1).head(limit)):
                typer.echo(f"  {row['row_id']}  {row['harness'] or '(unnamed)'}: {row['explanation']}")
    if problems:
        raise typer.Exit(1)


@app.command("export")
def export(
    target: Annotated[Path, typer.Argument(help=".parquet or .csv: the measurements; else a folder of all tables.")],
    database: o.Store = None,
) -> None:
    """Write the store to Parquet or CSV."""
    from hwpredict.store import default_store, open_store

    with open_store(default_store(database)) as store:
        typer.echo(f"{store.export(target)}: {store.count():,} measurements", err=True)


@app.command("vacuum")
def vacuum(database: o.Store = None, wait: o.Wait = 5.0) -> None:
    """Write the file anew without the space of what is gone, and look names up in the present catalog."""
    from hwpredict.store import BenchmarkStore, default_path

    path = _existing(default_path(database))
    with BenchmarkStore(path, wait=wait) as store:
        before, after = store.vacuum()
    typer.echo(f"{path}: {before:,} bytes before, {after:,} after", err=True)


@app.command("upgrade")
def upgrade(database: o.Store = None, wait: o.Wait = 5.0) -> None:
    """Bring a store of an older version of hwpredict forward; nothing is lost."""
    from hwpredict.store import BenchmarkStore, default_path

    path = _existing(default_path(database))
    with BenchmarkStore(path, wait=wait) as store:
        figures = store.stats()
    version, rows = figures["schema_version"], figures["measurements"]
    typer.echo(f"{path}: schema version {version}, {rows:,} measurements", err=True)


@app.command("correct")
def correct(
    row_id: RowId,
    changes: Annotated[
        list[str], typer.Argument(help="COLUMN=VALUE, several allowed; an empty value is 'not stated'.")
    ],
    reason: Reason,
    database: o.Store = None,
    wait: o.Wait = 5.0,
) -> None:
    """Put a corrected row in the place of a measurement, which stays in the store."""
    from hwpredict.store import BenchmarkStore, default_path

    new = {name: value or None for name, value in o.pairs(changes).items()}
    with BenchmarkStore(_existing(default_path(database)), wait=wait) as store:
        typer.echo(store.correct(row_id, new, reason))


@app.command("retract")
def retract(row_id: RowId, reason: Reason, database: o.Store = None, wait: o.Wait = 5.0) -> None:
    """Withdraw a measurement; it stays in the store and is used no more."""
    from hwpredict.store import BenchmarkStore, default_path

    with BenchmarkStore(_existing(default_path(database)), wait=wait) as store:
        store.retract(row_id, reason)


@app.command("reinstate")
def reinstate(row_id: RowId, reason: Reason, database: o.Store = None, wait: o.Wait = 5.0) -> None:
    """Take back what superseded or withdrew a measurement."""
    from hwpredict.store import BenchmarkStore, default_path

    with BenchmarkStore(_existing(default_path(database)), wait=wait) as store:
        store.reinstate(row_id, reason)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InvalidWorkloadError(f"no store at {path}: give --database PATH, or import something first")
    return path


def _records(frame: Any) -> list[dict[str, Any]]:
    return list(frame.astype(object).where(frame.notna(), None).to_dict("records"))


def _said(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else str(value)
