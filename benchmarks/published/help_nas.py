r"""HELP's devices, each left out but for ten measurements: the order of networks by latency.

    uv run --group bench python benchmarks/published/help_nas.py DATA.parquet [--space nb201|fbnet|ofa|all]

Rank correlation (Spearman) of predicted and measured latency over the networks of one search space on one device, at
the largest batch that was measured on it, as in HELP's table; other batches of the same device are not trained on.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the folder of the harness

from harness import options
from harness.data import Data, Target, load
from harness.published import run_all, show, write
from harness.results import Collected, dataset, markdown, number
from harness.tasks import Task
from published.quoted import HELP, quoted
from rivals.table import METHODS

SPLIT = "HELP: unseen device, 10 rows of it"
SHOTS = 10
FLOPS = "FLOPs alone"


def space(frame: Any) -> Any:
    """Search space of each row: the beginning of the network's name."""
    return frame["model"].str.split("-").str[0]


def tasks_of(data: Data, seed: int) -> list[Task]:
    """Each device in turn, at its largest batch."""
    device, batch = data.labels["device"], data.rows["batch_size"]
    out = []
    for name in sorted(set(device.tolist())):
        mine = device == name
        test = np.flatnonzero(mine & (batch == batch[mine].max()))
        shown = np.random.default_rng(seed).choice(test, SHOTS, replace=False)
        train = np.sort(np.concatenate([np.flatnonzero(~mine), shown]))
        out.append(Task(SPLIT, name, data, train, np.setdiff1d(test, shown), device))
    return out


def correlations(tasks: list[Task], collected: Collected) -> xr.DataArray:
    """Spearman correlation by device and method; NaN where a method was not run or says nothing (a constant)."""
    methods = [*(m for m in METHODS if (SPLIT, "latency", m) in collected), FLOPS]
    parts = [t.part for t in tasks]
    out = xr.DataArray(
        np.full((len(parts), len(methods)), np.nan),
        coords={"part": parts, "ranked_by": methods},
        dims=("part", "ranked_by"),
        attrs={"long_name": "Spearman correlation of predicted and measured latency", "units": "1"},
    )
    for task in tasks:
        flops, seen = task.data.numbers["log_flops"][task.test], task.data.rows["latency_ms"][task.test]
        out.loc[task.part, FLOPS] = spearmanr(flops, seen).statistic
    for method in methods[:-1]:
        for task, entry in collected[SPLIT, "latency", method]:
            median = entry.cases.quantiles[:, 2]
            if np.ptp(median) > 0:
                out.loc[task.part, method] = spearmanr(median, entry.cases.observed).statistic
    return out


def main() -> None:
    parser = options.parser(__doc__.splitlines()[0], cap=0, name="help")
    parser.add_argument("--space", default="nb201", choices=("nb201", "fbnet", "ofa", "all"))
    args = parser.parse_args()
    run = options.run_options(args, targets=[Target("latency", "latency")])
    data = load(
        args.data,
        sources=["help_nas"],
        cap=options.cap(args),
        edit=lambda f: f if args.space == "all" else f[space(f) == args.space],
    )
    print(f"{len(data)} rows")
    tasks = tasks_of(data, args.seed)
    collected = run_all(tasks, run)
    rank = correlations(tasks, collected)
    about = {"title": f"HELP's devices, space {args.space}", "rows": len(data), "seed": args.seed}
    scores = dataset(collected, attrs=about).assign(spearman=rank) if collected else rank.to_dataset(name="spearman")
    write(scores, args.name, args)
    if collected:
        show(scores)
    methods = rank.ranked_by.values
    rows = [[part, *(number(float(rank.sel(part=part, ranked_by=m))) for m in methods)] for part in rank.part.values]
    rows.append(["mean", *(number(float(rank.sel(ranked_by=m).mean())) for m in methods)])
    print(f"\n{markdown(['device', *map(str, methods)], rows)}\n\nbar: mean Spearman at least .93\n\n{quoted(HELP)}")


if __name__ == "__main__":
    main()
