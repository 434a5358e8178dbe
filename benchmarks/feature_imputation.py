"""Fit how MACs, activations and parameters are guessed where nobody stated them, and show how well that works.

    uv run python benchmarks/feature_imputation.py DATA.parquet [--write]

DATA.parquet is a table of measurements (``model``, ``model_family``, ``parameters``, ``gmacs``, ``activations_m``,
``input_size``). What its rows state, and what the catalog knows of its models, are the data: one point per model and
image size. The fit is a linear regression in logs with an intercept for each architecture, drawn towards that of the
family (a random effect, variances by EM). Held out in turn is every model; ``before`` is one line per family.

With ``--write`` the coefficients go to ``hwpredict/catalog/data/feature_imputation.csv``.
"""

from __future__ import annotations

import argparse
import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd

from hwpredict.catalog import models
from hwpredict.performance.rows import pixels

TARGET = Path(__file__).parents[1] / "hwpredict" / "catalog" / "data" / "feature_imputation.csv"
#: target, what it is guessed from. MACs of an image grow with its area: twice the log side is no free slope.
TASKS = (
    ("parameters", ()),
    ("parameters_given_macs", ("macs", "size")),
    ("macs", ("parameters", "size")),
    ("activations", ("macs", "parameters", "size")),
)
HEADER = (
    "Guesses of features that nobody stated, of image models; from benchmarks/feature_imputation.py. A row without",
    "an architecture: log target = intercept + slopes (natural logarithms; parameters; MACs and activation elements of",
    "one image; side of the image in pixels). A row with one: what is added for it. residual_sd: of held-out models.",
    "n: models.",
)
LEAST = 5  # models of an architecture before it gets an intercept of its own
SMALLEST = 1e3


def points(path: Path) -> pd.DataFrame:
    """One row per image model and size: logs of parameters, MACs, activation elements and side."""
    columns = ["model", "model_family", "parameters", "gmacs", "activations_m", "input_size"]
    data = pd.read_parquet(path, columns=columns)
    data = data[data.model_family.isin(["vision"]) & data.model.notna()].drop_duplicates()
    found: dict[tuple[str, float], dict[str, float | str]] = {}

    def add(name: str, label: str, size: float, values: tuple[float, float, float]) -> None:
        if not size > 0:
            return
        cell = found.setdefault((name, round(size)), {"model": name, "architecture": label, "size": math.log(size)})
        for key, value in zip(("parameters", "macs", "activations"), values, strict=True):
            if value > SMALLEST and math.isfinite(value):
                cell.setdefault(key, math.log(value))

    for name in models.known():
        known = models.features(name)
        if known.family == "vision" and known.default_input_size:
            size = known.default_input_size
            values = known.parameters, known.macs(input_size=size), known.activations(input_size=size)
            add(name, known.architecture, size, values)
    for row in data.itertuples(index=False):
        name = models.canonical(row.model)
        values = row.parameters, row.gmacs * 1e9, row.activations_m * 1e6
        add(name, models.architecture(row.model, "vision"), pixels(str(row.input_size or "")), values)
    frame = pd.DataFrame(found.values())
    for key in ("parameters", "macs", "activations"):
        if key not in frame:
            frame[key] = np.nan
    return frame


def fit(
    x: np.ndarray, y: np.ndarray, group: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, dict[str, float], float]:
    """Slopes, intercepts of the groups relative to the common one, and the residual's standard deviation."""
    names, index = np.unique(group, return_inverse=True)
    effect = np.zeros(len(names))
    between, within = 0.5, 0.5
    total = np.bincount(index, weight, len(names))
    for _ in range(200):
        design = x * np.sqrt(weight)[:, None]
        slopes = np.linalg.lstsq(design, (y - effect[index]) * np.sqrt(weight), rcond=None)[0]
        rest = y - x @ slopes
        precision = total / within + 1 / between
        effect = np.bincount(index, weight * rest, len(names)) / within / precision
        between = float(np.mean(effect**2 + 1 / precision))
        error = weight * (rest - effect[index]) ** 2 + weight / precision[index]
        within = float(error.sum() / weight.sum())
    return slopes, dict(zip(names, effect, strict=True)), math.sqrt(within)


def held_out(
    x: np.ndarray, y: np.ndarray, group: np.ndarray, weight: np.ndarray, model: np.ndarray, folds: int
) -> tuple[float, float]:
    """Root mean square error of held-out models, with one line and with intercepts of architectures."""
    rng = np.random.default_rng(0)
    names, index = np.unique(model, return_inverse=True)
    fold = rng.integers(folds, size=len(names))[index]
    one, many = np.zeros(len(y)), np.zeros(len(y))
    for k in range(folds):
        train, test = fold != k, fold == k
        line = np.linalg.lstsq(
            x[train] * np.sqrt(weight[train])[:, None], y[train] * np.sqrt(weight[train]), rcond=None
        )[0]
        one[test] = x[test] @ line
        slopes, effect, _ = fit(x[train], y[train], group[train], weight[train])
        many[test] = x[test] @ slopes + np.array([effect.get(g, 0.0) for g in group[test]])

    def error(guess: np.ndarray) -> float:
        return math.sqrt(np.average((guess - y) ** 2, weights=weight))

    return error(one), error(many)


def main() -> None:
    """Fit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    frame = points(arguments.data)
    rows = []
    print(f"{'target':24}{'models':>8}{'one line':>10}{'by architecture':>17}   RMSE of held-out models, log units")
    for target, features in TASKS:
        goal = target.removesuffix("_given_macs")
        used = frame.dropna(subset=[goal, *features])
        if not features:
            used = used.drop_duplicates("model")
        x = np.column_stack([np.ones(len(used)), *(used[f] for f in features)])
        y, model = used[goal].to_numpy(), used.model.to_numpy()
        weight = 1.0 / used.groupby("model").model.transform("size").to_numpy()  # a model counts once
        members = used.groupby("architecture").model.transform("nunique")
        group = used.architecture.where(members >= LEAST, "").to_numpy()
        one, many = held_out(x, y, group, weight, model, 20)
        print(f"{target:24}{used.model.nunique():8d}{one:10.3f}{many:17.3f}")
        slopes, effect, _ = fit(x, y, group, weight)
        common = {"intercept": slopes[0], **{f"log_{f}": s for f, s in zip(features, slopes[1:], strict=True)}}
        row = {"target": target, "architecture": "", "n": used.model.nunique(), **common, "residual_sd": many}
        rows.append(row)
        counts = used.groupby("architecture").model.nunique()
        for name, value in effect.items():
            if name:
                rows.append({"target": target, "architecture": name, "n": counts[name], "intercept": value})
    if arguments.write:
        fields = ["target", "architecture", "n", "intercept", "log_parameters", "log_macs", "log_size", "residual_sd"]
        with TARGET.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(f"# {line}\n" for line in HEADER)
            writer = csv.DictWriter(stream, fields, lineterminator="\n")
            writer.writeheader()
            for row in rows:
                writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()})


if __name__ == "__main__":
    main()
