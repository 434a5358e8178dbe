r"""Decisions against what was measured: LLM-Pilot's setting, realised regret, calibration, value of information.

    uv run --group bench python benchmarks/decisions.py DATA.parquet [--parts pilot,regret,calibration,information] \
        [--pilot DIR] [--iterations 8] [--rows-per-source 2000] [--model-posterior p.nc] [--device-posterior p.nc]

*pilot*: leave one LLM out of LLM-Pilot's table, its SLA (100 ms a prompt token, 50 ms between tokens), its prices:
success rate, overspend and their score, beside the seven published methods re-scored from the authors' files in DIR.
*regret*: on models that the fit never saw, choose among what was measured by expected utility, by the point estimate of
the same model, by LightGBM's median and by the plain roofline. *calibration*: P(best), P(feasible) and P(fits) on the
same rows. *information*: on devices that the fit never saw, benchmarks to reach a regret by advice and by chance.

A fit per fold takes minutes; ``--model-posterior`` and ``--device-posterior`` take fitted ones, which must have been
fitted without the rows that are held out here (the split is by ``--seed``; ``--print-split`` lists what to leave out).
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwpredict.decision.information import condition, run_until_settled
from hwpredict.decision.outcomes import Candidate, Outcomes
from hwpredict.decision.preferences import Preferences
from hwpredict.decision.recommend import rank
from hwpredict.decision.utility import UTILITIES, Utility
from hwpredict.evaluate.decisions import (
    Purchase,
    bootstrap,
    most_users,
    realised_regret,
    reliability,
    success_overspend,
    worst,
)
from hwpredict.evaluate.splits import grouped_split
from hwpredict.performance import rows as r
from hwpredict.performance.covariates import covariates
from hwpredict.performance.fit import fit
from hwpredict.performance.posterior import Posterior
from hwpredict.performance.predictive import Prediction, predict
from hwpredict.store import read_measurements

#: LLM-Pilot: limits of the normalised time to first token and of the time between tokens, ms; users to serve.
LIMITS = {"nttft": 100.0, "itl": 50.0}
USERS = 200
PILOT = ("ibm_llm_pilot", "ibm_llm_pilot_u1_bins")
#: Tables of language models that a fold of LLM-Pilot may learn from besides.
LLM_TABLES = (
    *PILOT, "argonne_llm_inference_bench", "aiconfigurator_silicon", "fastertransformer", "hf_optimum_benchmark",
    "inferencex_slo", "llamacpp_xiongjiedai",
)  # fmt: skip
#: Methods that measured the held-out LLM on two reference profiles, as the authors count them.
TWO_SHOT, REFERENCES = ("PARIS", "Selecta", "Morphling"), ("1 x T4", "4 x H100")
VIOLATION = np.log(10.0)  #: a broken SLO counts as a tenth of the speed
OOM = np.log(100.0)  #: running out of memory as a hundredth
GB = (4, 6, 8, 11, 16, 24, 40, 80)  #: capacities that P(fits) is asked at


def choose_rows(rows: r.Table, per_source: int, seed: int) -> np.ndarray:
    """At most so many rows of each source: a fold has to fit in minutes."""
    rng = np.random.default_rng(seed)
    keep = np.zeros(r.length(rows), dtype=bool)
    for source in sorted(set(rows["source"].tolist())):
        mine = np.flatnonzero(rows["source"] == source)
        keep[mine if len(mine) <= per_source else rng.choice(mine, per_source, replace=False)] = True
    return keep


# ---------------------------------------------------------------------------------------------------------- LLM-Pilot


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def score_published(folder: Path) -> dict[str, list[Purchase]]:
    """Recommendations of the seven published methods, from the authors' predictions."""
    prices = {row["GPU"]: float(row["price"]) for row in read(folder / "prices.csv") if row["GPU"]}
    out = {}
    for path in sorted(folder.glob("expected_predictions_*.csv")):
        method = path.stem.removeprefix("expected_predictions_")
        table = read(path)
        purchases = []
        for model in dict.fromkeys(row["model"] for row in table):
            predicted, truth = {}, {}
            for gpu in dict.fromkeys(row["gpu"] for row in table if row["model"] == model):
                mine = [row for row in table if row["model"] == model and row["gpu"] == gpu]
                loads = np.array([float(row["num_users"]) for row in mine])
                figures = [{k: np.array([float(row[p + f"median_{k}"]) for row in mine]) for k in LIMITS}
                           for p in ("prediction_", "")]  # fmt: skip
                predicted[gpu], truth[gpu] = (int(most_users(f, loads, LIMITS)) for f in figures)
                if method in TWO_SHOT and gpu in REFERENCES:
                    predicted[gpu] = truth[gpu]
            purchases.append(buy(predicted, truth, prices))
        out[method] = purchases
    return out


