"""What a few measurements of this machine teach: condition on some batch sizes, predict the others.

    hwpredict benchmark bert-mini distilgpt2 resnet18 vit_tiny_patch16_224 --precision fp32,int8 --batch-size 1,2,4,8
    python benchmarks/update_here.py hwpredict.duckdb

For each set of batch sizes that are given to the posterior, the held-out ones are predicted before and after: how many
lie in the central 90 % interval, how wide it is on the log scale, how far off the median is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from hwpredict.evaluate.conditioning import compare
from hwpredict.measure.rows import SOURCE
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.update import update
from hwpredict.posteriors import reference_path
from hwpredict.store import read_measurements


def measured_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of ``hwpredict benchmark`` in a store or a table."""
    frame = read_measurements(path)
    frame = frame[frame["source"] == SOURCE]
    if frame.empty:
        sys.exit(f"{path} has no rows of hwpredict benchmark: run it first")
    return [{k: v for k, v in row.items() if v == v} for row in frame.to_dict("records")]


def splits(batches: list[int]) -> list[tuple[int, ...]]:
    """Batch sizes to learn from: the ends (interpolation), the lower half (extrapolation), a middle one, the first."""
    half = len(batches) // 2
    return list(dict.fromkeys([(batches[0], batches[-1]), tuple(batches[:half]), (batches[half],), (batches[0],)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measurements", type=Path)
    parser.add_argument("--posterior", type=Path, default=None)
    parser.add_argument("--probability", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    rows = measured_rows(options.measurements)
    before = Posterior.load(options.posterior or reference_path())
    batches = sorted({int(row["batch_size"]) for row in rows})
    print(f"{len(rows)} rows, batch sizes {batches}, {len({row['model'] for row in rows})} models")
    print(
        f"{'learnt from':>14} {'metric':>8} {'held out':>8} {'inside before':>13} {'after':>6} "
        f"{'width before':>12} {'after':>6} {'ratio':>6} {'error before':>12} {'after':>6}"
    )
    for learnt in splits(batches):
        given = [row for row in rows if int(row["batch_size"]) in learnt]
        held = [row for row in rows if int(row["batch_size"]) not in learnt]
        after = update(before, given, seed=options.seed)
        changes = compare(before, after, held, probability=options.probability, seed=options.seed)
        for metric in ("latency", "memory"):
            mine = [c for c in changes if c.metric == metric]
            if not mine:
                continue
            y = np.log([c.measured for c in mine])
            spans = [np.log([getattr(c, when) for c in mine]) for when in ("before", "after")]
            inside = [np.mean((s[:, 1] <= y) & (y <= s[:, 2])) for s in spans]
            width = [np.median(s[:, 2] - s[:, 1]) for s in spans]
            error = [np.median(np.abs(np.expm1(s[:, 0] - y))) for s in spans]
            ratio = np.median([c.narrowing for c in mine])
            print(
                f"{','.join(map(str, learnt)):>14} {metric:>8} {len(mine):>8} {inside[0]:>13.0%} {inside[1]:>6.0%} "
                f"{width[0]:>12.2f} {width[1]:>6.2f} {ratio:>6.2f} {error[0]:>12.0%} {error[1]:>6.0%}"
            )


if __name__ == "__main__":
    main()
