"""What of a table of measurements the catalog knows: models, features, devices and runtimes, by source.

    uv run python benchmarks/identity_report.py DATA.parquet [--names 20]

Per source: rows; the share whose model, whose device and whose runtime the catalog recognises; the share with stated or
known parameters, MACs and activations (the rest is guessed). Then the most frequent names of each kind that it does not
recognise, to be added to the catalog or to stay a level of their own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from hwpredict.catalog import devices, models
from hwpredict.catalog.architectures import search_spaces
from hwpredict.performance import covariates, rows as r
from hwpredict.performance.runtimes import known


def report(path: Path) -> pd.DataFrame:
    """One row per measurement: the names, and whether each is recognised or stated."""
    data = pd.read_parquet(path)
    table = r.table(data.drop(columns=[c for c in ("table",) if c in data]))
    labels = covariates.covariates(table).labels
    out = pd.DataFrame({name: table[name] for name in ("source", "model", "hardware", "device", "runtime")})
    out["canonical"], out["architecture"] = labels["model"], labels["architecture"]
    out["known_model"] = r.by_unique(
        lambda name, note: models.match(name) is not None or search_spaces.features(name, note) is not None,
        table["model"],
        table["note"],
    )
    out["known_device"] = r.by_unique(
        lambda name, platform: bool(name) and devices.match(name, platform) is not None,
        table["device"],
        table["hardware"],
    )
    out["known_runtime"] = r.by_unique(known, table["runtime"])
    for column, label in (("parameters", "no_size"), ("MACs", "no_macs"), ("activations", "no_acts")):
        out[column] = labels[label] == ""
    return out


def main() -> None:
    """Print the shares and the names that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--names", type=int, default=20, help="how many unknown names of each kind")
    arguments = parser.parse_args()
    frame = report(arguments.data)
    shares = ["known_model", "known_device", "known_runtime", "parameters", "MACs", "activations"]
    summary = frame.groupby("source")[shares].mean().mul(100).round(1)
    summary.insert(0, "names", frame.groupby("source").canonical.nunique())
    summary.insert(0, "rows", frame.groupby("source").size())
    summary = summary.sort_values("rows", ascending=False)
    summary.loc["all"] = [len(frame), frame.canonical.nunique(), *frame[shares].mean().mul(100).round(1)]
    print(summary.astype({"rows": int, "names": int}).to_string())
    for kind, columns in (
        ("model", ["source", "canonical", "architecture"]),
        ("device", ["source", "device", "hardware"]),
        ("runtime", ["source", "runtime"]),
    ):
        missing = frame[~frame[f"known_{kind}"]]
        print(f"\n{kind}s not recognised: {len(missing)} rows, {missing[columns[1]].nunique()} names")
        print(missing.groupby(columns).size().sort_values(ascending=False).head(arguments.names).to_string())


if __name__ == "__main__":
    main()
