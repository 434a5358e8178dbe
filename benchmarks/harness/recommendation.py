"""LLM-Pilot's score of a recommendation: whether what was rented serves all users, and how much too much it costs.

The rule is the paper's (Łazuka, Anghel & Parnell, SC'24), and reproduces its published scores: for an LLM and each GPU
profile, the most users per pod that keep the median normalised TTFT and the median inter-token latency within limits;
as many pods as serve all users; of the profiles the cheapest. It succeeds if the pods really serve all users; the
overspend is its extra cost over the cheapest that does; S/O is the harmonic mean of the success rate and of one minus
the mean overspend of the successes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

#: The paper's service: users in all, limits in ms per prompt token and ms per token.
USERS = 200
MAX_NTTFT = 100.0
MAX_ITL = 50.0
_BOOTSTRAP = 2000


@dataclass(frozen=True, slots=True)
class Recommended:
    """Scores over LLMs; ``interval`` is the central 90 % of S/O when LLMs are drawn with replacement."""

    success: float
    overspend: float
    score: float
    interval: tuple[float, float]


def most_users(frame: Any, first: str, following: str) -> dict[str, int]:
    """Most users of each GPU profile up to which the limits hold at every load; profiles that serve none are absent.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows of one LLM: gpu, num_users, and the columns ``first`` (nTTFT) and ``following`` (ITL).
    first, following : str
    """
    out = {}
    for gpu, rows in frame.groupby("gpu"):
        ordered = rows.sort_values("num_users")
        holds = ((ordered[first] <= MAX_NTTFT) & (ordered[following] <= MAX_ITL)).to_numpy()
        count = len(holds) if holds.all() else int(np.argmin(holds))
        if count:
            out[str(gpu)] = int(ordered["num_users"].iloc[count - 1])
    return out


def harmonic(success: float, overspend: float) -> float:
    """S/O score of a success rate and a mean overspend, both as fractions; 0 where either fails."""
    thrift = 1 - overspend
    if not success > 0 or not thrift > 0:
        return 0.0
    return 2 * success * thrift / (success + thrift)


def _summary(success: Any, overspend: Any) -> tuple[float, float, float]:
    rate = float(np.mean(success))
    extra = float(np.mean(overspend[success])) if success.any() else float("nan")
    return rate, extra, harmonic(rate, extra)


def _interval(success: Any, overspend: Any, rng: np.random.Generator) -> tuple[float, float]:
    """Central 90 % of S/O when LLMs are drawn with replacement."""
    drawn = rng.integers(len(success), size=(_BOOTSTRAP, len(success)))
    count = success[drawn].sum(axis=1)
    extra = np.where(success, overspend, 0.0)[drawn].sum(axis=1) / np.maximum(count, 1)
    scores = [harmonic(rate, x) for rate, x in zip(count / len(success), extra, strict=True)]
    low, high = np.quantile(scores, [0.05, 0.95])
    return float(low), float(high)


def score_recommendations(
    truth: Any, predicted: Any, prices: Mapping[str, float], *, first: str, following: str, seed: int = 0
) -> Recommended:
    """Score the recommendations that predictions lead to.

    Parameters
    ----------
    truth, predicted : pandas.DataFrame
        Columns model, gpu, num_users, ``first``, ``following``: measured and predicted.
    prices : mapping of str to float
        Price of each GPU profile per hour.
    first, following : str
        Columns of the normalised TTFT and of the inter-token latency.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Recommended
    """
    success, overspend = [], []
    for model, measured in truth.groupby("model"):
        real = most_users(measured, first, following)
        cheapest = min(math.ceil(USERS / users) * prices[gpu] for gpu, users in real.items())
        said = most_users(predicted[predicted["model"] == model], first, following)
        cost = {gpu: math.ceil(USERS / users) * prices[gpu] for gpu, users in said.items()}
        choice = min(cost, key=lambda gpu: cost[gpu]) if cost else None
        enough = choice in real and math.ceil(USERS / said[choice]) * real[choice] >= USERS
        success.append(enough)
        overspend.append(cost[choice] / cheapest - 1 if choice is not None and enough else np.nan)
    good, extra = np.array(success), np.array(overspend)
    return Recommended(*_summary(good, extra), _interval(good, extra, np.random.default_rng(seed)))
