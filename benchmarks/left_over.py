r"""What is left to learn: boosted trees on the residuals of held-out predictions, with every covariate of the model.

    uv run python benchmarks/left_over.py DATA.parquet [--folds model:1,model:2,device:1]

The folds are those of `recalibrate.py` (some eight minutes each). Per kind of fold, LightGBM learns the log residual of
the predictive median on four fifths of the held-out models (devices, sources) and is asked to correct the rest. It also
learns how wide a prediction ought to be, beside one factor for all. What it gains is structure that the model missed;
what it does not is particular to a group, and no covariate tells. A table weighs as 300 rows at most.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from scipy.stats import norm
from sklearn.model_selection import GroupKFold

from hwpredict.performance import rows as r
from hwpredict.performance.covariates import Covariates, covariates
from hwpredict.performance.predictive import Prediction
from hwpredict.store import read_measurements
from recalibrate import add_options, held_out, of_times

LABELS = ("phase", "platform", "framework", "mode", "item", "precision", "unit", "family", "segment", "generation")
#: Rows that a table weighs as, at most, and shares of a correction that are tried.
WEIGHT, SHARES = 300, (0.25, 0.5, 1.0)
#: Residuals are cut here: trees are to learn what is usual.
FARTHEST = 3.0


def cases(held: r.Table, p: Prediction, x: Covariates) -> pd.DataFrame:
    """Covariates, labels, group, log residual and standard deviation of the rows with a time (of two, the latency)."""
    timed = np.isfinite(held["latency_ms"])
    seen = np.log(np.where(timed, held["latency_ms"], held["throughput"]))
    low, middle, high = np.quantile(
        np.log(np.where(timed[:, None], p.latency, p.throughput)), (0.05, 0.5, 0.95), axis=1
    )
    columns = {name: np.asarray(values, dtype=float) for name, values in x.numbers.items()}
    columns |= {name: pd.Categorical(x.labels[name].astype(str)) for name in LABELS}
    out = pd.DataFrame(columns)
    width = np.log(np.maximum((high - low) / (2 * norm.ppf(0.95)), 1e-3))
    own = {name: x.labels[name].astype(str) for name in ("model", "device")} | {"source": held["source"].astype(str)}
    # residual as slowness, whichever figure it is of
    out = out.assign(residual=np.where(timed, seen - middle, middle - seen), log_width=width)
    return out.assign(**{f"group {name}": values for name, values in own.items()})[np.isfinite(seen)]


def trees(x: pd.DataFrame, y: np.ndarray, weight: np.ndarray) -> LGBMRegressor:
    """Boosted trees with small leaves of many rows, fitted to the absolute error."""
    return LGBMRegressor(
        n_estimators=150, learning_rate=0.05, num_leaves=15, min_child_samples=60, colsample_bytree=0.5, reg_lambda=5,
        objective="l1", verbose=-1, seed=0, n_jobs=1,
    ).fit(x, y, sample_weight=weight)  # fmt: skip


def crps(residual: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """CRPS of a normal prediction (Gneiting & Raftery 2007, equation 21)."""
    z = residual / sd
    return sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))


def report(kind: str, d: pd.DataFrame) -> None:
    """Mean absolute error with and without the correction, CRPS with and without learnt widths."""
    columns = [c for c in d if c != "residual" and not c.startswith("group ")]
    weight = 1 / d.groupby("group source")["residual"].transform("size").clip(lower=WEIGHT).to_numpy()
    residual, sd = d["residual"].to_numpy(), np.exp(d["log_width"].to_numpy())
    cut, stretch = np.clip(residual, -FARTHEST, FARTHEST), np.log(np.clip(np.abs(residual) / sd, 0.02, 10.0))
    shift, wider, gain = np.zeros(len(d)), np.zeros(len(d)), np.zeros(len(columns))
    for known, new in GroupKFold(5, shuffle=True, random_state=0).split(d, groups=d[f"group {kind}"]):
        learnt = trees(d[columns].iloc[known], cut[known], weight[known])
        shift[new] = learnt.predict(d[columns].iloc[new])
        gain += learnt.booster_.feature_importance("gain")
        spread = trees(d[columns].iloc[known], stretch[known], weight[known])
        wider[new] = spread.predict(d[columns].iloc[new]) - np.average(stretch[known], weights=weight[known])

    def mean(values: np.ndarray) -> str:
        return f"{np.average(values, weights=weight):.4f}"

    print(f"unseen {kind}: {len(d)} rows of {d[f'group {kind}'].nunique()} groups")
    print("  mean absolute log residual", mean(np.abs(residual)), "; with shares of the trees' correction",
          {share: mean(np.abs(residual - share * shift)) for share in SHARES})  # fmt: skip
    print("  CRPS", mean(crps(residual, sd)), "; with shares of the trees' widths",
          {share: mean(crps(residual, sd * np.exp(share * wider))) for share in SHARES})  # fmt: skip
    top = pd.Series(gain / gain.sum(), columns).sort_values(ascending=False).head(8).round(3)
    print("  what the correction is made of:", top.to_dict(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--folds", default="model:1,model:2,device:1,device:2", help="of models, devices or sources")
    add_options(parser)
    args = parser.parse_args()
    rows = of_times(r.table(read_measurements(args.data)))
    found: dict[str, list[pd.DataFrame]] = {}
    for _, kind, held, _, p in held_out(rows, args.folds, args):
        found.setdefault(kind, []).append(cases(held, p, covariates(held)))
    for kind, parts in found.items():
        joined = pd.concat(parts, ignore_index=True)
        report(kind, joined.astype(dict.fromkeys(LABELS, "category")))


if __name__ == "__main__":
    main()
