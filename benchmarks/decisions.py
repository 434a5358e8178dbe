r"""Decisions against what was measured: LLM-Pilot's setting, realised regret, calibration, value of information.

    uv run --group bench python benchmarks/decisions.py DATA.parquet [--parts pilot,regret,calibration,information] \
        [--pilot DIR] [--iterations 8] [--rows-per-source 2000] [--model-posterior p.nc] …

*pilot*: leave one LLM out of LLM-Pilot's table, its SLA (100 ms a prompt token, 50 ms between tokens), its prices:
success rate, overspend and their score, beside the seven published methods re-scored from the authors' files in DIR.
*regret*: on models that the fit never saw, choose among what was measured by expected utility, by the point estimate of
the same model, by LightGBM's median and by the plain roofline. *calibration*: P(best), P(feasible) and P(fits) on the
same rows, and on cells (combinations of model, device, precision, batch …) that the fit never saw. *information*: on
devices that the fit never saw, benchmarks to reach a regret by advice and by chance.

``--folds 5`` holds every model, cell and device out once, so that five times as many cases stand behind each figure.
A fit per fold takes minutes; ``--model-posterior``, ``--cell-posterior`` and ``--device-posterior`` take fitted ones,
which must have been fitted without the rows that are held out here (the split is by ``--seed``; ``--print-split`` lists
what to leave out).
``--quick`` shows in a minute that everything runs.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from choices import settings
from choices.calibration import calibration
from choices.heldout import folds
from choices.information import information
from choices.pilot import pilot
from choices.regret import regret
from hwpredict.evaluate.splits import grouped_split, split_keys
from hwpredict.performance import rows as r
from hwpredict.store import read_measurements


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    args = settings.parse(__doc__.splitlines()[0], arguments)
    rows = r.table(read_measurements(args.data, sources=[s for s in args.sources.split(",") if s] or None))
    if args.print_split:
        kind = args.print_split
        names = split_keys(rows, kind) if kind == "cell" else rows[kind]
        held = grouped_split(rows, kind, rng=np.random.default_rng(args.seed))
        print("\n".join(sorted(set(names[held].tolist()))))
        return {}
    results: dict[str, Any] = {}
    if "pilot" in args.parts and args.pilot is None:
        print("LLM-Pilot: left out; give --pilot FOLDER of the authors' predictions and prices")
    elif "pilot" in args.parts:
        print("LLM-Pilot, leave one LLM out", flush=True)
        results["pilot"] = pilot(rows, args.pilot, args)
    for kind, path, parts in (
        ("model", args.model_posterior, {"regret": regret, "calibration": calibration}),
        ("cell", args.cell_posterior, {"calibration of cells": calibration}),
        ("device", args.device_posterior, {"information": information}),
    ):
        wanted = {part: function for part, function in parts.items() if part.split()[0] in args.parts}
        if not wanted:
            continue
        tested = folds(rows, kind, path, args)
        for part, function in wanted.items():
            print(f"{part.replace('information', 'value of information')}, unseen {kind}s", flush=True)
            results[part] = function(tested, args)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return results


if __name__ == "__main__":
    main()