def buy(users: dict[str, int], truth: dict[str, int], prices: dict[str, float]) -> Purchase:
    """The cheapest profile that is predicted to serve everybody."""
    cost = {g: np.ceil(USERS / u) * prices[g] for g, u in users.items() if u > 0}
    true = {g: np.ceil(USERS / u) * prices[g] for g, u in truth.items() if u > 0}
    if not cost:
        return Purchase(float("nan"), min(true.values()), False)
    gpu = min(cost, key=lambda g: cost[g])
    return Purchase(cost[gpu], min(true.values()), bool(np.ceil(USERS / users[gpu]) * truth[gpu] >= USERS))


def success_minus_overspend(q: Any) -> Any:
    """1 minus the overspend against the cheapest option that serves everybody in that draw; 0 where it does not."""
    served = np.asarray(q["throughput"]) >= USERS
    price = np.broadcast_to(np.asarray(q["price"]), served.shape)
    cheapest = np.where(served, price, np.inf).min(axis=0)
    with np.errstate(invalid="ignore"):
        thrift = 2 - price / cheapest
    return np.where(served, thrift, 0.0)


PILOT_UTILITY = Utility("SLA met, less overspend", success_minus_overspend, "share of the cheapest price")


def pilot(rows: r.Table, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Leave one LLM out."""
    truth = read(folder / "expected_predictions_LLM-Pilot.csv")
    prices = {row["GPU"]: float(row["price"]) for row in read(folder / "prices.csv") if row["GPU"]}
    tables = r.take(rows, np.isin(rows["source"], LLM_TABLES))
    purchases, details = [], []
    for model in dict.fromkeys(row["model"] for row in truth):
        held = tables["model"] == model
        train = r.take(tables, ~held)
        train = r.take(train, choose_rows(train, args.rows_per_source, args.seed))
        posterior = fit(train, iterations=args.iterations, seed=args.seed)
        mine = [row for row in truth if row["model"] == model]
        users = draw_users(posterior, r.take(tables, held), train, mine, args)
        real = {}
        for gpu in users:
            of = [row for row in mine if row["gpu"] == gpu]
            figures = {k: np.array([float(row[f"median_{k}"]) for row in of]) for k in LIMITS}
            real[gpu] = int(most_users(figures, np.array([float(row["num_users"]) for row in of]), LIMITS))
        purchase, what = recommend_profile(users, real, prices)
        purchases.append(purchase)
        details.append({"model": model, "recommended": what} | asdict(purchase))
        print(f"  {model}: {what}, {'met' if purchase.met else 'NOT met'}, {purchase.expense:.2f} USD/h against "
              f"{purchase.cheapest:.2f}", flush=True)  # fmt: skip
    return {"purchases": purchases, "details": details}


def draw_users(
    posterior: Posterior, held: r.Table, train: r.Table, wanted: list[dict[str, str]], args: argparse.Namespace
) -> dict[str, np.ndarray]:
    """Draws of the users that each profile serves within the limits, shape (draw,)."""
    loads = sorted({float(row["num_users"]) for row in wanted})
    gpus = list(dict.fromkeys(row["gpu"] for row in wanted))
    names = {"A100": "NVIDIA A100-40GB", "H100": "NVIDIA H100-SXM5-80GB", "A10": "NVIDIA A10", "T4": "NVIDIA T4",
             "V100": "NVIDIA V100-SXM2-16GB"}  # fmt: skip
    # prompts and contexts of a production mix, the same for all: those of the other LLMs at that load
    table = [row for row in zip(*(train[c] for c in ("source", "item", "batch_size", "sequence_length")), strict=True)
             if row[0] == PILOT[0]]  # fmt: skip
    length = {item: {u: float(np.median([s for _, i, b, s in table if i == item and b == u] or [110.0])) for u in loads}
              for item in ("token_prefill", "token_decode")}  # fmt: skip
    known = {c: held[c][0] for c in ("model", "model_family", "parameters", "precision", "runtime", "source")}
    cells = [
        known | {"hardware": "cuda", "device": names[gpu.split(" x ")[1]], "n_devices": int(gpu[0]),
                 "mode": "inference",
                 "batch_size": u, "item": item, "sequence_length": length[item][u]}
        for gpu in gpus for item in ("token_prefill", "token_decode") for u in loads
    ]  # fmt: skip
    p = predict(posterior, r.table(cells), draws=args.draws, seed=args.seed)
    latency = p.latency.reshape(len(gpus), 2, len(loads), args.draws).astype(float)
    prompt = np.array([length["token_prefill"][u] for u in loads])
    out = {}
    for i, gpu in enumerate(gpus):
        figures = {"nttft": latency[i, 0] / prompt[:, None], "itl": latency[i, 1]}
        out[gpu] = most_users(figures, np.array(loads), LIMITS)
    return out


def recommend_profile(
    users: dict[str, np.ndarray], real: dict[str, int], prices: dict[str, float]
) -> tuple[Purchase, str]:
    """Profile and number of copies of highest expected utility."""
    options = [
        (gpu, n)
        for gpu, u in users.items()
        for n in sorted({int(np.ceil(USERS / x)) for x in set(u.tolist()) if x > 0})
    ]
    true = min(np.ceil(USERS / u) * prices[g] for g, u in real.items() if u > 0)
    if not options:
        return Purchase(float("nan"), float(true), False), "nothing"
    served = np.stack([users[g] * n for g, n in options]).astype(float)
    outcomes = Outcomes(
        [Candidate(f"{n} of {g}", "cuda") for g, n in options], np.maximum(served, 1e-9), np.ones_like(served),
        np.ones_like(served),
        {"capacity": np.full(len(options), np.nan), "price": np.array([n * prices[g] for g, n in options])},
    )  # fmt: skip
    best = rank(outcomes, PILOT_UTILITY, constraints=()).options[0].name
    gpu, n = options[outcomes.names.index(best)]
    return Purchase(n * prices[gpu], float(true), n * real[gpu] >= USERS), best


# ------------------------------------------------------------------------------------------------ held-out decisions


@dataclass(frozen=True)
class Context:
    """One decision: what was measured for one workload.

    Attributes
    ----------
    index : ndarray of int
        Rows, one per option.
    log_speed, log_latency : ndarray, shape (option,)
        As measured; NaN where a figure is missing.
    """

    index: np.ndarray
    log_speed: np.ndarray
    log_latency: np.ndarray


WORKLOAD = ("model", "mode", "item", "input_size", "sequence_length")
OPTION = ("device", "hardware", "precision", "runtime", "layout", "n_devices")


def contexts(rows: r.Table, keys: Sequence[str] = WORKLOAD, options: Sequence[str] = OPTION) -> Iterator[Context]:
    """Workloads that were measured on at least three options, the newest row of each option."""
    speed = np.log(rows["throughput"])
    latency = np.log(rows["latency_ms"])
    # LLM rows compare at one batch; timm reports each option at its own largest batch
    batch = np.where(rows["model_family"] == "vision", 0.0, np.nan_to_num(rows["batch_size"]))
    names = ["|".join(map(str, k)) for k in zip(*(rows[c].tolist() for c in keys), batch.tolist(), strict=True)]
    who = ["|".join(map(str, k)) for k in zip(*(rows[c].tolist() for c in options), strict=True)]
    ok = np.isfinite(speed)
    groups: dict[str, dict[str, int]] = {}
    for i in np.flatnonzero(ok):
        groups.setdefault(names[i], {})[who[i]] = int(i)
    for group in groups.values():
        if len(group) >= 3:
            index = np.array(list(group.values()))
            yield Context(index, speed[index], latency[index])


def slo_of(c: Context) -> float:
    """A limit that half of the options keep."""
    return float(np.nanmedian(c.log_latency))


def chosen_by(c: Context, speed: np.ndarray, latency: np.ndarray, slo: float | None) -> int:
    """Best option by draws of log throughput and log latency, shape (option, draw)."""
    value = speed if slo is None else speed - VIOLATION * (latency > slo)
    return int(value.mean(axis=1).argmax())


def inputs(rows: r.Table) -> Any:
    """What a rival sees of rows."""
    from rivals.base import Inputs  # of the group bench, like what it imports

    x = covariates(rows)
    return Inputs(x.numbers, x.labels)


def boosted_median(train: r.Table, held: r.Table, args: argparse.Namespace) -> np.ndarray:
    """LightGBM's median of log throughput, fitted to what the plain roofline leaves over."""
    from rivals import lightgbm_quantile
    from rivals.features import mostly_unseen, physics

    known, new = inputs(train), inputs(held)
    fitted = lightgbm_quantile.fit(
        known, np.log(train["throughput"]) - physics(known, "throughput"), threads=1, seed=args.seed,
        exclude=mostly_unseen(known, new), rounds=args.rounds,
    )  # fmt: skip
    return np.asarray(np.median(fitted(new), axis=1) + physics(new, "throughput"))


def regret(rows: r.Table, test: np.ndarray, posterior: Posterior, args: argparse.Namespace) -> dict[str, Any]:
    """Mean realised regret of four ways to choose, with a paired bootstrap against the first."""
    held = r.take(rows, test)
    p = predict(posterior, held, draws=args.draws, seed=args.seed)
    speed, latency = np.log(p.throughput.astype(float)), np.log(p.latency.astype(float))
    train = r.take(rows, ~test & np.isfinite(rows["throughput"]) & (rows["throughput"] > 0))
    train = r.take(train, choose_rows(train, args.rows_per_source, args.seed))
    from rivals.features import physics

    boosted = boosted_median(train, held, args)
    plain = physics(inputs(held), "throughput")
    items = np.log(held["batch_size"]) + np.log(1e3)
    # a point predictor of throughput implies a latency: that of a synchronous loop
    methods: dict[str, tuple[np.ndarray, np.ndarray]] = {
        "expected utility": (speed, latency),
        "point estimate": (np.median(speed, axis=1)[:, None], np.median(latency, axis=1)[:, None]),
        "LightGBM median": (boosted[:, None], (items - boosted)[:, None]),
        "plain roofline": (plain[:, None], (items - plain)[:, None]),
    }
    out: dict[str, Any] = {}
    for task in ("fastest", "fastest within an SLO"):
        lost: dict[str, list[float]] = {m: [] for m in methods}
        for c in contexts(held):
            slo = None
            if task != "fastest":
                if not np.isfinite(c.log_latency).all():
                    continue
                slo = slo_of(c)
            realised = c.log_speed - (0 if slo is None else VIOLATION * (c.log_latency > slo))
            for name, (s, t) in methods.items():
                lost[name].append(realised_regret(realised, chosen_by(c, s[c.index], t[c.index], slo)))
        out[task] = report_regret(task, lost)
    return out | {"largest batch in memory": batches(rows, test, posterior, args)}


def batches(rows: r.Table, test: np.ndarray, posterior: Posterior, args: argparse.Namespace) -> dict[str, Any]:
    """Choose a batch for a device of so much memory: too large a one counts as a hundredth of the speed."""
    from rivals import lightgbm_quantile
    from rivals.features import mostly_unseen, resident

    sized = np.isfinite(rows["memory_mb"]) & (rows["memory_mb"] > 0) & np.isfinite(rows["batch_size"])
    held, train = r.take(rows, test & sized), r.take(rows, ~test & sized)
    train = r.take(train, choose_rows(train, args.rows_per_source, args.seed))
    if not r.length(held) or not r.length(train):
        return {}
    known, new = inputs(train), inputs(held)
    fitted = lightgbm_quantile.fit(
        known, np.log(train["memory_mb"]) - resident(known), threads=1, seed=args.seed,
        exclude=mostly_unseen(known, new), rounds=args.rounds,
    )  # fmt: skip
    draws = np.log(predict(posterior, held, draws=args.draws, seed=args.seed).memory.astype(float))
    methods = {
        "expected utility": draws,
        "point estimate": np.median(draws, axis=1)[:, None],
        "LightGBM median": (np.median(fitted(new), axis=1) + resident(new))[:, None],
        "plain physics": resident(new)[:, None],
    }
    keys = ("model", "precision", "mode", "source", "device", "input_size", "n_devices")
    groups: dict[str, dict[float, int]] = {}
    for i, key in enumerate(zip(*(held[c].tolist() for c in keys), strict=True)):
        groups.setdefault("|".join(map(str, key)), {})[float(held["batch_size"][i])] = i
    lost: dict[str, list[float]] = {m: [] for m in methods}
    for group in groups.values():
        index = np.array(list(group.values()))
        size, seen = np.log(list(group)), held["memory_mb"][index]
        for capacity in GB:
            fits = seen <= capacity * 1e3
            if fits.all() or not fits.any():
                continue
            realised = size - OOM * ~fits
            for name, x in methods.items():
                value = size - OOM * (x[index] > np.log(capacity * 1e3)).mean(axis=1)
                lost[name].append(realised_regret(realised, int(value.argmax())))
    return report_regret("largest batch in memory", lost)


def report_regret(task: str, lost: dict[str, list[float]]) -> dict[str, Any]:
    """Print mean regrets, and how much more than that of the first method they are."""
    first = next(iter(lost.values()))
    print(f"  {task}: {len(first)} decisions")
    for name, values in lost.items():
        gap = [a - b for a, b in zip(values, first, strict=True)]
        low, high = bootstrap(gap, lambda v: float(np.mean(v))) if gap else (np.nan, np.nan)
        mean, more = (float(np.mean(v)) if v else np.nan for v in (values, gap))
        print(f"    {name:<18} mean regret {mean:.4f}   more than by expected utility: {more:+.4f} "
              f"[{low:+.4f}, {high:+.4f}]", flush=True)  # fmt: skip
    return {"decisions": len(first)} | {m: float(np.mean(v)) if v else None for m, v in lost.items()}


def calibration(rows: r.Table, test: np.ndarray, posterior: Posterior, args: argparse.Namespace) -> dict[str, Any]:
    """P(best), P(feasible) and P(fits) against what was measured."""
    held = r.take(rows, test)
    p = predict(posterior, held, draws=args.draws, seed=args.seed)
    speed, latency = np.log(p.throughput.astype(float)), np.log(p.latency.astype(float))
    stated: dict[str, list[float]] = {"P(best)": [], "P(feasible)": [], "P(fits)": []}
    came: dict[str, list[bool]] = {k: [] for k in stated}
    for c in contexts(held):
        s = speed[c.index]
        stated["P(best)"] += (s == s.max(axis=0)).mean(axis=1).tolist()
        came["P(best)"] += (c.log_speed == c.log_speed.max()).tolist()
        ok = np.isfinite(c.log_latency)
        if ok.sum() >= 3:
            limit = slo_of(c)
            stated["P(feasible)"] += (latency[c.index[ok]] <= limit).mean(axis=1).tolist()
            came["P(feasible)"] += (c.log_latency[ok] <= limit).tolist()
    seen = held["memory_mb"]
    known = np.isfinite(seen) & (seen > 0)
    for size in GB:
        stated["P(fits)"] += (p.memory[known] <= size * 1e3).mean(axis=1).tolist()
        came["P(fits)"] += (seen[known] <= size * 1e3).tolist()
    out = {}
    for name, values in stated.items():
        bins = reliability(np.array(values), np.array(came[name]))
        print(f"  {name}: {len(values)} cases, worst bin of at least 100 off by {worst(bins):.3f}")
        for b in bins:
            print(f"    {b.low:.1f}-{b.high:.1f}  n {b.n:>6}  stated {b.stated:.3f}  observed {b.observed:.3f}")
        out[name] = {"worst": worst(bins), "bins": [asdict(b) for b in bins]}
    return out


# ------------------------------------------------------------------------------------------------ value of information


def as_outcomes(p: Prediction, rows: r.Table, index: np.ndarray, draws: int) -> Outcomes:
    """Predicted rows as options; throughput per item of one step, so that batches compare."""
    candidates = [Candidate(f"{k}: {rows['device'][i]}", str(rows["hardware"][i])) for k, i in enumerate(index)]
    n = len(index)
    return Outcomes(
        candidates, p.throughput[index], p.latency[index], p.memory[index],
        {"capacity": np.full(n, np.nan), "price": np.full(n, np.nan), "power": np.full(n, np.nan)},
        cluster=np.arange(draws) % draws,
    )  # fmt: skip


def information(rows: r.Table, test: np.ndarray, posterior: Posterior, args: argparse.Namespace) -> dict[str, Any]:
    """Benchmarks until the realised regret is small, by advice and by chance."""
    held = r.take(rows, test)
    p = predict(posterior, held, draws=args.draws, seed=args.seed)
    wanted = Preferences(utility=UTILITIES["throughput"], constraints=())
    rng = np.random.default_rng(args.seed)
    found = [c for c in contexts(held, options=("device", "hardware")) if len(c.index) >= 4]
    rng.shuffle(found)  # type: ignore[arg-type]
    curves: dict[str, list[list[float]]] = {"advice": [], "chance": []}
    for whole in found[: args.decisions]:
        some = np.sort(rng.permutation(len(whole.index))[: args.options])  # a shortlist, as a buyer has one
        c = Context(whole.index[some], whole.log_speed[some], whole.log_latency[some])
        o = as_outcomes(p, held, c.index, args.draws)
        truth = {name: float(np.exp(v)) for name, v in zip(o.names, c.log_speed, strict=True)}
        best = max(truth.values())

        def run(name: str, truth: dict[str, float] = truth) -> dict[str, float]:
            return {"throughput": truth[name]}

        curves["advice"].append(follow(o, run, wanted, best, truth, len(c.index)))
        curves["chance"].append(follow(o, run, wanted, best, truth, len(c.index), order=rng.permutation(o.names)))
    out: dict[str, Any] = {"decisions": len(curves["advice"])}
    longest = max((len(x) for x in curves["advice"]), default=0)
    mean = {k: np.mean([x + x[-1:] * (longest - len(x)) for x in v], axis=0) for k, v in curves.items() if v}
    print(f"  {out['decisions']} decisions among devices that were never measured")
    for k in range(longest):
        print(f"    after {k} benchmarks: regret by advice {mean['advice'][k]:.4f}, by chance {mean['chance'][k]:.4f}")
    for target in (0.1, 0.05, 0.02):
        need = {k: next((i for i, x in enumerate(v) if x <= target), None) for k, v in mean.items()}
        print(f"    to a mean regret of {target:g}: advice {need.get('advice')}, chance {need.get('chance')}")
        out[f"to {target:g}"] = need
    return out | {k: v.tolist() for k, v in mean.items()}


def follow(
    o: Outcomes,
    run: Callable[[str], dict[str, float]],
    wanted: Preferences,
    best: float,
    truth: dict[str, float],
    most: int,
    order: Sequence[str] | None = None,
) -> list[float]:
    """Realised regret of the choice before the first benchmark and after each."""

    def lost(current: Outcomes) -> float:
        return float(np.log(best / truth[wanted.rank(current).options[0].name]))

    out, current = [lost(o)], o
    if order is None:

        def learn(_: Outcomes, name: str, result: dict[str, float]) -> Outcomes:
            nonlocal current
            current = condition(current, current.names.index(name), result, rng=np.random.default_rng(0))
            out.append(lost(current))
            return current

        run_until_settled(wanted.rank(o), run, wanted.rank, learn=learn, settled=1e-9, most=most)
    else:
        for name in order[:most]:
            current = condition(current, current.names.index(name), run(name), rng=np.random.default_rng(0))
            out.append(lost(current))
    return out


def fitted(path: Path | None, rows: r.Table, test: np.ndarray, args: argparse.Namespace) -> Posterior:
    """A posterior that was fitted without the test rows: the one given, or a fit with few iterations."""
    if path is not None:
        return Posterior.load(path)
    train = r.take(rows, ~test)
    train = r.take(train, choose_rows(train, args.rows_per_source, args.seed))
    return fit(train, iterations=args.iterations, seed=args.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--parts", default="pilot,regret,calibration,information")
    parser.add_argument("--pilot", type=Path, help="folder of LLM-Pilot's published predictions")
    parser.add_argument("--sources", default="", help="only these sources, separated by commas")
    parser.add_argument("--iterations", type=int, default=8)
    parser.add_argument("--rows-per-source", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--decisions", type=int, default=200, help="decisions of the information part")
    parser.add_argument("--options", type=int, default=8, help="devices on the shortlist of each of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model-posterior", type=Path)
    parser.add_argument("--device-posterior", type=Path)
    parser.add_argument("--print-split", choices=("model", "device"))
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    parts = args.parts.split(",")
    rows = r.table(read_measurements(args.data, sources=[s for s in args.sources.split(",") if s] or None))
    splits = {k: grouped_split(rows, k, rng=np.random.default_rng(args.seed)) for k in ("model", "device")}
    if args.print_split:
        for name in sorted(set(rows[args.print_split][splits[args.print_split]].tolist())):
            print(name)
        return
    results: dict[str, Any] = {}
    if "pilot" in parts and args.pilot is not None:
        print("LLM-Pilot, leave one LLM out", flush=True)
        published = score_published(args.pilot)
        mine = pilot(rows, args.pilot, args)
        for name, purchases in {"hwpredict": mine["purchases"], **published}.items():
            s = success_overspend(purchases)
            low, high = bootstrap(purchases, lambda v: success_overspend(v).score)
            print(f"  {name:<12} success {s.success:.2f}  overspend {s.overspend:.3f}  S/O {s.score:.3f} [{low:.3f}, "
                  f"{high:.3f}]", flush=True)  # fmt: skip
            results.setdefault("pilot", {})[name] = asdict(s) | {"interval": [low, high]}
        results["pilot"]["details"] = mine["details"]
    posterior: Posterior | None = None
    if {"regret", "calibration"} & set(parts):
        posterior = fitted(args.model_posterior, rows, splits["model"], args)
    for part, function in (("regret", regret), ("calibration", calibration)):
        if part in parts and posterior is not None:
            print(f"{part}, unseen models", flush=True)
            results[part] = function(rows, splits["model"], posterior, args)
    if "information" in parts:
        print("value of information, unseen devices", flush=True)
        results["information"] = information(
            rows, splits["device"], fitted(args.device_posterior, rows, splits["device"], args), args
        )
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
