r"""Held-out accuracy and calibration on grouped splits, beside baselines in the same run.

    uv run --group bench python benchmarks/accuracy.py DATA.parquet \
        [--splits cell,model,device,source] [--out results.json]

Prints, for every split and metric: n, median absolute percentage error, CRPS of log figures, coverage of the 50 % and
90 % interval and the width of the latter, for the model, for LightGBM quantile regression on the same features and
labels, and (median only) for the plain roofline; then the same per platform. ``--timm`` runs the splits of one table
that earlier prototypes were measured on (random cells, 20 % of models, devices left out).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from hwpredict.evaluate.baselines import LightGBMQuantiles, roofline
from hwpredict.evaluate.scores import Scores, score
from hwpredict.evaluate.splits import grouped_split
from hwpredict.performance import rows as r
from hwpredict.performance.covariates import covariates
from hwpredict.performance.fit import fit
from hwpredict.performance.predictive import predict
from hwpredict.store import read_measurements

METRICS = {"throughput": "throughput", "latency": "latency_ms", "memory": "memory_mb"}
MAX_TEST = 20_000


def line(name: str, s: Scores) -> str:
    return (
        f"  {name:<34} n {s.n:>6}  medAPE {s.medape:7.1%}  CRPS {s.crps:6.3f}  "
        f"cov50 {s.coverage50:.2f}  cov90 {s.coverage90:.2f}  w90 {s.width90:5.2f}  bias {s.bias:+.2f}"
    )


def evaluate(rows: r.Table, test: np.ndarray, args: argparse.Namespace, label: str) -> list[dict[str, Any]]:
    began = time.perf_counter()
    posterior = fit(r.take(rows, ~test), iterations=args.iterations, seed=0)
    fitted = time.perf_counter() - began
    index = np.flatnonzero(test)
    if len(index) > MAX_TEST:
        index = np.sort(np.random.default_rng(0).choice(index, MAX_TEST, replace=False))
    held = r.take(rows, index)
    began = time.perf_counter()
    p = predict(posterior, held, draws=400, seed=1)
    print(f"{label}: {int((~test).sum())} rows fitted in {fitted:.0f} s, {len(index)} predicted in "
          f"{time.perf_counter() - began:.1f} s", flush=True)  # fmt: skip
    out: list[dict[str, Any]] = []
    for metric, column in METRICS.items():
        seen = held[column]
        ok = np.isfinite(seen) & (seen > 0)
        if ok.sum() < 30:
            continue
        draws = {"hwpredict": getattr(p, metric)}
        train = r.take(rows, ~test & np.isfinite(rows[column]) & (rows[column] > 0))
        if not args.no_baselines:
            model = LightGBMQuantiles(rounds=args.rounds).fit(train, np.log(train[column]))
            draws["LightGBM quantile"] = model.predict(held)
            if metric != "memory":
                x = covariates(held).numbers
                time_ = roofline(held)
                point = (
                    np.exp(x["log_items"] - time_) if metric == "throughput" else np.exp(time_ + x["log_span"]) * 1e3
                )
                draws["plain roofline"] = np.repeat(point[:, None], 2, axis=1)
        for name, values in draws.items():
            s = score(values[ok], seen[ok])
            print(line(f"{metric}: {name}", s), flush=True)
            out.append({"split": label, "metric": metric, "by": "all", "method": name} | s.as_dict())
        for platform in sorted(set(held["hardware"][ok].tolist())):
            mine = ok & (held["hardware"] == platform)
            if mine.sum() < 100:
                continue
            for name, values in draws.items():
                if name == "plain roofline":
                    continue
                s = score(values[mine], seen[mine])
                print(line(f"  {platform}: {name}", s), flush=True)
                out.append({"split": label, "metric": metric, "by": platform, "method": name} | s.as_dict())
    return out


def timm_test(rows: r.Table, kind: str) -> np.ndarray:
    """The splits that the prototypes were measured on."""
    n, rng = r.length(rows), np.random.default_rng(0)
    if kind == "cell":
        return rng.random(n) < 0.2
    if kind == "sparse":
        return rng.random(n) < 0.9
    models = np.array(list(dict.fromkeys(rows["model"].tolist())), dtype=object)
    if kind == "model":
        return np.isin(rows["model"], rng.choice(models, len(models) // 5, replace=False))
    name, _, k = kind.removeprefix("device:").partition("+")
    test = rows["device"] == name
    if k:
        test[np.random.default_rng(3).choice(np.flatnonzero(test), int(k), replace=False)] = False
    return np.asarray(test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--splits", default="cell,model,device,source")
    parser.add_argument("--timm", action="store_true", help="only the timm table, its own splits")
    parser.add_argument("--sources", default="", help="only these sources, separated by commas")
    parser.add_argument("--iterations", type=int, default=18)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--no-baselines", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    sources = ["timm"] if args.timm else [s for s in args.sources.split(",") if s] or None
    rows = r.table(read_measurements(args.data, sources=sources))
    if args.timm:
        rows = r.take(
            rows, np.isfinite(rows["gmacs"]) & np.isfinite(rows["activations_m"]) & np.isfinite(rows["throughput"])
        )
    results: list[dict[str, Any]] = []
    for kind in args.splits.split(","):
        test = timm_test(rows, kind) if args.timm else grouped_split(rows, kind, rng=np.random.default_rng(1))
        results += evaluate(rows, test, args, f"unseen {kind}")
        if args.out:
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
