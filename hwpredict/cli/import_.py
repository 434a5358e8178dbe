"""``hwpredict import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwpredict.cli import options as o, output
from hwpredict.errors import HwpredictError, InvalidWorkloadError


def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of them; formats are told by content.")],
    source: Annotated[
        str | None, typer.Option("--source", help="Who published the figures, where a file does not say.")
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option("--set", help="COLUMN=VALUE for rows that do not say it, e.g. hardware=cuda; several allowed."),
    ] = None,
    corrects: Annotated[
        str,
        typer.Option("--corrects", help="Reason for which the rows supersede older ones of the same configuration."),
    ] = "",
    database: o.Store = None,
    wait: o.Wait = 5.0,
    format: o.Format = "table",
) -> None:
    """Import measurements into the store: each file as a whole or not at all."""
    from hwpredict.store import BenchmarkStore, default_path, importers
    from hwpredict.store.staging import check_assumed

    output.check_format(format)
    assumed = check_assumed(o.pairs(assume or []))
    found = importers.files(paths)
    if not found:
        raise InvalidWorkloadError(f"no files in {', '.join(map(str, paths))}")
    reports, refused = [], []
    with BenchmarkStore(default_path(database), wait=wait) as store:
        for path, named in found:
            try:
                report = store.import_file(path, source=source, assume=assumed, corrects=corrects)
            except HwpredictError as error:
                refused.append((path, named, " ".join(str(error).split())))
                typer.echo(f"refused: {refused[-1][2]}", err=True)
                continue
            reports.append(report)
            if format == "table":
                typer.echo(f"{report} [{report.importer}]")
    if format == "json":
        output.dump_json({
            "imported": [report.as_dict() for report in reports],
            "refused": [{"path": str(path), "reason": reason} for path, _, reason in refused],
        })  # fmt: skip
    elif format == "csv":
        columns = ("origin", "importer", "read", "added", "known", "repeated", "rejected", "predictions")
        output.dump_csv([{c: report.as_dict()[c] for c in columns} for report in reports] or [dict.fromkeys(columns)])
    else:
        added = sum(report.added for report in reports)
        rejected = sum(report.rejected for report in reports)
        typer.echo(
            f"{len(reports)} of {len(found)} files imported, {added:,} measurements added, {rejected:,} rows rejected, "
            f"{len(refused)} files refused",
            err=True,
        )
    if not reports or any(named for _, named, _ in refused):
        raise typer.Exit(1)
