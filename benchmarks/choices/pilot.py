"""LLM-Pilot's setting: leave one LLM out, and rent what expected utility says serves everybody.

Posteriors are fitted to the other LLMs of the table (all of their rows, and some of other tables); around their medians
stand the residuals of the other LLMs, each predicted by a posterior that saw neither it nor the one that is left out.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from choices.heldout import capped
from choices.serving import FULL, Law, Served, law, pooled, room
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
from hwpredict.evaluate.scores import crps
from hwpredict.performance import rows as r
from hwpredict.performance.fit import fit
from hwpredict.performance.predictive import predict

TABLE = "ibm_llm_pilot"
#: The same service with a single user, by length; taken whole too.
SINGLE = "ibm_llm_pilot_u1_bins"
#: Other tables of language models, and how many rows of each of them a fit takes.
TABLES, OTHER_ROWS = (TABLE, SINGLE, "argonne_llm_inference_bench", "aiconfigurator_silicon", "fastertransformer"), 100
#: The authors' names of the devices.
DEVICES = {
    "A100": "NVIDIA A100-40GB", "H100": "NVIDIA H100-SXM5-80GB", "A10": "NVIDIA A10", "T4": "NVIDIA T4",
    "V100": "NVIDIA V100-SXM2-16GB",
}  # fmt: skip
PHASES = ("token_prefill", "token_decode")
FIGURES = ("nTTFT", "ITL")
#: Requests that run at once at which the time between tokens is predicted.
GRID = 2.0 ** np.arange(-1, 8)
#: Draws of the pooled residual: the choice among a dozen profiles has to be the same with another seed.
DRAWS = 2000


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
    """Leave one LLM out: recommendations, and scores beside those of the published methods."""
    frame, prices = published(folder, "LLM-Pilot"), hourly(folder)
    setting = Setting(frame, whole_and_capped(rows, args), without_padding(folder), args)
    bought, details, scores = [], [], []
    for model in list(dict.fromkeys(frame["model"]))[: args.llms or None]:
        served, draws = setting.draws(model)
        real = most_users(frame[frame["model"] == model], FIRST, FOLLOWING)
        users = setting.users(served[0].profiles, draws)
        purchase, what = recommend_profile(users, real, prices)
        bought.append(purchase)
        scores.append([of_measured(x, s.measured) for x, s in zip(draws, served, strict=True)])
        details.append({"model": model, "recommended": what} | asdict(purchase))
        print(f"  {model}: {what}, {'met' if purchase.met else 'NOT met'}, {purchase.expense:.2f} USD/h against "
              f"{purchase.cheapest:.2f}")  # fmt: skip
        for gpu, drawn in users.items():
            low, middle, high = np.quantile(drawn, (0.05, 0.5, 0.95))
            print(f"    {gpu:<9} users {low:.0f} {middle:.0f} {high:.0f}, in truth {real.get(gpu, 0)}", flush=True)
    out: dict[str, Any] = {}
    for name, purchases in {"hwpredict": bought, **{m: of_authors(folder, m) for m in sorted(AUTHORS)}}.items():
        s = summarise(purchases)
        print(f"  {name:<12} success {s.success:.2f}  overspend {s.overspend:.3f}  S/O {s.score:.3f} "
              f"[{s.interval[0]:.3f}, {s.interval[1]:.3f}]", flush=True)  # fmt: skip
        out[name] = asdict(s)
    means = {f: float(np.concatenate(v).mean()) for f, v in zip(FIGURES, zip(*scores, strict=True), strict=True)}
    print("  CRPS of the log: " + ", ".join(f"{name} {value:.3f}" for name, value in means.items()), flush=True)
    return out | {"details": details, "crps": means}


def whole_and_capped(rows: r.Table, args: argparse.Namespace) -> r.Table:
    """LLM-Pilot's tables whole, and some rows of the others: its rows are what the published methods train on."""
    few = argparse.Namespace(rows_per_source=min(OTHER_ROWS, args.rows_per_source), seed=args.seed)
    own = np.isin(rows["source"], (TABLE, SINGLE))
    others = capped(r.take(rows, np.isin(rows["source"], TABLES) & ~own), few)
    mine = r.take(rows, own)
    return {name: np.concatenate([column, others[name]]) for name, column in mine.items()}


