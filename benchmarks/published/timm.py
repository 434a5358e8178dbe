r"""The timm table: unseen cells, models and families, a tenth of the rows, and devices left out but for a few shots.

    uv run --group bench python benchmarks/published/timm.py DATA.parquet [--splits cell,model,device]

"cell" and "sparse" divide rows at random, as the studies did that the bars come from (a configuration that was measured
twice may be on both sides); the others divide by groups. ``--also all`` trains on the other tables too (without the
device that is left out), as who asks the posterior that ships does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the folder of the harness

from harness import options
from harness.data import Data, Target
from harness.published import run_all, save, show
from harness.results import markdown, number, share
from harness.tasks import Task, capped_test, grouped_tasks, left_out

TABLE = "timm"
SPLITS = ("cell", "model", "architecture", "sparse", "device")
SHOTS = (0, 5, 25)


def complete(frame: Any) -> Any:
    """Rows of timm's with work and throughput known, and those of other tables."""
    return frame[(frame["source"] != TABLE) | frame[["gmacs", "activations_m", "throughput"]].notna().all(axis=1)]


def tasks_of(data: Data, kind: str, seed: int) -> Iterator[Task]:
    """Tasks of one split."""
    if kind == "device":
        for shots in SHOTS:
            yield from left_out(
                data,
                f"timm: device, {shots} rows of it",
                data.labels["device"],
                among=data.rows["source"] == TABLE,
                shots=shots,
                seed=seed,
            )
    elif kind in ("cell", "sparse"):
        held = np.random.default_rng(seed).random(len(data)) < (0.2 if kind == "cell" else 0.9)
        name = "timm: unseen cell" if kind == "cell" else "timm: a tenth of the rows"
        keys = np.arange(len(data)).astype(str)
        yield Task(name, "all", data, np.flatnonzero(~held), capped_test(np.flatnonzero(held), seed), keys)
    else:
        for task in grouped_tasks(data, kind, folds=5, first=1, seed=seed):
            yield Task(f"timm: unseen {kind}", task.part, data, task.train, task.test, task.keys)


def device_table(scores: xr.Dataset) -> str:
    """Means over the devices left out, by shots."""
    rows = []
    for split in [s for s in scores.split.values if "device" in s]:
        s = scores.sel(split=split, metric="throughput")
        s = s.isel(group=np.flatnonzero(s.group_kind.values == "part"))
        for method in s.predictor.values:
            m = s.sel(predictor=method)
            if np.isfinite(m.crps).any():
                rows.append([split, str(method), number(float(m.crps.mean())), share(float(m.coverage90.mean()))])
    return markdown(["split", "method", "mean CRPS", "mean 90 % coverage"], rows)


def main() -> None:
    parser = options.parser(__doc__.splitlines()[0], cap=0, name="timm")
    parser.add_argument("--splits", default=",".join(SPLITS))
    options.add_other_tables(parser)
    args = parser.parse_args()
    run = options.run_options(args, targets=[Target("throughput", "throughput")])
    if args.also and args.splits != "device":
        parser.error("--also is for --splits device: of the other splits all rows are timm's")
    data = options.load_own(args, TABLE, edit=complete)
    print(f"{len(data)} rows")
    tasks = [task for kind in args.splits.split(",") for task in tasks_of(data, kind, args.seed)]
    title = "The timm table, and the others to learn from" if args.also else "The timm table by itself"
    scores = save(run_all(tasks, run), args.name, args, {"title": title, "rows": len(data)})
    show(scores)
    print(f"\n{device_table(scores)}")
    print(
        "\nbars: unseen cell medAPE at most 1.7 %, CRPS .034; models CRPS .105; families .14; a tenth of the rows "
        "medAPE 5.5 %;\ndevices: mean CRPS at most .15, .09, .06 after 0, 5, 25 rows, 90 % coverage in [.85, .95]"
    )


if __name__ == "__main__":
    main()
