r"""LLM-Pilot's table: each language model left out in turn, and which GPUs one would have rented for it.

    uv run --group bench python benchmarks/published/llm_pilot.py DATA.parquet [--llm-pilot FOLDER]

FOLDER holds the authors' ``expected_predictions_*.csv`` and ``prices.csv`` (repository IBM/LLM-performance-prediction,
CDLA-Permissive-2.0): the measured median of the normalised TTFT, which the table lacks, and what LLM-Pilot and six
rivals predicted. With it TTFT is scored per prompt token, and the recommendation is scored as in the paper.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the folder of the harness

from harness import options
from harness.data import Data, Target
from harness.published import run_all, save, show, write
from harness.recommendation import (
    AUTHORS,
    FIRST,
    FOLLOWING,
    REFERENCES,
    TWO_SHOT,
    hourly,
    published,
    score_recommendations,
)
from harness.results import Collected, markdown, number, percent
from harness.tasks import left_out
from hwpredict.evaluate.scores import LEVELS
from published.quoted import LLM_PILOT, quoted
from rivals.table import METHODS

TABLE, SPLIT = "ibm_llm_pilot", "LLM-Pilot: unseen LLM"
ITL, NTTFT = Target("ITL", "latency", "decode"), Target("nTTFT", "latency", "prefill")
#: The authors' names of the devices.
DEVICES = {
    "NVIDIA A10": "A10",
    "NVIDIA A100-40GB": "A100",
    "NVIDIA H100-SXM5-80GB": "H100",
    "NVIDIA T4": "T4",
    "NVIDIA V100-SXM2-16GB": "V100",
}
#: Predictive quantiles at which a recommendation is made: the median, and one that is surer to keep the limits.
RISKS = (0.5, 0.75)


def profile(frame: Any) -> Any:
    """The authors' name of each row's GPU profile ("2 x A100")."""
    return frame["n_devices"].astype(int).astype(str) + " x " + frame["device"].map(DEVICES)


def prompt(frame: Any) -> Any:
    """Mean prompt length that each row's note states, tokens."""
    return frame["note"].str.extract(r"mean in=(\d+)")[0].astype(float)


def normalised(measured: pd.DataFrame) -> Callable[[Any], Any]:
    """Edit of the table: TTFT becomes the published median of the normalised TTFT times the mean prompt.

    The two experiments that the table lacks are added from the published figures, as the next lower load of the same
    model and GPUs with twice the users.
    """
    keyed = measured.set_index(["model", "gpu", "num_users"])

    def edit(frame: Any) -> Any:
        own = frame[frame["table"] == TABLE]
        others = frame[frame["table"] != TABLE]
        have = set(zip(own["model"], profile(own), own["batch_size"].astype(int), strict=True))
        added = []
        for model, gpu, users in sorted(set(keyed.index) - have):
            near = own[(own["model"] == model) & (profile(own) == gpu) & (own["batch_size"] == users / 2)].copy()
            near["batch_size"], near["throughput"] = float(users), np.nan
            near.loc[near["item"] == "token_decode", "latency_ms"] = keyed.loc[(model, gpu, users), "median_itl"]
            added.append(near)
        own = pd.concat([own, *added], ignore_index=True)
        first = own["item"] == "token_prefill"
        key = pd.MultiIndex.from_arrays([own["model"], profile(own), own["batch_size"].astype(int)])
        per_token = keyed["median_nttft"].reindex(key).to_numpy()
        own.loc[first, "latency_ms"] = (per_token * prompt(own))[first]
        return pd.concat([own, others], ignore_index=True)

    return edit


def configurations(data: Data, rows: Any) -> pd.DataFrame:
    """Model, GPU profile and users of some rows, and their mean prompt."""
    columns = ("model", "device", "n_devices", "batch_size", "note")
    frame = pd.DataFrame({name: data.rows[name][rows] for name in columns})
    return pd.DataFrame({
        "model": frame["model"],
        "gpu": profile(frame),
        "num_users": frame["batch_size"].astype(int),
        "prompt": prompt(frame),
    })  # fmt: skip


