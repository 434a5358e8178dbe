r"""Held-out accuracy and calibration on grouped splits, beside every serious rival on the same rows.

    uv run --group bench python benchmarks/accuracy.py DATA.parquet [--splits cell,model,device] [--methods rivals]

For every split (what is unseen in the test rows: cell, model, architecture, device, generation, source, or the newest
rows) all methods are fitted to the same training rows and scored on the same test rows, by metric, platform and phase.
Predictions are kept in ``--cache``, so that ``--methods hwpredict`` and ``--methods rivals`` can be run at different
times; whatever the cache holds for the same rows is in the table. Scores are written to ``--results`` as netCDF, from
which ``report.py`` makes docs/accuracy.md.

By default one fold of five is held out and no source gives more than 300 rows, so that one hwpredict fit takes minutes;
``--max-rows-per-source 0 --folds 5`` is the whole cross-validation.
"""

from __future__ import annotations

from harness import options
from harness.compare import collect, run_task
from harness.data import load
from harness.results import ALL, dataset, method_table
from harness.tables import bars_table
from harness.tasks import grouped_tasks
from hwpredict.evaluate.splits import KINDS
from rivals.table import METHODS

#: Rows of a source that are used by default.
CAP = 300
FOLDS = 5


def main() -> None:
    parser = options.parser(__doc__.splitlines()[0], cap=CAP, name="splits")
    parser.add_argument("--splits", default=",".join(KINDS))
    parser.add_argument("--sources", default="", help="only these tables, separated by commas")
    parser.add_argument("--folds", type=int, default=1, help=f"how many of {FOLDS} folds to hold out in turn")
    args = parser.parse_args()
    if not 1 <= args.folds <= FOLDS:
        parser.error(f"--folds must be 1 to {FOLDS}")
    run = options.run_options(args)
    data = load(args.data, sources=[s for s in args.sources.split(",") if s] or None, cap=options.cap(args))
    print(f"{len(data)} rows of {len(set(data.rows['source'].tolist()))} sources")
    tasks = [
        task
        for kind in args.splits.split(",")
        for task in grouped_tasks(data, kind, folds=FOLDS, first=args.folds, seed=args.seed)
    ]
    for task in tasks:
        run_task(task, run)
    scores = dataset(
        collect(tasks, run, METHODS),
        attrs={
            "title": "Grouped splits of all sources",
            "rows": len(data),
            "rows_per_source": args.max_rows_per_source,
            "folds": f"{args.folds} of {FOLDS}",
            "seed": args.seed,
        },
    )
    args.results.mkdir(parents=True, exist_ok=True)
    scores.to_netcdf(args.results / f"{args.name}.nc")
    for split in scores.split.values:
        for metric in scores.metric.values:
            if scores.n.sel(split=split, metric=metric, group=ALL).notnull().any():
                print(f"\nunseen {split}, {metric}\n{method_table(scores, split, metric)}")
    print(f"\n{bars_table(scores)}")


if __name__ == "__main__":
    main()
