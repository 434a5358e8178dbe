"""Command-line options that all accuracy benchmarks share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness.cache import Cache
from harness.compare import Run
from harness.data import TARGETS, Data, Edit, Target, load
from rivals.table import CONFORMAL, METHODS, RIVALS

HERE = Path(__file__).resolve().parents[1]


def parser(description: str, *, cap: int | None, name: str) -> argparse.ArgumentParser:
    """Parser with the shared options; the defaults of ``--max-rows-per-source`` and ``--name`` are given."""
    out = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    out.add_argument("data", type=Path, help="measurements: Parquet, CSV or DuckDB")
    out.add_argument("--methods", default="all", help="all, hwpredict, rivals, or names separated by commas")
    out.add_argument("--max-rows-per-source", type=int, default=cap or 0, help="0: all rows")
    out.add_argument("--cache", type=Path, default=HERE / ".cache", help="folder of predictions, to merge runs")
    out.add_argument("--results", type=Path, default=HERE / "results", help="folder of the scores (netCDF)")
    out.add_argument("--name", default=name, help="of the file in the results folder; report.py reads the default one")
    out.add_argument("--refresh", action="store_true", help="run the methods again even if the cache has them")
    out.add_argument("--threads", type=int, default=1)
    out.add_argument("--seed", type=int, default=1, help="of the division into groups")
    out.add_argument("--iterations", type=int, default=18, help="of the hwpredict fit")
    out.add_argument(
        "--calibration",
        default="inner",
        help="of hwpredict: none; inner (factors from inner folds of the training rows, by fits of their own); a JSON "
        "file of factors as recalibrate.py writes them, which must come from folds without the test rows to be honest",
    )
    out.add_argument("--draws", type=int, default=400, help="predictive draws of hwpredict")
    return out


def methods(text: str) -> list[str]:
    """Names of methods from the option: whole names or beginnings of them, case-insensitively."""
    out: list[str] = []
    for word in text.casefold().split(","):
        if word == "all":
            out += METHODS
        elif word == "rivals":
            out += [*RIVALS, CONFORMAL]
        else:
            found = [m for m in METHODS if m.casefold().startswith(word.strip())]
            if not found:
                raise SystemExit(f"unknown method {word!r}; known: all, rivals, {', '.join(METHODS)}")
            out += found
    return [m for m in METHODS if m in out]


def run_options(args: argparse.Namespace, *, targets: Sequence[Target] = TARGETS, min_rows: int = 30) -> Run:
    """The run that the options ask for."""
    return Run(
        methods(args.methods),
        targets,
        Cache(args.cache),
        refresh=args.refresh,
        threads=args.threads,
        iterations=args.iterations,
        draws=args.draws,
        calibration=args.calibration,
        min_rows=min_rows,
    )


def add_other_tables(parser: argparse.ArgumentParser) -> None:
    """Options of those who have a table of their own and may train on others too."""
    parser.add_argument("--also", default="", help="other tables to train on too, separated by commas, or all")
    parser.add_argument("--also-rows", type=int, default=300, help="most rows of each of them, 0: all rows")


def load_own(args: argparse.Namespace, own: str, edit: Edit | None = None) -> Data:
    """The table ``own`` and those of ``--also``."""
    sources = None if args.also == "all" else [own, *(s for s in args.also.split(",") if s)]
    return load(args.data, sources=sources, cap=cap(args), own=own, others=args.also_rows or None, edit=edit)


def cap(args: argparse.Namespace) -> int | None:
    """Most rows of a source, None for all."""
    return args.max_rows_per_source or None