def predictions(collected: Collected, method: str, level: float) -> pd.DataFrame:
    """A predictive quantile of ITL and nTTFT of every configuration."""
    position = LEVELS.index(level)
    out = []
    for target in (ITL, NTTFT):
        parts = []
        for task, entry in collected[SPLIT, target.name, method]:
            frame = configurations(task.data, entry.rows)
            figure = np.exp(entry.cases.quantiles[:, position])
            frame[target.name] = figure / frame["prompt"] if target is NTTFT else figure
            parts.append(frame.drop(columns="prompt"))
        out.append(pd.concat(parts))
    return out[0].merge(out[1], on=["model", "gpu", "num_users"])


def recommendations(collected: Collected, folder: Path) -> tuple[str, xr.Dataset]:
    """Success, overspend and S/O of every method and of the authors' predictions, as a table and a dataset."""
    truth = published(folder, "LLM-Pilot").rename(columns={FOLLOWING: ITL.name, FIRST: NTTFT.name})
    prices = hourly(folder)
    entries: list[tuple[str, pd.DataFrame]] = []
    done = [m for m in METHODS if all((SPLIT, t.name, m) in collected for t in (ITL, NTTFT))]
    for method in done:
        entries += [(f"{method}, {level:.0%} quantile", predictions(collected, method, level)) for level in RISKS]
    for name in AUTHORS:
        names = {f"prediction_{FOLLOWING}": ITL.name, f"prediction_{FIRST}": NTTFT.name}
        frame = published(folder, name)[["model", "gpu", "num_users", *names]]
        entries.append((f"{name} (authors' predictions)", frame.rename(columns=names)))
    rows, values = [], []
    for name, frame in entries:
        known = REFERENCES if name.partition(" (")[0] in TWO_SHOT else ()
        s = score_recommendations(truth, frame, prices, first=NTTFT.name, following=ITL.name, known=known)
        merged = truth.merge(frame, on=["model", "gpu", "num_users"], suffixes=("", " predicted"))
        errors = [float(np.median(np.abs(merged[f"{t.name} predicted"] / merged[t.name] - 1))) for t in (ITL, NTTFT)]
        values.append([s.success, s.overspend, s.score, *errors])
        low, high = s.interval
        rows.append([
            name, f"{s.success:.0%}", percent(s.overspend), f"{number(s.score)} [{number(low)}, {number(high)}]",
            *map(percent, errors),
        ])  # fmt: skip
    header = ["method", "success", "overspend", "S/O [90 % bootstrap]", "ITL MdAPE", "nTTFT MdAPE"]
    names = ["success", "overspend", "so_score", "itl_medape", "nttft_medape"]
    out = xr.DataArray(
        np.array(values),
        coords={"recommender": [e[0] for e in entries], "figure": names},
        dims=("recommender", "figure"),
    )
    return markdown(header, rows), out.to_dataset(name="recommendation")


def main() -> None:
    parser = options.parser(__doc__.splitlines()[0], cap=0, name="llm_pilot")
    parser.add_argument("--llm-pilot", type=Path, help="folder of the authors' predictions and prices")
    options.add_other_tables(parser)
    args = parser.parse_args()
    run = options.run_options(args, targets=(ITL, NTTFT), min_rows=10)
    edit = normalised(published(args.llm_pilot, "LLM-Pilot")) if args.llm_pilot else None
    data = options.load_own(args, TABLE, edit)
    tasks = list(left_out(data, SPLIT, data.labels["model"], among=data.rows["source"] == TABLE))
    collected = run_all(tasks, run)
    scores = save(collected, args.name, args, {"title": "LLM-Pilot's table, each LLM left out in turn"})
    show(scores)
    if args.llm_pilot:
        table, recommended = recommendations(collected, args.llm_pilot)
        write(scores.merge(recommended), args.name, args)
        print(f"\n{table}")
    else:
        print("\nTTFT is not normalised and no recommendation is scored: give --llm-pilot FOLDER")
    print(f"\nbars: ITL CRPS at most .17, nTTFT .26, S/O above .801\n\n{quoted(LLM_PILOT)}")


if __name__ == "__main__":
    main()
