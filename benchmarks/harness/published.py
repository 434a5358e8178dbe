"""The run that the published tables share: tasks, scores, tables, file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from harness.compare import Run, collect, run_task
from harness.results import ALL, Collected, dataset, method_table
from harness.tasks import Task
from rivals.table import METHODS


def run_all(tasks: Sequence[Task], run: Run) -> Collected:
    """Run what is missing of every task and collect what there is."""
    for task in tasks:
        run_task(task, run)
    return collect(tasks, run, METHODS)


def save(collected: Collected, name: str, args: argparse.Namespace, attrs: Mapping[str, Any]) -> xr.Dataset:
    """Score, write ``name.nc`` into the results folder and return the scores."""
    about = {"rows_per_source": args.max_rows_per_source, "seed": args.seed}
    scores = dataset(collected, attrs=about | dict(attrs))
    return write(scores, name, args)


def write(scores: xr.Dataset, name: str, args: argparse.Namespace) -> xr.Dataset:
    """Write scores as ``name.nc`` into the results folder."""
    args.results.mkdir(parents=True, exist_ok=True)
    scores.to_netcdf(args.results / f"{name}.nc")
    return scores


def show(scores: xr.Dataset) -> None:
    """Print the table of every split and target."""
    for split in scores.split.values:
        for target in scores.metric.values:
            if scores.n.sel(split=split, metric=target, group=ALL).notnull().any():
                print(f"\n{split}, {target}\n{method_table(scores, split, target)}")
