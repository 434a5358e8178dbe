"""What ``decisions.py`` can be told on its command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

#: What is held out together.
SPLITS = ("model", "cell", "device")
PARTS = ("pilot", "regret", "calibration", "information")

#: Settings of ``--quick``: minutes become seconds, and the figures mean nothing.
QUICK = {
    "iterations": 2, "rows_per_source": 60, "test_rows": 4000, "rounds": 20, "draws": 60, "decisions": 5, "options": 5,
    "llms": 2,
}  # fmt: skip


def parse(description: str, arguments: list[str] | None = None) -> argparse.Namespace:
    """The settings that a command line asks for."""
    out = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    out.add_argument("data", type=Path, help="measurements: Parquet, CSV or DuckDB")
    out.add_argument("--parts", default=",".join(PARTS), help="separated by commas")
    out.add_argument("--pilot", type=Path, help="folder of LLM-Pilot's published predictions and prices")
    out.add_argument("--sources", default="", help="only these sources, separated by commas")
    out.add_argument("--iterations", type=int, default=8, help="of every fit")
    out.add_argument("--rows-per-source", type=int, default=2000, help="most rows of a source that a fit takes")
    out.add_argument("--folds", type=int, default=1, help="1: a fifth is held out; more: every group is, once")
    out.add_argument("--test-rows", type=int, default=0, help="about so many held-out rows, in whole groups; 0: all")
    out.add_argument("--rounds", type=int, default=200, help="trees of LightGBM")
    out.add_argument("--draws", type=int, default=400, help="predictive draws")
    out.add_argument("--decisions", type=int, default=200, help="decisions of the information part")
    out.add_argument("--per-source", type=int, default=20, help="most of them that one table gives")
    out.add_argument("--options", type=int, default=8, help="devices on the shortlist of each of them")
    out.add_argument("--llms", type=int, default=0, help="LLMs left out in the pilot part, 0: all; a fit each")
    out.add_argument("--seed", type=int, default=1)
    out.add_argument("--model-posterior", type=Path, help="fitted without the held-out models")
    out.add_argument("--cell-posterior", type=Path, help="fitted without the held-out cells")
    out.add_argument("--device-posterior", type=Path, help="fitted without the held-out devices")
    out.add_argument("--print-split", choices=SPLITS, help="list what is held out, and end")
    out.add_argument("--quick", action="store_true", help=f"to see that it runs: {QUICK}")
    out.add_argument("--out", type=Path, help="the same figures as JSON")
    if "--quick" in (sys.argv[1:] if arguments is None else arguments):
        out.set_defaults(**QUICK)  # what is given beside it goes before
    args = out.parse_args(arguments)
    args.parts = [p.strip() for p in args.parts.split(",") if p.strip()]
    if wrong := set(args.parts) - set(PARTS):
        out.error(f"unknown part {sorted(wrong)[0]!r}; known: {', '.join(PARTS)}")
    if args.folds < 1:
        out.error(f"--folds is {args.folds}: give a number from 1 on")
    if args.folds > 1 and any((args.model_posterior, args.cell_posterior, args.device_posterior)):
        out.error("a fitted posterior is of one fold: leave out --folds, or the posterior")
    return args
