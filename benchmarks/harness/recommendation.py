"""LLM-Pilot's score of a recommendation: whether what was rented serves all users, and how much too much it costs.

The rule is the paper's (Łazuka, Anghel & Parnell, SC'24), and reproduces its published scores: for an LLM and each GPU
profile, the most users per pod that keep the median normalised TTFT and the median inter-token latency within limits;
as many pods as serve all users; of the profiles the cheapest. It succeeds if the pods really serve all users; the
overspend is its extra cost over the cheapest that does; S/O is the harmonic mean of the success rate and of one minus
the mean overspend of the successes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hwpredict.evaluate import decisions
from hwpredict.evaluate.decisions import Purchase, success_overspend

#: The paper's service: users in all, limits in ms per prompt token and ms per token.
USERS = 200
MAX_NTTFT = 100.0
MAX_ITL = 50.0
#: The authors' methods, and what each of their tables of predictions calls the measured figures.
AUTHORS = ("LLM-Pilot", "PARIS", "Selecta", "PerfNet", "PerfNetV2", "RF", "Morphling")
FIRST, FOLLOWING = "median_nttft", "median_itl"
#: Methods that measured the held-out LLM on two reference profiles: these are known to them, as the authors count it.
TWO_SHOT, REFERENCES = ("PARIS", "Selecta", "Morphling"), ("1 x T4", "4 x H100")


@dataclass(frozen=True, slots=True)
class Recommended:
    """Scores over LLMs; ``interval`` is the central 90 % of S/O when LLMs are drawn with replacement."""

    success: float
    overspend: float
    score: float
    interval: tuple[float, float]


def published(folder: Path, method: str) -> pd.DataFrame:
    """What one of the authors' methods predicted, beside what was measured: one row a model, GPU and load."""
    return pd.read_csv(folder / f"expected_predictions_{method}.csv")


def hourly(folder: Path) -> dict[str, float]:
    """The authors' price of each GPU profile, USD per hour."""
    return dict(pd.read_csv(folder / "prices.csv").dropna().set_index("GPU")["price"].to_dict())


def most_users(frame: Any, first: str, following: str) -> dict[str, int]:
    """Most users of each GPU profile up to which the limits hold at every load; profiles that serve none are absent.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows of one LLM: gpu, num_users, and the columns ``first`` (nTTFT) and ``following`` (ITL).
    first, following : str
    """
    out = {}
    for gpu, rows in frame.groupby("gpu", sort=False):
        ordered = rows.sort_values("num_users")
        figures = {name: ordered[name].to_numpy() for name in (first, following)}
        limits = {first: MAX_NTTFT, following: MAX_ITL}
        out[str(gpu)] = int(decisions.most_users(figures, ordered["num_users"].to_numpy(), limits))
    return {gpu: users for gpu, users in out.items() if users}


def cost(users: float, price: float) -> float:
    """Price of as many pods as serve everybody, where one serves so many."""
    return math.ceil(USERS / users) * price


def cheapest(users: Mapping[str, int], prices: Mapping[str, float]) -> str | None:
    """The GPU profile that serves everybody at the lowest price; None if none serves anybody."""
    return min(users, key=lambda gpu: cost(users[gpu], prices[gpu]), default=None)


def buy(said: Mapping[str, int], real: Mapping[str, int], prices: Mapping[str, float]) -> Purchase:
    """The cheapest profile that is predicted to serve everybody, and how it turns out.

    Parameters
    ----------
    said, real : mapping of str to int
        Users that one pod of each profile serves, as predicted and in truth.
    prices : mapping of str to float
    """
    least = min(cost(users, prices[gpu]) for gpu, users in real.items())
    choice = cheapest(said, prices)
    if choice is None:
        return Purchase(float("nan"), least, False)
    met = math.ceil(USERS / said[choice]) * real.get(choice, 0) >= USERS
    return Purchase(cost(said[choice], prices[choice]), least, met)


def purchases(
    truth: Any, predicted: Any, prices: Mapping[str, float], *, first: str, following: str, known: Sequence[str] = ()
) -> list[Purchase]:
    """What predictions lead to buy, LLM by LLM.

    Parameters
    ----------
    truth, predicted : pandas.DataFrame
        Columns model, gpu, num_users, ``first``, ``following``: measured and predicted.
    prices : mapping of str to float
        Price of each GPU profile per hour.
    first, following : str
        Columns of the normalised TTFT and of the inter-token latency.
    known : sequence of str
        GPU profiles on which the LLM was measured, so that the truth stands for the prediction.
    """
    out = []
    for model, measured in truth.groupby("model", sort=False):
        real = most_users(measured, first, following)
        said = most_users(predicted[predicted["model"] == model], first, following)
        said = {gpu: n for gpu, n in said.items() if gpu not in known} | {g: real[g] for g in known if g in real}
        out.append(buy(said, real, prices))
    return out


def of_authors(folder: Path, method: str) -> list[Purchase]:
    """What one of the authors' methods leads to buy."""
    frame = published(folder, method)
    said = frame[["model", "gpu", "num_users"]].assign(
        **{name: frame[f"prediction_{name}"] for name in (FIRST, FOLLOWING)}
    )
    known = REFERENCES if method in TWO_SHOT else ()
    return purchases(frame, said, hourly(folder), first=FIRST, following=FOLLOWING, known=known)


def summarise(bought: Sequence[Purchase], seed: int = 0) -> Recommended:
    """Success rate, overspend and S/O with its bootstrap interval over LLMs."""
    s = success_overspend(bought)
    interval = decisions.bootstrap(bought, lambda some: success_overspend(some).score, seed=seed)
    return Recommended(s.success, s.overspend, s.score, interval)


def score_recommendations(
    truth: Any,
    predicted: Any,
    prices: Mapping[str, float],
    *,
    first: str,
    following: str,
    known: Sequence[str] = (),
    seed: int = 0,
) -> Recommended:
    """Score the recommendations that predictions lead to; see :func:`purchases`."""
    return summarise(purchases(truth, predicted, prices, first=first, following=following, known=known), seed)
