"""LLM-Pilot's setting: leave one LLM out, and rent what expected utility says serves everybody."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from choices.heldout import capped, predicted
from harness.recommendation import (
    AUTHORS,
    FIRST,
    FOLLOWING,
    MAX_ITL,
    MAX_NTTFT,
    USERS,
    cost,
    hourly,
    most_users,
    of_authors,
    published,
    summarise,
)
from hwpredict.decision.outcomes import Candidate, Outcomes
from hwpredict.decision.recommend import rank
from hwpredict.decision.utility import Utility
from hwpredict.evaluate import decisions
from hwpredict.evaluate.decisions import Purchase
from hwpredict.performance import rows as r
from hwpredict.performance.fit import fit
from hwpredict.performance.posterior import Posterior

TABLE = "ibm_llm_pilot"
#: Tables of language models that a fold may learn from besides.
TABLES = (
    TABLE, "ibm_llm_pilot_u1_bins", "argonne_llm_inference_bench", "aiconfigurator_silicon", "fastertransformer",
    "hf_optimum_benchmark", "inferencex_slo", "llamacpp_xiongjiedai",
)  # fmt: skip
#: The authors' names of the devices.
DEVICES = {
    "A100": "NVIDIA A100-40GB", "H100": "NVIDIA H100-SXM5-80GB", "A10": "NVIDIA A10", "T4": "NVIDIA T4",
    "V100": "NVIDIA V100-SXM2-16GB",
}  # fmt: skip
PHASES = ("token_prefill", "token_decode")
#: Prompt of a load that no other LLM was measured at, tokens.
USUAL_PROMPT = 110.0


def success_minus_overspend(q: Any) -> Any:
    """1 minus the overspend against the cheapest option that serves everybody in that draw; 0 where it does not."""
    served = np.asarray(q["throughput"]) >= USERS
    price = np.broadcast_to(np.asarray(q["price"]), served.shape)
    least = np.where(served, price, np.inf).min(axis=0)
    with np.errstate(invalid="ignore"):
        thrift = 2 - price / least
    return np.where(served, thrift, 0.0)


UTILITY = Utility("SLA met, less overspend", success_minus_overspend, "share of the cheapest price")


def pilot(rows: r.Table, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Leave one LLM out: recommendations and scores, beside the seven published methods."""
    frame, prices = published(folder, "LLM-Pilot"), hourly(folder)
    tables = r.take(rows, np.isin(rows["source"], TABLES))
    bought, details = [], []
    for model, truth in list(frame.groupby("model", sort=False))[: args.llms or None]:
        held = tables["model"] == model
        train = capped(r.take(tables, ~held), args)
        posterior = fit(train, iterations=args.iterations, seed=args.seed)
        users = draw_users(posterior, r.take(tables, held), train, truth, args)
        purchase, what = recommend_profile(users, most_users(truth, FIRST, FOLLOWING), prices)
        bought.append(purchase)
        details.append({"model": model, "recommended": what} | asdict(purchase))
        print(f"  {model}: {what}, {'met' if purchase.met else 'NOT met'}, {purchase.expense:.2f} USD/h against "
              f"{purchase.cheapest:.2f}", flush=True)  # fmt: skip
    out: dict[str, Any] = {}
    for name, purchases in {"hwpredict": bought, **{m: of_authors(folder, m) for m in sorted(AUTHORS)}}.items():
        s = summarise(purchases)
        print(f"  {name:<12} success {s.success:.2f}  overspend {s.overspend:.3f}  S/O {s.score:.3f} "
              f"[{s.interval[0]:.3f}, {s.interval[1]:.3f}]", flush=True)  # fmt: skip
        out[name] = asdict(s)
    return out | {"details": details}


def draw_users(
    posterior: Posterior, held: r.Table, train: r.Table, wanted: Any, args: argparse.Namespace
) -> dict[str, np.ndarray]:
    """Draws of the users that each profile serves within the limits, shape (draw,).

    Prompts and contexts are those of a production mix, the same for all LLMs: the others' at that load.
    """
    loads = sorted(set(wanted["num_users"].astype(float)))
    gpus = list(dict.fromkeys(wanted["gpu"]))
    length = {item: {u: usual_length(train, item, u) for u in loads} for item in PHASES}
    known = {c: held[c][0] for c in ("model", "model_family", "parameters", "precision", "runtime", "source")}
    cells = [
        known | {
            "hardware": "cuda", "device": DEVICES[gpu.split(" x ")[1]], "n_devices": int(gpu.split(" x ")[0]),
            "mode": "inference", "batch_size": u, "item": item, "sequence_length": length[item][u],
        }
        for gpu in gpus for item in PHASES for u in loads
    ]  # fmt: skip
    latency = predicted(posterior, r.table(cells), args).latency
    latency = latency.reshape(len(gpus), len(PHASES), len(loads), args.draws).astype(float)
    prompt = np.array([length[PHASES[0]][u] for u in loads])
    limits = {"nttft": MAX_NTTFT, "itl": MAX_ITL}
    return {
        gpu: decisions.most_users({"nttft": x[0] / prompt[:, None], "itl": x[1]}, np.array(loads), limits)
        for gpu, x in zip(gpus, latency, strict=True)
    }


def usual_length(train: r.Table, item: str, users: float) -> float:
    """Median tokens of the other LLMs at a load."""
    same = (train["source"] == TABLE) & (train["item"] == item) & (train["batch_size"] == users)
    return float(np.median(train["sequence_length"][same])) if same.any() else USUAL_PROMPT


def recommend_profile(
    users: Mapping[str, np.ndarray], real: Mapping[str, int], prices: Mapping[str, float]
) -> tuple[Purchase, str]:
    """Profile and number of pods of highest expected utility, and how it turns out."""
    options = [
        (gpu, n) for gpu, u in users.items() for n in sorted({math.ceil(USERS / x) for x in set(u.tolist()) if x > 0})
    ]
    least = min(cost(u, prices[g]) for g, u in real.items())
    if not options:
        return Purchase(float("nan"), least, False), "nothing"
    served = np.stack([users[g] * n for g, n in options]).astype(float)
    outcomes = Outcomes(
        [Candidate(f"{n} of {g}", "cuda") for g, n in options], np.maximum(served, 1e-9), np.ones_like(served),
        np.ones_like(served),
        {"capacity": np.full(len(options), np.nan), "price": np.array([n * prices[g] for g, n in options])},
    )  # fmt: skip
    best = rank(outcomes, UTILITY, constraints=()).options[0].name
    gpu, n = options[outcomes.names.index(best)]
    return Purchase(n * prices[gpu], least, n * real.get(gpu, 0) >= USERS), best