def without_padding(folder: Path) -> dict[str, bool]:
    """Whether each LLM is served by flash attention, as the authors' features say; others pad their batches."""
    features = pd.read_csv(folder / "llm_features.csv").set_index("model")["model_is_flash_attention"]
    return {str(k): str(v).casefold() == "true" for k, v in features.items()}


def of_measured(draws: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """CRPS of log draws of shape (profile, load, draw) where something was measured, shape (case,)."""
    ok = np.isfinite(measured)
    return np.asarray(crps(draws[ok], measured[ok]))


@dataclass
class Setting:
    """LLM-Pilot's table, and hwpredict's medians for LLMs that a fit was not shown.

    Attributes
    ----------
    frame : pandas.DataFrame
        What was measured: model, gpu, num_users, median nTTFT and ITL.
    tables : dict of str to ndarray
        Rows to learn from.
    flash : mapping of str to bool
    args : argparse.Namespace
    said : dict
        Log medians that were predicted, by the LLMs that were left out: time between tokens, shape (profile, batch),
        and time to first token per prompt token, shape (profile, load).
    """

    frame: Any
    tables: r.Table
    flash: Mapping[str, bool]
    args: argparse.Namespace
    said: dict[frozenset[str], dict[str, tuple[np.ndarray, np.ndarray]]] = field(default_factory=dict)

    @property
    def loads(self) -> np.ndarray:
        """Users, ascending."""
        return np.array(sorted(set(self.frame["num_users"].astype(float))))

    def profiles(self, model: str) -> list[str]:
        """GPU profiles that the authors measured a model on."""
        return list(dict.fromkeys(self.frame["gpu"][self.frame["model"] == model]))

    def draws(self, model: str) -> tuple[tuple[Served, Served], tuple[np.ndarray, np.ndarray]]:
        """What is known of a left-out LLM, and log draws of its nTTFT and ITL, each of shape (profile, load, draw)."""
        rng = np.random.default_rng(self.args.seed)
        server = self.law(model)
        target = self.served(model, server, frozenset([model]))
        others = [m for m in dict.fromkeys(self.frame["model"]) if m != model]
        known = [self.served(m, server, frozenset([model, m])) for m in others]
        nttft, itl = (
            t.said[..., None] + pooled(t, [s[k] for s in known], self.loads, DRAWS, rng) for k, t in enumerate(target)
        )
        return target, (nttft, itl)

    def users(self, profiles: list[str], draws: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
        """Draws of the users that each profile serves within the limits, shape (draw,)."""
        limits = {"nttft": MAX_NTTFT, "itl": MAX_ITL}
        return {
            gpu: decisions.most_users({k: np.exp(x[i]) for k, x in zip(limits, draws, strict=True)}, self.loads, limits)
            for i, gpu in enumerate(profiles)
        }

    def law(self, model: str) -> Law:
        """The server, as measured with the other LLMs."""
        rows = r.take(self.tables, (self.tables["source"] == TABLE) & (self.tables["model"] != model))
        decode = r.take(rows, rows["item"] == PHASES[1])
        running: dict[tuple[str, str, int], np.ndarray] = {}
        columns = (decode[c].tolist() for c in ("model", "device", "n_devices", "batch_size"))
        for name, device, n, users, run in zip(*columns, decoding(decode), strict=True):
            mine = running.setdefault((name, device, int(n)), np.full(len(self.loads), np.nan))
            mine[np.searchsorted(self.loads, users)] = run
        measured = [(self.flash[key[0]], room(*key), run) for key, run in running.items()]
        new = [float(m[1]) for note in decode["note"].tolist() if (m := re.search(r"out=(\d+)", note))]
        return law(measured, self.loads, float(np.median(new)) if new else 1.0)

    def served(self, model: str, server: Law, out: frozenset[str]) -> tuple[Served, Served]:
        """Figures of a model (nTTFT, ITL) on its profiles under each load, by a posterior that saw none of ``out``."""
        grid, first = self.predicted(out)[model]
        gpus = self.profiles(model)
        number = np.array([float(g.split(" x ")[0]) for g in gpus])
        names = [g.split(" x ")[1] for g in gpus]
        slots = np.array([
            server.log_slots(self.flash[model], room(model, DEVICES[d], int(n)))
            for d, n in zip(names, number, strict=True)
        ])  # fmt: skip
        run = server.running(slots)
        itl = np.stack([np.interp(x, np.log(GRID), y) for x, y in zip(run, grid, strict=True)])
        prompt = np.array([usual_length(self.tables, PHASES[0], u, out) for u in self.loads])
        nttft = np.log(np.exp(first) + server.waits(np.exp(itl), run) / prompt)
        mine = self.frame[self.frame["model"] == model].pivot(index="gpu", columns="num_users")
        measured = [
            np.log(mine[column].reindex(index=gpus, columns=self.loads.astype(int)).to_numpy(dtype=float))
            for column in (FIRST, FOLLOWING)
        ]
        nttft_, itl_ = (
            Served(gpus, number, slots, names, self.flash[model], x, y)
            for x, y in zip((nttft, itl), measured, strict=True)
        )
        return nttft_, itl_

    def predicted(self, out: frozenset[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Log medians for the LLMs in ``out`` by a posterior that saw none of them; each set is fitted once."""
        if out in self.said:
            return self.said[out]
        train = r.take(self.tables, ~np.isin(self.tables["model"], list(out)))
        posterior = fit(unqueued(train), iterations=self.args.iterations, seed=self.args.seed)
        context = float(np.median(train["sequence_length"][(train["source"] == TABLE) & (train["item"] == PHASES[1])]))
        prompts = [usual_length(self.tables, PHASES[0], u, out) for u in self.loads]
        found = {}
        for model in sorted(out):
            held = r.take(self.tables, (self.tables["model"] == model) & (self.tables["source"] == TABLE))
            known = {c: held[c][0] for c in ("model", "model_family", "parameters", "precision", "runtime", "source")}
            queue = {item: held["note"][held["item"] == item][0] for item in PHASES}
            gpus = self.profiles(model)
            cells = [
                known | {"hardware": "cuda", "device": DEVICES[gpu.split(" x ")[1]], "mode": "inference", "item": item,
                         "n_devices": int(gpu.split(" x ")[0]), "batch_size": b, "sequence_length": n,
                         "note": queue[item]}
                for item, batches, lengths in (
                    (PHASES[1], GRID.tolist(), [context] * len(GRID)), (PHASES[0], self.loads.tolist(), prompts)
                )
                for gpu in gpus for b, n in zip(batches, lengths, strict=True)
            ]  # fmt: skip
            p = predict(posterior, r.table(cells), draws=self.args.draws, seed=self.args.seed, probabilities=(0.5,))
            median, end = np.log(p.latency[:, 0].astype(float)), len(gpus) * len(GRID)
            first = median[end:].reshape(len(gpus), -1) - np.log(prompts)
            found[model] = median[:end].reshape(len(gpus), -1), first
        self.said[out] = found
        return found


def decoding(rows: r.Table) -> np.ndarray:
    """Requests that decode at once (Little's law): tokens per second times seconds between tokens."""
    return np.asarray(rows["throughput"] * rows["latency_ms"] / 1e3)


def unqueued(train: r.Table) -> r.Table:
    """Rows to fit: time between tokens by the requests that run, and no times to first token that are a queue's."""
    own = train["source"] == TABLE
    decode = own & (train["item"] == PHASES[1])
    names = [
        "|".join(map(str, k))
        for k in zip(*(train[c].tolist() for c in ("model", "device", "n_devices", "batch_size")), strict=True)
    ]
    run = decoding(train)
    share = {names[i]: run[i] / train["batch_size"][i] for i in np.flatnonzero(decode)}
    queued = own & (train["item"] == PHASES[0]) & (np.array([share.get(n, 1.0) for n in names]) < FULL)
    batch = np.where(decode & np.isfinite(run), np.maximum(run, GRID[0]), train["batch_size"])
    return r.take(train | {"batch_size": batch}, ~queued)


def usual_length(rows: r.Table, item: str, users: float, out: frozenset[str] = frozenset()) -> float:
    """Median tokens at a load, of the LLMs that are not left out: requests are a production mix, the same for all."""
    same = (rows["source"] == TABLE) & (rows["item"] == item) & (rows["batch_size"] == users)
    return float(np.median(rows["sequence_length"][same & ~np.isin(rows["model"], list(out))]))


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
