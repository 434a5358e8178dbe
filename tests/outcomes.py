"""Made-up outcomes for tests of decisions: log-normal draws with known moments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwpredict.decision.outcomes import Candidate, Outcomes

DRAWS = 2000


def outcomes(
    log_speed: Sequence[float],
    spread: Sequence[float] | float = 0.1,
    *,
    memory: Sequence[float] | None = None,
    capacity: Sequence[float] | None = None,
    price: Sequence[float] | None = None,
    power: Sequence[float] | None = None,
    correlation: float = 0.0,
    draws: int = DRAWS,
    seed: int = 0,
    names: Sequence[str] | None = None,
) -> Outcomes:
    """Options whose log throughput is Gaussian, with a common part.

    ``price`` and ``power`` default to unknown, ``capacity`` to plenty.
    """
    rng = np.random.default_rng(seed)
    n = len(log_speed)
    common, own = rng.standard_normal(draws), rng.standard_normal((n, draws))
    z = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own
    log = np.asarray(log_speed)[:, None] + np.broadcast_to(spread, n)[:, None] * z
    peak = np.exp(np.log(np.asarray(memory or [1000.0] * n))[:, None] + 0.1 * rng.standard_normal((n, draws)))
    unknown = [np.nan] * n
    return Outcomes(
        [
            Candidate(
                name, "cuda", f"device {i}", "fp16", "inference", "vision", 8.0, 1, "device", 0,
                {"compute": 0.6, "overhead": 0.4},
            )
            for i, name in enumerate(names or "abcdefghij"[:n])
        ],
        np.exp(log),
        8e3 / np.exp(log),
        peak,
        {
            "capacity": np.array(capacity or [1e9] * n),
            "price": np.array(price or unknown),
            "power": np.array(power or unknown),
            "carbon_intensity": np.full(n, 400.0),
            "preference": np.ones(n),
        },
    )  # fmt: skip
